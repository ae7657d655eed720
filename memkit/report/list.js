// Which examples the gallery lists, and in which order.
/** @param {App} app @returns {[number, number]} */
function ends(app) {
  const { points } = app.table.series[app.state.series];
  return [points[0], points[points.length - 1]];
}

/** @param {App} app @returns {Numbers} */
function changeOf(app) {
  const [first, last] = ends(app).map((place) => columnOf(app.table, place, "value"));
  return last.map((value, i) => (value === MISSING || first[i] === MISSING ? MISSING : value - first[i]));
}

/** @type {Record<string, (app: App) => Numbers>} */
const SORTS = {
  last: (app) => columnOf(app.table, ends(app)[1], "value"),
  first: (app) => columnOf(app.table, ends(app)[0], "value"),
  change: changeOf,
  prob: (app) => columnOf(app.table, app.state.point, "out_prob"),
};

/** @param {App} app @returns {Record<string, string>} */
function sortTitles(app) {
  /** @param {number} k */
  const place = (k) => app.table.points[k].place;
  const [first, last] = ends(app);
  /** @type {Record<string, string>} */
  const titles = { last: `memorization at ${place(last)}` };
  if (first !== last) titles.first = `memorization at ${place(first)}`;
  if (first !== last) titles.change = "change from smallest to largest";
  titles.prob = `out-of-sample probability at ${place(app.state.point)}`;
  return app.state.preset === null ? titles : { preset: "order of the list", ...titles };
}

/** Returns all examples in the chosen order, those without a value last, ties in order of the data.
 * @param {App} app @returns {ArrayLike<number>} */
function ordered(app) {
  const { sort, down, preset } = app.state;
  if (sort === "preset" && preset !== null) return app.presets[preset].examples;
  const key = [app.state.series, app.state.point, sort, down].join();
  if (app.orders.key !== key) {
    const values = SORTS[sort](app);
    const sign = down ? -1 : 1;
    const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => {
      if (values[a] === MISSING || values[b] === MISSING) {
        return Number(values[a] === MISSING) - Number(values[b] === MISSING);
      }
      return sign * (values[a] - values[b]);
    });
    app.orders = { key, order };
  }
  return app.orders.order ?? [];
}

/** @param {number} value @param {[Maybe<number>, Maybe<number>]} range */
function between(value, [low, high]) {
  if (low === null && high === null) return true;
  if (value === MISSING) return false;
  return (low === null || value / SCALE >= low) && (high === null || value / SCALE <= high);
}

/** @param {App} app @param {Region} region */
function inRegion(app, region) {
  const { x, y } = currentView(app);
  const [across, up] = [x, y].map((axis) => columnOf(app.table, ...axis));
  /** @param {number} i */
  return (i) => between(across[i], region.x) && between(up[i], region.y);
}

/** @param {App} app */
function searching(app) {
  const wanted = field("search").value.trim().toLowerCase();
  if (!wanted) return null;
  const lower = app.lower ??= app.table.ids.map((id) => id.toLowerCase());
  /** @param {number} i */
  return (i) => lower[i].includes(wanted);
}

/** Returns the conditions that an example must meet, as functions of its index.
 * @param {App} app @returns {((i: number) => boolean)[]} */
function conditions(app) {
  const { table, state } = app;
  const { predicted } = table.points[state.point];
  const { kinds } = table.series[state.series];
  const [given, kind, planted, agrees, decided] = ["given", "kind", "is-planted", "agrees", "decided"]
    .map((id) => choice(id).value);
  /** @type {((i: number) => boolean)[]} */
  const found = [];
  const search = searching(app);
  if (search) found.push(search);
  if (state.preset !== null) {
    const members = new Set(app.presets[state.preset].examples);
    found.push((i) => members.has(i));
  }
  if (given) found.push((i) => table.given[i] === Number(given));
  if (kind) found.push((i) => kinds?.[i] === Number(kind));
  /** @param {Numbers} column @returns {(i: number) => boolean} */
  const differs = (column) => (i) => column[i] >= 0 && column[i] !== table.given[i];
  /** @param {Numbers} column @returns {(i: number) => boolean} */
  const equals = (column) => (i) => column[i] === table.given[i];
  if (planted) found.push((planted === "yes" ? differs : equals)(table.label));
  if (agrees) found.push((agrees === "no" ? differs : equals)(predicted));
  if (decided) found.push((i) => decisionOf(app, i) === decided);
  if (field("pictured").checked) found.push((i) => hasPicture(app.albums.train, i));
  if (state.region) found.push(inRegion(app, state.region));
  return found;
}

/** @param {App} app */
function listed(app) {
  const all = conditions(app);
  const order = ordered(app);
  const found = [];
  for (let k = 0; k < order.length; k++) {
    if (all.every((holds) => holds(order[k]))) found.push(order[k]);
  }
  return found;
}

/** @param {App} app @param {number} found @param {number} visible */
function countText(app, found, visible) {
  const all = said(app.table.count);
  if (found) {
    const some = visible < found ? ` The first ${said(visible)} are shown.` : "";
    return `${said(found)} of ${all} examples.${some}`;
  }
  const search = searching(app);
  const alone = search ? app.table.ids.filter((_, i) => search(i)).length : 0;
  const hint = alone ? ` ${said(alone)} would without the other filters.` : "";
  return `No example of ${all} meets all filters.${hint}`;
}
