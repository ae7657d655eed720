// Elements of the page: those that its templates have are found, or the page is damaged.
/** @param {string} id @returns {HTMLElement} */
function at(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/** Returns the element of a field, whose value can be read and set. @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (at(id));

/** @param {string} id */
const choice = (id) => /** @type {HTMLSelectElement} */ (at(id));

/** @param {string} selector @param {ParentNode} inside @returns {HTMLElement[]} */
function elements(selector, inside = document) {
  return [...inside.querySelectorAll(/** @type {"div"} */ (selector))];
}

/** Returns the one element inside of another that a selector finds.
 * @param {ParentNode} inside @param {string} selector @returns {HTMLElement} */
function part(inside, selector) {
  return elements(selector, inside)[0];
}

/** @param {string} id @returns {HTMLElement} */
function copied(id) {
  const { content } = /** @type {HTMLTemplateElement} */ (at(id));
  return /** @type {HTMLElement} */ (content.firstElementChild?.cloneNode(true));
}

/** @param {keyof HTMLElementTagNameMap} tag @param {string} text */
function textElement(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/** @param {HTMLElement} select @returns {HTMLElement} */
function labelOf(select) {
  return /** @type {HTMLElement} */ (select.closest("label"));
}

/** Fills a select; a choice of one is no choice and is hidden.
 * @param {HTMLSelectElement} select @param {[string | number, string][]} options
 * @param {string | number} chosen */
function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, title]) => new Option(title, String(value))));
  select.value = String(chosen);
  labelOf(select).hidden = options.length < 2;
}

/** Hides marks of a chart that have no words from screen readers; the chart itself has a description.
 * @param {HTMLElement} chart */
function hideWordless(chart) {
  for (const mark of elements("svg [role]:not([aria-label])", chart)) mark.setAttribute("aria-hidden", "true");
}

/** @param {number} count */
const said = (count) => count.toLocaleString("en-US");

/** @param {Error} error @returns {never} */
function problem(error) {
  at("explorer-problem").textContent = `The examples could not be shown: ${error.message}`;
  at("explorer-problem").hidden = false;
  throw error;
}
