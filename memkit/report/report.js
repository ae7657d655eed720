function problem(error) {
  at("explorer-problem").textContent = `The examples could not be shown: ${error.message}`;
  at("explorer-problem").hidden = false;
  throw error;
}

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, title]) => new Option(title, value)));
  select.value = chosen;
  // A choice of one is no choice.
  select.closest("label").hidden = options.length < 2;
}

function fillPairs(app) {
  const { pairs, views, series } = app.table;
  const { name } = series[app.state.series];
  const fits = (pair) => views.some((view) => view.pair === pair && view.series === name
    && (view.point === null || view.point === app.state.point));
  const fitting = Object.keys(pairs).filter(fits);
  if (!fitting.includes(app.state.pair)) chooseAxes(app, fitting[0]);
  fill(at("pair"), fitting.map((pair) => [pair, pairs[pair].title]), app.state.pair);
}

function chooseAxes(app, pair) {
  app.state.pair = pair;
  app.state.region = null;
  writeRegion(null);
}

function fillSort(app) {
  const titles = sortTitles(app);
  if (!(app.state.sort in titles)) app.state.sort = "last";
  fill(at("sort"), Object.entries(titles), app.state.sort);
  at("order").closest("label").hidden = app.state.sort === "preset";
}

function chooseSeries(app, number) {
  const { table, state } = app;
  const { name, points, kinds } = table.series[number];
  Object.assign(state, { series: number, point: points.at(-1), preset: null });
  app.presets = table.presets.filter((preset) => preset.series === name);
  fill(at("size"), points.map((place) => [place, table.points[place].place]), state.point);
  fill(at("preset"), [["", "all examples"], ...app.presets.map(({ title }, k) => [k, title])], "");
  const present = kinds ? [...new Set(kinds)].sort((a, b) => a - b) : [];
  fill(at("kind"), [["", "any"], ...present.map((code) => [code, table.kinds[code]])], "");
}

// Brings the page in line with what is chosen; the list starts at its first page again.
function update(app) {
  app.state.limit = PAGE;
  fillPairs(app);
  fillSort(app);
  drawList(app);
  return redrawScatter(app);
}

function listenToChoices(app) {
  const { state } = app;
  const on = (id, event, change) => at(id).addEventListener(event, () => {
    change(at(id).value);
    update(app);
  });
  on("pair", "change", (value) => chooseAxes(app, value));
  on("series", "change", (value) => chooseSeries(app, Number(value)));
  on("size", "change", (value) => { state.point = Number(value); });
  on("preset", "change", (value) => {
    state.preset = value === "" ? null : Number(value);
    state.sort = value === "" ? "last" : "preset";
  });
  on("sort", "change", (value) => { state.sort = value; });
  on("order", "change", (value) => { state.down = value === "down"; });
  on("clear-region", "click", () => chooseAxes(app, state.pair));
  on("clear-filters", "click", () => clearFilters(app));
  for (const id of ["given", "kind", "is-planted", "agrees", "pictured"]) on(id, "change", () => {});
  on("search", "input", () => {});
  for (const id of ["x-from", "x-to", "y-from", "y-to"]) {
    at(id).addEventListener("change", () => readRegion(app));
  }
  for (const form of ["view-form", "region-form", "filters"]) {
    at(form).addEventListener("submit", (event) => event.preventDefault());
  }
  at("more").addEventListener("click", () => showMore(app));
}

function clearFilters(app) {
  at("filters").reset();
  Object.assign(app.state, { preset: null, sort: "last", down: true });
  chooseAxes(app, app.state.pair);
}

async function start(data) {
  const [table, sheets] = await Promise.all([readTable(data), readSheets(data.sheets)]);
  paintSections(sheets);
  paintLines(table);
  const state = { pair: null, region: null, sort: "last", down: true, limit: PAGE };
  const app = { table, sheets, state, orders: {}, drawing: Promise.resolve() };
  at("explorer").hidden = false;
  const codes = [...new Set(table.given)].sort((a, b) => a - b);
  fill(at("given"), [["", "any"], ...codes.map((code) => [code, className(table, code)])], "");
  fill(at("series"), table.series.map(({ name }, k) => [k, name]), 0);
  at("is-planted").closest("label").hidden = !table.given.some((_, i) => isPlanted(table, i));
  chooseSeries(app, 0);
  listenToChoices(app);
  openFromCards(app);
  listenToDetail(app);
  await update(app);
}

const examples = at("examples");
if (examples) await start(JSON.parse(examples.textContent)).catch(problem);
