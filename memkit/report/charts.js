// The page works from file:// with a policy that forbids every request, so all data are inline.
async function drawChart(place) {
  const spec = JSON.parse(at("spec-" + place.dataset.chart).textContent);
  await vegaEmbed(place, themed(spec), { actions: false, renderer: "svg" }).catch((error) => {
    place.textContent = "This chart could not be drawn: " + error.message;
  });
  // Between charts the page answers its reader.
  await new Promise((resolve) => setTimeout(resolve));
}

function isFolded(place) {
  return Boolean(place.closest("details:not([open])"));
}

// Draws the charts that can be seen; those that are folded follow when they are unfolded.
async function drawCharts(part = document) {
  for (const place of part.querySelectorAll("[data-chart]")) {
    if (!isFolded(place) && place.dataset.drawn !== String(darkness.matches)) {
      place.dataset.drawn = darkness.matches;
      await drawChart(place);
    }
  }
}

for (const folded of document.querySelectorAll("details")) {
  folded.addEventListener("toggle", () => drawCharts(folded));
}
darkness.addEventListener("change", () => drawCharts());
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details.more")) folded.open = true;
});
await drawCharts();
