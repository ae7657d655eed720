// The gallery: one card per listed example, a page at a time.
const PAGE = 24;

/** @param {HTMLElement} list @param {[string, string][]} facts */
function describe(list, facts) {
  list.replaceChildren(...facts.flatMap(([name, value]) => (
    [textElement("dt", name), textElement("dd", value)])));
}

/** @param {Table} table @param {number} example */
function isPlanted(table, example) {
  return table.given[example] !== table.label[example];
}

/** @param {App} app @param {number} example */
function factsOf(app, example) {
  const { table, state } = app;
  const { kinds } = table.series[state.series];
  /** @type {[string, string][]} */
  const facts = [["given", className(table, table.given[example])]];
  if (isPlanted(table, example)) facts.push(["true", className(table, table.label[example])]);
  facts.push(["predicted", className(table, table.points[state.point].predicted[example])]);
  if (kinds) facts.push(["trajectory", table.kinds[kinds[example]]]);
  return facts;
}

/** @param {Table} table @param {number} example */
function pictureText(table, example) {
  return `Example ${table.ids[example]}, labeled ${className(table, table.given[example])}`;
}

/** Fills a copy of the template of cards: picture, id, facts and trajectory.
 * @param {App} app @param {HTMLElement} element @param {number} example */
function fillCard(app, element, example) {
  const { table, albums } = app;
  const { points } = table.series[app.state.series];
  const [first, last] = ends(app);
  /** @param {number} place */
  const value = (place) => shown(columnOf(table, place, "value")[example]);
  element.dataset.example = String(example);
  element.classList.toggle("planted", isPlanted(table, example));
  part(element, ".flipped").hidden = !isPlanted(table, example);
  part(element, ".id").textContent = table.ids[example];
  paint(part(element, ".picture"), albums.train, example, pictureText(table, example));
  describe(part(element, "dl"), factsOf(app, example));
  part(element, ".line").replaceChildren(sparkline(table, points, example));
  part(element, ".ends").textContent = first === last ? value(last) : `${value(first)} → ${value(last)}`;
  part(element, ".interval").textContent = `95%: ${interval(table, last, example)}`;
  return element;
}

/** @param {App} app */
function drawList(app) {
  const { state } = app;
  app.found = listed(app);
  const cards = app.found.slice(0, state.limit)
    .map((example) => fillCard(app, copied("card-template"), example));
  at("cards").replaceChildren(...cards);
  at("count").textContent = countText(app, app.found.length, cards.length);
  at("more").hidden = cards.length === app.found.length;
  at("preset-note").textContent = state.preset === null ? "" : app.presets[state.preset].note;
}

/** @param {App} app */
function showMore(app) {
  const before = app.state.limit;
  app.state.limit += PAGE;
  drawList(app);
  part(at("cards").children[before], "button").focus();
}

/** Opens the example of the card that is pressed, in the gallery and in sections.
 * @param {App} app */
function openFromCards(app) {
  part(document, "main").addEventListener("click", (event) => {
    const pressed = /** @type {Element} */ (event.target);
    const element = pressed.closest("li.card[data-example]");
    if (!(element instanceof HTMLElement) || pressed.closest("[data-decide]")) return;
    part(element, "button").focus();
    openDetail(app, Number(element.dataset.example)).catch(problem);
  });
}
