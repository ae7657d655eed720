// The page works from file:// with a policy that forbids every request, so specs are inline.
for (const place of document.querySelectorAll("[data-chart]")) {
  const spec = JSON.parse(document.getElementById("spec-" + place.dataset.chart).textContent);
  vegaEmbed(place, spec, { actions: false, renderer: "svg" }).catch((error) => {
    place.textContent = "This chart could not be drawn: " + error.message;
  });
}
