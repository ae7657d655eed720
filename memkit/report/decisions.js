// What the reader decides on labels: kept in the browser, and exported as a file of labels.
const DECISIONS = ["accepted", "relabeled", "kept"];

/** @param {App} app */
const storageKey = (app) => `memkit labels ${app.table.study}`;

/** Returns {id: name of the class}; nothing where the browser refuses to keep anything.
 * @param {App} app @returns {Map<string, string>} */
function readDecisions(app) {
  try {
    const kept = JSON.parse(localStorage.getItem(storageKey(app)) ?? "{}");
    const known = new Set(app.table.class_names);
    return new Map(Object.entries(kept).filter(([, name]) => known.has(name)));
  } catch {
    return new Map();
  }
}

/** @param {App} app @returns {boolean} whether the browser kept them */
function keepDecisions(app) {
  try {
    localStorage.setItem(storageKey(app), JSON.stringify(Object.fromEntries(app.decisions)));
    return true;
  } catch {
    return false;
  }
}

/** Returns "accepted", "relabeled", "kept" or "".
 * @param {App} app @param {number} example */
function decisionOf(app, example) {
  const { table } = app;
  const name = app.decisions.get(table.ids[example]);
  if (name === undefined) return "";
  if (name === table.class_names[table.given[example]]) return "kept";
  return name === table.class_names[table.suggested[example]] ? "accepted" : "relabeled";
}

/** Sets the label of an example; the same label again, or -1, takes the decision back.
 * @param {App} app @param {number} example @param {number} code */
function decide(app, example, code) {
  const { table, decisions } = app;
  const [id, name] = [table.ids[example], table.class_names[code]];
  if (code < 0 || decisions.get(id) === name) decisions.delete(id);
  else decisions.set(id, name);
  showDecisions(app, keepDecisions(app));
}

/** Brings everything that shows decisions in line with them.
 * @param {App} app @param {boolean} kept whether the browser keeps them */
function showDecisions(app, kept) {
  for (const place of elements("[data-decide]")) showDecision(app, place);
  const all = app.table.ids.flatMap((_, i) => decisionOf(app, i) || []);
  const counts = DECISIONS.map((name) => `${said(all.filter((one) => one === name).length)} ${name}`);
  const lost = kept ? "" : " This browser does not keep them: export them before you leave the page.";
  for (const place of elements(".decided-count")) {
    place.textContent = all.length ? `${counts.join(", ")}.${lost}` : "No label is decided yet.";
  }
  for (const button of elements(".export, .forget")) {
    /** @type {HTMLButtonElement} */ (button).disabled = !all.length;
  }
  if (choice("decided").value) drawList(app);
}

/** @param {App} app @param {HTMLElement} place */
function showDecision(app, place) {
  const { table } = app;
  const example = Number(place.dataset.decide);
  const decision = decisionOf(app, example);
  for (const button of elements("button[data-code]", place)) {
    button.setAttribute("aria-pressed", String(button.dataset.decision === decision));
  }
  const select = /** @type {HTMLSelectElement} */ (part(place, "select"));
  const name = decision === "relabeled" ? app.decisions.get(table.ids[example]) ?? "" : "";
  select.options[0].textContent = name ? `Relabeled: ${name}` : "Relabel …";
  select.selectedIndex = 0;
  const host = place.closest("li");
  if (host) host.dataset.decision = decision;
}

/** Fills a place with the buttons that decide on an example.
 * @param {App} app @param {HTMLElement} place @param {number} example */
function offerDecision(app, place, example) {
  const { table } = app;
  place.dataset.decide = String(example);
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", `Label of ${table.ids[example]}`);
  /** @type {[string, string, number][]} */
  const offers = [["accepted", "Accept", table.suggested[example]], ["kept", "Keep", table.given[example]]];
  const buttons = offers.filter(([, , code]) => code >= 0).map(([decision, verb, code]) => {
    const button = textElement("button", `${verb} ${className(table, code)}`);
    button.setAttribute("type", "button");
    Object.assign(button.dataset, { decision, code });
    button.addEventListener("click", () => decide(app, example, code));
    return button;
  });
  const select = document.createElement("select");
  select.setAttribute("aria-label", `Relabel ${table.ids[example]}`);
  select.append(new Option("Relabel …", ""));
  // A page of many cards and classes would have very many options.
  for (const event of ["pointerdown", "focus", "keydown"]) {
    select.addEventListener(event, () => {
      if (select.options.length > 1) return;
      select.append(...table.class_names.map((name, code) => new Option(name, String(code))));
    });
  }
  select.addEventListener("change", () => decide(app, example, Number(select.value)));
  place.replaceChildren(...buttons, select);
  showDecision(app, place);
}

/** @param {App} app @param {KeyboardEvent} event */
function decideByKey(app, event) {
  const target = /** @type {Element} */ (event.target);
  const host = target.closest("li:has([data-decide]), dialog:has([data-decide])");
  if (!host || target.matches("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const place = part(host, "[data-decide]");
  const example = Number(place.dataset.decide);
  /** @type {Record<string, () => void>} */
  const keys = {
    a: () => part(place, "[data-decision=accepted]")?.click(),
    k: () => part(place, "[data-decision=kept]").click(),
    u: () => decide(app, example, -1),
    r: () => part(place, "select").focus(),
    ArrowRight: () => focusCard(host.nextElementSibling),
    ArrowLeft: () => focusCard(host.previousElementSibling),
  };
  if (!(event.key in keys) || (event.key.startsWith("Arrow") && !host.matches("li"))) return;
  event.preventDefault();
  keys[event.key]();
  if ("ak".includes(event.key)) focusCard(host.nextElementSibling);
}

/** @param {Maybe<Element>} card */
function focusCard(card) {
  if (card?.matches("li")) part(card, "button").focus();
}

/** Returns a cell of a CSV file; spreadsheets take no cell for a formula, and bytes of file names
 * that are not UTF-8 are escaped. @param {string} name */
function csvCell(name) {
  const text = name.replace(/\p{Cs}/gu, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
  const safe = /^[' ]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Returns the labels of all examples, in order: a file for labels.file, and a table of a data set.
 * @param {App} app */
function labelsCsv(app) {
  const { table } = app;
  const rows = [["file", "label", "split", "given", "decision"]];
  table.ids.forEach((id, i) => {
    const given = table.class_names[table.given[i]];
    rows.push([id, app.decisions.get(id) ?? given, "train", given, decisionOf(app, i)]);
  });
  table.test.ids.forEach((id, j) => {
    const name = table.class_names[table.test.label[j]];
    rows.push([id, name, "test", name, ""]);
  });
  return rows.map((cells) => cells.map(csvCell).join(",")).join("\n") + "\n";
}

/** @param {App} app */
function exportLabels(app) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([labelsCsv(app)], { type: "text/csv" }));
  link.download = "labels.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {App} app */
function listenToDecisions(app) {
  app.decisions = readDecisions(app);
  for (const place of elements("[data-decisions]")) place.replaceChildren(copied("decisions-template"));
  for (const place of elements("[data-decide]")) offerDecision(app, place, Number(place.dataset.decide));
  for (const button of elements(".export")) button.addEventListener("click", () => exportLabels(app));
  for (const button of elements(".forget")) {
    button.addEventListener("click", () => {
      app.decisions.clear();
      showDecisions(app, keepDecisions(app));
    });
  }
  document.addEventListener("keydown", (event) => decideByKey(app, event));
  window.addEventListener("storage", (event) => {
    if (event.key !== storageKey(app)) return;
    app.decisions = readDecisions(app);
    showDecisions(app, true);
  });
  showDecisions(app, true);
}
