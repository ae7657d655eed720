// One example in full: its picture, its numbers by size, images like it, the test examples it acts on.
/** @param {App} app @param {number} example */
function trajectoryRows(app, example) {
  const { table } = app;
  const names = { value: "memorization", in_mean: "in-sample", out_mean: "out-of-sample" };
  return table.series[app.state.series].points.flatMap((place) => {
    const { size, name } = table.points[place];
    /** @param {string} quantity */
    const number = (quantity) => fraction(columnOf(table, place, quantity)[example]);
    return Object.entries(names).map(([quantity, title]) => {
      const bounds = quantity === "value" ? { lower: number("lower"), upper: number("upper") } : {};
      return { size, name, quantity: title, value: number(quantity), ...bounds };
    });
  }).filter((row) => row.value !== null);
}

// Vega charts do not shrink by themselves: on a narrow screen they are made narrow.
/** @param {any} spec @param {HTMLElement} place @param {number} widest */
function fitted(spec, place, widest) {
  const width = Math.min(widest, place.clientWidth);
  return { ...spec, width, autosize: { type: "fit", contains: "padding" } };
}

/** @param {App} app @param {number} example */
async function drawTrajectory(app, example) {
  const place = at("detail-chart");
  app.trajectory?.finalize();
  const spec = fitted(themed(app.table.trajectory), place, 660);
  spec.data = { values: trajectoryRows(app, example) };
  app.trajectory = await vegaEmbed(place, spec, { actions: false, renderer: "svg" });
  hideWordless(place);
}

/** @param {App} app @param {number} place @param {number} example */
function numberRow(app, place, example) {
  const { table } = app;
  const point = table.points[place];
  /** @param {string} quantity */
  const number = (quantity) => shown(columnOf(table, place, quantity)[example]);
  const row = document.createElement("tr");
  const head = textElement("th", point.place);
  head.setAttribute("scope", "row");
  const cells = [
    number("value"), interval(table, place, example), number("raw"), number("in_mean"),
    number("out_mean"), number("out_prob"), said(point.num_in[example]), said(point.num_out[example]),
    className(table, point.predicted[example]),
  ];
  row.append(head, ...cells.map((text) => textElement("td", text)));
  return row;
}

/** @param {App} app @param {{test: number, infl: number, q: number}} influence */
function testItem(app, { test, infl, q }) {
  const { table, albums } = app;
  const label = className(table, table.test.label[test]);
  const item = document.createElement("li");
  const picture = document.createElement("span");
  picture.className = "picture";
  paint(picture, albums.test, test, `Test example ${table.test.ids[test]}, labeled ${label}`);
  const known = q === MISSING ? "" : `, q ${q ? shown(q) : "< 0.001"}`;
  const lines = [label, `influence ${shown(infl)}${known}`].map((text) => textElement("span", text));
  item.append(picture, textElement("b", table.test.ids[test]), ...lines);
  return item;
}

/** @param {App} app @param {{example: number, likeness: number}} neighbor */
function similarItem(app, { example, likeness }) {
  const { table, albums } = app;
  const item = document.createElement("li");
  const picture = document.createElement("span");
  picture.className = "picture";
  paint(picture, albums.train, example, pictureText(table, example));
  const button = textElement("button", table.ids[example]);
  button.setAttribute("type", "button");
  button.className = "id";
  button.addEventListener("click", () => openDetail(app, example).catch(problem));
  const value = shown(columnOf(table, app.state.point, "value")[example]);
  const lines = [className(table, table.given[example]), `memorization ${value}`, `similarity ${shown(likeness)}`];
  item.append(picture, button, ...lines.map((text) => textElement("span", text)));
  return item;
}

/** @param {App} app @param {number} example */
async function drawSimilar(app, example) {
  const found = await similarTo(app.table, example);
  at("similar").hidden = !found;
  at("detail-similar").replaceChildren(...(found ?? []).map((one) => similarItem(app, one)));
  const space = app.table.similar?.space === "pixels" ? "its pixels" : "the networks' features";
  at("similar-note").textContent = `The training images nearest to it in ${space}, the nearest first; similarity is the cosine, at most 1.`;
}

/** @param {App} app @param {number} example */
async function drawInfluences(app, example) {
  const { place } = app.table.points[app.state.point];
  const found = await influencesOf(app.table, app.state.point, example);
  at("detail-note").textContent = !found
    ? `There are no influences at ${place}: they need two runs and test examples.`
    : found.length
      ? `At ${place}, the strongest first: accuracy on the test example with this one in the training set minus without (higher = it helps more). q, the false discovery rate, stands where the pair is listed.`
      : `At ${place} this example has no positive influence on a test example.`;
  at("detail-tests").replaceChildren(...(found ?? []).map((one) => testItem(app, one)));
}

/** @param {App} app @param {number} example */
async function openDetail(app, example) {
  const { table, albums } = app;
  const { points } = table.series[app.state.series];
  // From one example to the next, focus goes back to where the first was opened.
  app.open = { example, from: app.open?.from ?? document.activeElement ?? document.body };
  at("detail-title").textContent = table.ids[example];
  paint(at("detail-picture"), albums.train, example, pictureText(table, example));
  const facts = factsOf(app, example);
  if (table.series.length > 1) facts.push(["series", table.series[app.state.series].name]);
  if (isPlanted(table, example)) facts.push(["label", "planted"]);
  describe(at("detail-facts"), facts);
  offerDecision(app, at("detail-decide"), example);
  at("detail-numbers").replaceChildren(...points.map((place) => numberRow(app, place, example)));
  fill(choice("detail-size"), points.map((place) => [place, table.points[place].place]), app.state.point);
  const dialog = /** @type {HTMLDialogElement} */ (at("detail"));
  if (!dialog.open) dialog.showModal();
  at("detail-title").focus();
  writeAddress(app);
  dialog.scrollTop = 0;
  await Promise.all([
    drawSimilar(app, example), drawInfluences(app, example), drawTrajectory(app, example),
  ]);
}

/** @param {App} app */
function listenToDetail(app) {
  const dialog = /** @type {HTMLDialogElement} */ (at("detail"));
  at("detail-close").addEventListener("click", () => dialog.close());
  at("detail-size").addEventListener("change", () => {
    if (!app.open) return;
    choice("size").value = choice("detail-size").value;
    at("size").dispatchEvent(new Event("change"));
    describe(at("detail-facts"), factsOf(app, app.open.example));
    drawInfluences(app, app.open.example).catch(problem);
  });
  dialog.addEventListener("close", () => {
    if (!app.open) return;
    const { example, from } = app.open;
    app.open = null;
    writeAddress(app);
    // The card that was pressed may have been drawn anew meanwhile.
    const again = elements(`[data-example="${example}"] button`, at("cards"))[0];
    const back = from.isConnected && from !== document.body ? from : again ?? at("scatter");
    /** @type {HTMLElement} */ (back).focus();
  });
}
