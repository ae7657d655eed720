// Terms and methods in a panel beside the page. Without this script, links to it work as anchors.
const panel = at("reading");
/** @type {Maybe<HTMLElement>} */
let opener = null;

/** @param {string} anchor @param {HTMLElement} link */
function openReading(anchor, link) {
  opener = link;
  panel.classList.add("open");
  const entry = at(anchor);
  const place = entry === panel ? at("reading-title") : entry;
  place.tabIndex = -1;
  place.scrollIntoView({ block: "nearest" });
  place.focus({ preventScroll: true });
  for (const other of elements("dt", panel)) other.classList.toggle("found", other === entry);
}

function closeReading() {
  panel.classList.remove("open");
  if (location.hash === "#reading" || location.hash.startsWith("#term-")) location.hash = "headline";
  opener?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const pressed = /** @type {Element} */ (event.target);
  const link = /** @type {Maybe<HTMLAnchorElement>} */ (
    pressed.closest("a.term, #open-reading, #close-reading"));
  if (!link) return;
  event.preventDefault();
  if (link.id === "close-reading") closeReading();
  else openReading(link.hash.slice(1), link);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panel.classList.contains("open")) closeReading();
});
// A choice from the list of contents closes it.
const contents = part(document, "details.contents");
contents.addEventListener("click", (event) => {
  if (/** @type {Element} */ (event.target).closest("a")) contents.removeAttribute("open");
});
