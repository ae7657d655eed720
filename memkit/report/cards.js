// The gallery: one card per listed example, a page at a time.
const PAGE = 24;

function describe(list, facts) {
  list.replaceChildren(...facts.flatMap(([name, value]) => {
    const [term, text] = ["dt", "dd"].map((tag) => document.createElement(tag));
    [term.textContent, text.textContent] = [name, value];
    return [term, text];
  }));
}

function isPlanted(table, example) {
  return table.given[example] !== table.label[example];
}

function factsOf(app, example) {
  const { table, state } = app;
  const { kinds } = table.series[state.series];
  const facts = [["given", className(table, table.given[example])]];
  if (isPlanted(table, example)) facts.push(["true", className(table, table.label[example])]);
  facts.push(["predicted", className(table, table.points[state.point].predicted[example])]);
  if (kinds) facts.push(["trajectory", table.kinds[kinds[example]]]);
  return facts;
}

function pictureText(table, example) {
  return `Example ${table.ids[example]}, labeled ${className(table, table.given[example])}`;
}

function card(app, example) {
  const { table, sheets } = app;
  const { points } = table.series[app.state.series];
  const [first, last] = ends(app);
  const value = (place) => shown(columnOf(table, place, "value")[example]);
  const element = at("card-template").content.firstElementChild.cloneNode(true);
  const part = (name) => element.querySelector(name);
  element.dataset.example = example;
  element.classList.toggle("planted", isPlanted(table, example));
  part(".flipped").hidden = !isPlanted(table, example);
  part(".id").textContent = table.ids[example];
  paint(part(".picture"), sheets.train, example, pictureText(table, example));
  describe(part("dl"), factsOf(app, example));
  part(".line").replaceChildren(sparkline(table, points, example));
  part(".ends").textContent = first === last ? value(last) : `${value(first)} → ${value(last)}`;
  part(".interval").textContent = `95%: ${interval(table, last, example)}`;
  return element;
}

function drawList(app) {
  const { state } = app;
  app.found = listed(app);
  const cards = app.found.slice(0, state.limit).map((example) => card(app, example));
  at("cards").replaceChildren(...cards);
  at("count").textContent = countText(app, app.found.length, cards.length);
  at("more").hidden = cards.length === app.found.length;
  const preset = state.preset === null ? null : app.presets[state.preset];
  at("preset-note").textContent = preset ? preset.note : "";
}

function showMore(app) {
  const before = app.state.limit;
  app.state.limit += PAGE;
  drawList(app);
  at("cards").children[before].querySelector("button").focus();
}

function openFromCards(app) {
  document.querySelector("main").addEventListener("click", (event) => {
    const element = event.target.closest("li.card[data-example]");
    if (!element) return;
    element.querySelector("button").focus();
    openDetail(app, Number(element.dataset.example)).catch(problem);
  });
}
