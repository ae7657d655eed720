// What is chosen lives in the page's address, as in #explore?given=cat, so that it can be shared.
// {name in the address: id of the field}; fields whose values are numbers are written as texts.
const CHOICES = {
  series: "series", size: "size", axes: "pair", list: "preset", given: "given", trajectory: "kind",
  planted: "is-planted", predicted: "agrees", decision: "decided", sort: "sort", order: "order",
};
const BY_TEXT = ["series", "size", "list", "given", "trajectory"];
const PAUSE = 250; // milliseconds without a change; browsers refuse an address per mouse move

/** @param {string} name @param {HTMLSelectElement} select */
function choiceText(name, select) {
  return BY_TEXT.includes(name) ? select.selectedOptions[0].text : select.value;
}

/** Returns what differs from the page as it opens. @param {App} app */
function address(app) {
  const { table, state } = app;
  const { points } = table.series[state.series];
  /** @type {Record<string, boolean>} */
  const isUsual = {
    series: state.series === 0,
    size: state.point === points[points.length - 1],
    axes: choice("pair").selectedIndex === 0,
    sort: state.sort === (state.preset === null ? "last" : "preset"),
    order: state.down || state.sort === "preset",
  };
  const query = new URLSearchParams();
  for (const [name, id] of Object.entries(CHOICES)) {
    const select = choice(id);
    if (!(isUsual[name] ?? select.value === "")) query.set(name, choiceText(name, select));
  }
  if (field("search").value) query.set("search", field("search").value);
  if (field("pictured").checked) query.set("pictured", "yes");
  for (const axis of /** @type {const} */ (["x", "y"])) {
    const range = state.region?.[axis].map((end) => end ?? "").join("..");
    if (range && range !== "..") query.set(axis, range);
  }
  if (app.open) query.set("example", table.ids[app.open.example]);
  return query.toString();
}

/** Returns the state in the page's address, null if there is none; an anchor is none. */
function readAddress() {
  const [anchor, ...rest] = location.hash.slice(1).split("?");
  return anchor === "explore" && rest.length ? rest.join("?") : null;
}

/** Writes the address when nothing has changed for a while. @param {App} app */
function writeAddress(app) {
  clearTimeout(app.writing);
  app.writing = setTimeout(() => {
    const query = address(app);
    if (query === (readAddress() ?? "")) return;
    history.replaceState(null, "", query ? `#explore?${query}` : "#explore");
  }, PAUSE);
}

/** Chooses what a state says; names that this page does not have are passed over.
 * @param {App} app @param {string} text */
function applyAddress(app, text) {
  const query = new URLSearchParams(text);
  chooseSeries(app, 0);
  clearFilters(app);
  for (const [name, id] of Object.entries(CHOICES)) {
    const wanted = query.get(name);
    if (wanted === null) continue;
    if (name === "axes") fillPairs(app);
    if (name === "sort") fillSort(app);
    const select = choice(id);
    const option = [...select.options].find((one) => (BY_TEXT.includes(name) ? one.text : one.value) === wanted);
    if (!option) continue;
    select.value = option.value;
    CHANGES[id]?.(app, option.value);
  }
  field("search").value = query.get("search") ?? "";
  field("pictured").checked = query.get("pictured") === "yes";
  const [x, y] = ["x", "y"].map((axis) => rangeOf(query.get(axis)));
  app.state.region = x || y ? { x: x ?? [null, null], y: y ?? [null, null] } : null;
  writeRegion(app.state.region);
}

/** @param {Maybe<string>} text @returns {Maybe<[Maybe<number>, Maybe<number>]>} */
function rangeOf(text) {
  const found = text?.match(/^(-?[\d.]*?)\.\.(-?[\d.]*)$/);
  const ends = (found?.slice(1) ?? []).map((end) => (end === "" ? null : Number(end)));
  return found && ends.every((end) => end === null || Number.isFinite(end)) ? [ends[0], ends[1]] : null;
}

/** Shows what the address says, when the page opens and when the address changes.
 * @param {App} app */
function followAddress(app) {
  const text = readAddress();
  if (text === null || text === address(app)) return;
  applyAddress(app, text);
  update(app);
  at("explore").scrollIntoView();
  const id = new URLSearchParams(text).get("example");
  const example = id === null ? -1 : app.table.ids.indexOf(id);
  const dialog = /** @type {HTMLDialogElement} */ (at("detail"));
  if (example >= 0) openDetail(app, example).catch(problem);
  else if (dialog.open) dialog.close();
}
