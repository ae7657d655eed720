// The page works from file:// with a policy that forbids every request, so all data are inline.
/** @param {HTMLElement} place */
async function drawChart(place) {
  const spec = JSON.parse(at("spec-" + place.dataset.chart).textContent ?? "");
  await vegaEmbed(place, themed(spec), { actions: false, renderer: "svg" }).catch((error) => {
    place.textContent = "This chart could not be drawn: " + error.message;
  });
  hideWordless(place);
  // Between charts the page answers its reader.
  await new Promise((resolve) => setTimeout(resolve));
}

/** @param {HTMLElement} place */
function isFolded(place) {
  return Boolean(place.closest("details:not([open])"));
}

/** Draws the charts that can be seen; those that are folded follow when they are unfolded.
 * @param {ParentNode} inside */
async function drawCharts(inside = document) {
  for (const place of elements("[data-chart]", inside)) {
    if (!isFolded(place) && place.dataset.drawn !== String(darkness.matches)) {
      place.dataset.drawn = String(darkness.matches);
      await drawChart(place);
    }
  }
}

for (const folded of document.querySelectorAll("details")) {
  folded.addEventListener("toggle", () => drawCharts(folded));
}
darkness.addEventListener("change", () => drawCharts());
addEventListener("beforeprint", () => {
  for (const folded of elements("details.more")) folded.setAttribute("open", "");
});
await drawCharts();
