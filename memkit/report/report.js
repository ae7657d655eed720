/** @param {App} app */
function fillPairs(app) {
  const { pairs, views, series } = app.table;
  const { name } = series[app.state.series];
  /** @param {string} pair */
  const fits = (pair) => views.some((view) => view.pair === pair && view.series === name
    && (view.point === null || view.point === app.state.point));
  const fitting = Object.keys(pairs).filter(fits);
  if (!fitting.includes(app.state.pair)) chooseAxes(app, fitting[0]);
  fill(choice("pair"), fitting.map((pair) => [pair, pairs[pair].title]), app.state.pair);
}

/** @param {App} app @param {string} pair */
function chooseAxes(app, pair) {
  app.state.pair = pair;
  app.state.region = null;
  writeRegion(null);
}

/** @param {App} app */
function fillSort(app) {
  const titles = sortTitles(app);
  if (!(app.state.sort in titles)) app.state.sort = "last";
  fill(choice("sort"), Object.entries(titles), app.state.sort);
  labelOf(at("order")).hidden = app.state.sort === "preset";
}

/** @param {App} app @param {number} number */
function chooseSeries(app, number) {
  const { table, state } = app;
  const { name, points, kinds } = table.series[number];
  Object.assign(state, { series: number, point: points[points.length - 1], preset: null });
  app.presets = table.presets.filter((preset) => preset.series === name);
  choice("series").value = String(number);
  fill(choice("size"), points.map((place) => [place, table.points[place].place]), state.point);
  /** @type {[number, string][]} */
  const titles = app.presets.map(({ title }, k) => [k, title]);
  fill(choice("preset"), [["", "all examples"], ...titles], "");
  const present = kinds ? [...new Set(kinds)].sort((a, b) => a - b) : [];
  /** @type {[number, string][]} */
  const named = present.map((code) => [code, table.kinds[code]]);
  fill(choice("kind"), [["", "any"], ...named], "");
}

/** Brings the page in line with what is chosen; the list starts at its first page again.
 * @param {App} app */
function update(app) {
  app.state.limit = PAGE;
  fillPairs(app);
  fillSort(app);
  drawScatter(app);
  drawList(app);
  writeAddress(app);
}

/** What a field changes beside its own value.
 * @type {Record<string, (app: App, value: string) => void>} */
const CHANGES = {
  pair: (app, value) => chooseAxes(app, value),
  series: (app, value) => chooseSeries(app, Number(value)),
  size: (app, value) => { app.state.point = Number(value); },
  preset: (app, value) => {
    app.state.preset = value === "" ? null : Number(value);
    app.state.sort = value === "" ? "last" : "preset";
  },
  sort: (app, value) => { app.state.sort = value; },
  order: (app, value) => { app.state.down = value === "down"; },
};

/** @param {App} app */
function listenToChoices(app) {
  /** @param {string} id @param {string} event @param {(value: string) => void} change */
  const on = (id, event, change) => at(id).addEventListener(event, () => {
    change(field(id).value);
    update(app);
  });
  for (const [id, change] of Object.entries(CHANGES)) on(id, "change", (value) => change(app, value));
  on("clear-region", "click", () => chooseAxes(app, app.state.pair));
  on("clear-filters", "click", () => clearFilters(app));
  for (const id of ["given", "kind", "is-planted", "agrees", "decided", "pictured"]) on(id, "change", () => {});
  on("search", "input", () => {});
  for (const id of ["x-from", "x-to", "y-from", "y-to"]) {
    at(id).addEventListener("change", () => setRegion(app, readRegion()));
  }
  for (const form of ["view-form", "region-form", "filters"]) {
    at(form).addEventListener("submit", (event) => event.preventDefault());
  }
  at("more").addEventListener("click", () => showMore(app));
}

/** @param {App} app */
function clearFilters(app) {
  /** @type {HTMLFormElement} */ (at("filters")).reset();
  Object.assign(app.state, { preset: null, sort: "last", down: true });
  chooseAxes(app, app.state.pair);
}

/** Says how many examples have a picture, if not all have one. @param {App} app */
function sayPictured(app) {
  const { table, albums } = app;
  const kept = albums.train?.places.size ?? 0;
  at("pictured-note").hidden = labelOf(at("pictured")).hidden = kept === table.count;
  at("pictured-note").textContent = `This page has pictures of ${said(kept)} of ${said(table.count)} examples: those of lists and sections, and an evenly spaced sample of the ranking by memorization.`;
}

/** @param {Data<Packed, PackedText>} data */
async function start(data) {
  const [table, albums] = await Promise.all([readTable(data), readAlbums(data.albums)]);
  paintSections(albums);
  paintLines(table);
  /** @type {State} */
  const state = { pair: "", series: 0, point: 0, preset: null, region: null, sort: "last", down: true, limit: PAGE };
  /** @type {App} */
  const app = { table, albums, state, presets: [], orders: {}, decisions: new Map(), found: [], open: null };
  at("explorer").hidden = false;
  const codes = [...new Set(table.given)].sort((a, b) => a - b);
  /** @type {[number, string][]} */
  const given = codes.map((code) => [code, className(table, code)]);
  fill(choice("given"), [["", "any"], ...given], "");
  fill(choice("series"), table.series.map(({ name }, k) => [k, name]), 0);
  const planted = table.given.some((_, i) => isPlanted(table, i));
  labelOf(at("is-planted")).hidden = at("dot-key").hidden = !planted;
  sayPictured(app);
  chooseSeries(app, 0);
  listenToChoices(app);
  listenToScatter(app);
  openFromCards(app);
  listenToDetail(app);
  listenToDecisions(app);
  update(app);
  redrawWhenNeeded(app);
  window.addEventListener("hashchange", () => followAddress(app));
  followAddress(app);
}

/** @param {App} app */
function redrawWhenNeeded(app) {
  let width = at("scatter").clientWidth;
  new ResizeObserver(() => {
    if (at("scatter").clientWidth === width) return;
    width = at("scatter").clientWidth;
    drawScatter(app);
  }).observe(at("scatter"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawScatter(app));
}

const examples = document.getElementById("examples");
if (examples) await start(JSON.parse(examples.textContent ?? "")).catch(problem);
