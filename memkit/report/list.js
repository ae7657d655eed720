// Which examples the gallery lists, and in which order.
const at = (id) => document.getElementById(id);
const said = (count) => count.toLocaleString("en-US");

function ends(app) {
  const { points } = app.table.series[app.state.series];
  return [points[0], points.at(-1)];
}

function changeOf(app) {
  const [first, last] = ends(app).map((place) => columnOf(app.table, place, "value"));
  return last.map((value, i) => (value === MISSING || first[i] === MISSING ? MISSING : value - first[i]));
}

const SORTS = {
  last: (app) => columnOf(app.table, ends(app)[1], "value"),
  first: (app) => columnOf(app.table, ends(app)[0], "value"),
  change: changeOf,
  prob: (app) => columnOf(app.table, app.state.point, "out_prob"),
};

function sortTitles(app) {
  const place = (k) => app.table.points[k].place;
  const [first, last] = ends(app);
  const titles = { last: `memorization at ${place(last)}` };
  if (first !== last) titles.first = `memorization at ${place(first)}`;
  if (first !== last) titles.change = "change from smallest to largest";
  titles.prob = `out-of-sample probability at ${place(app.state.point)}`;
  return app.state.preset === null ? titles : { preset: "order of the list", ...titles };
}

// Returns all examples in the chosen order, those without a value last, ties in order of the data.
function ordered(app) {
  const { sort, down } = app.state;
  if (sort === "preset") return app.presets[app.state.preset].examples;
  const key = [app.state.series, app.state.point, sort, down].join();
  if (app.orders.key !== key) {
    const values = SORTS[sort](app);
    const sign = down ? -1 : 1;
    const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => {
      if (values[a] === MISSING || values[b] === MISSING) {
        return (values[a] === MISSING) - (values[b] === MISSING);
      }
      return sign * (values[a] - values[b]);
    });
    app.orders = { key, order };
  }
  return app.orders.order;
}

function between(value, [low, high]) {
  if (low === null && high === null) return true;
  if (value === MISSING) return false;
  return (low === null || value / SCALE >= low) && (high === null || value / SCALE <= high);
}

function inRegion(app) {
  const { x, y } = currentView(app);
  const { region } = app.state;
  const [across, up] = [x, y].map((axis) => columnOf(app.table, ...axis));
  return (i) => between(across[i], region.x) && between(up[i], region.y);
}

function searching(app) {
  const wanted = at("search").value.trim().toLowerCase();
  app.lower ??= app.table.ids.map((id) => id.toLowerCase());
  return wanted && ((i) => app.lower[i].includes(wanted));
}

// Returns the conditions that an example must meet, as functions of its index.
function conditions(app) {
  const { table, state } = app;
  const value = (id) => at(id).value;
  const { predicted } = table.points[state.point];
  const { kinds } = table.series[state.series];
  const found = [searching(app)];
  if (state.preset !== null) {
    const members = new Set(app.presets[state.preset].examples);
    found.push((i) => members.has(i));
  }
  if (value("given")) found.push((i) => table.given[i] === Number(value("given")));
  if (value("kind")) found.push((i) => kinds[i] === Number(value("kind")));
  const differs = (column) => (i) => column[i] >= 0 && column[i] !== table.given[i];
  const equals = (column) => (i) => column[i] === table.given[i];
  if (value("is-planted")) found.push((value("is-planted") === "yes" ? differs : equals)(table.label));
  if (value("agrees")) found.push((value("agrees") === "no" ? differs : equals)(predicted));
  if (at("pictured").checked) found.push((i) => hasPicture(app.sheets.train, i));
  if (state.region) found.push(inRegion(app));
  return found.filter(Boolean);
}

function listed(app) {
  const all = conditions(app);
  return Array.from(ordered(app)).filter((i) => all.every((holds) => holds(i)));
}

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
