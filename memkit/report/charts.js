// The page works from file:// with a policy that forbids every request, so all data are inline.
async function drawCharts() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    const spec = JSON.parse(document.getElementById("spec-" + place.dataset.chart).textContent);
    await vegaEmbed(place, spec, { actions: false, renderer: "svg" }).catch((error) => {
      place.textContent = "This chart could not be drawn: " + error.message;
    });
    // Between charts the page answers its reader.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

await drawCharts();
