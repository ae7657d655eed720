// The scatter: counts of all examples, a sample that can be clicked, a region that can be dragged.
const WIDEST = 740;

function currentView(app) {
  const { pair, series, point } = app.state;
  const { name } = app.table.series[series];
  const fits = (view) => view.series === name && (view.point === null || view.point === point);
  return app.table.views.find((view) => view.pair === pair && fits(view));
}

function cellRows(app, view) {
  const { x, y, count } = view.cells;
  const { step } = app.table;
  const edge = (k) => step * (k - 0.5) - 1;
  return count.map((number, k) => ({
    across: edge(x[k]), across_end: edge(x[k] + 1), up: edge(y[k]), up_end: edge(y[k] + 1),
    count: number,
  }));
}

function sampleRows(app, view) {
  const { table } = app;
  const [x, y] = [view.x, view.y].map((axis) => columnOf(table, ...axis));
  const flipped = table.given.some((code, i) => code !== table.label[i]);
  const group = (i) => (isPlanted(table, i) ? "planted" : flipped ? "clean" : "all");
  return table.sample.filter((i) => x[i] !== MISSING && y[i] !== MISSING).map((i) => ({
    example: i, across: x[i] / SCALE, up: y[i] / SCALE, group: group(i),
    id: table.ids[i], given: className(table, table.given[i]),
  }));
}

// Vega charts do not shrink by themselves: on a narrow screen they are made narrow.
function fitted(spec, place, widest) {
  const width = Math.min(widest, place.clientWidth);
  return { ...spec, width, autosize: { type: "fit", contains: "padding" } };
}

async function drawScatter(app) {
  const { pair } = app.state;
  const view = currentView(app);
  const rows = { cells: cellRows(app, view), sample: sampleRows(app, view) };
  if (app.drawn === pair) {
    for (const [name, values] of Object.entries(rows)) app.chart.view.data(name, values);
    await app.chart.view.runAsync();
  } else {
    await embedScatter(app, { ...app.table.pairs[pair].spec, datasets: rows });
    app.drawn = pair;
  }
  await placeBrush(app);
}

async function embedScatter(app, spec) {
  app.chart?.finalize();
  const options = { actions: false, renderer: "canvas" };
  app.chart = await vegaEmbed(at("scatter-chart"), fitted(themed(spec), at("scatter-chart"), WIDEST), options);
  app.chart.view.addSignalListener("region", (_, region) => brushed(app, region));
  app.chart.view.addEventListener("click", (_, item) => {
    if (item?.datum?.example !== undefined) openDetail(app, item.datum.example).catch(problem);
  });
}

// Charts are drawn one after the other, so that the last choice is what stays.
function redrawScatter(app) {
  app.drawing = app.drawing.then(() => drawScatter(app)).catch((error) => problem(error));
  return app.drawing;
}

function brushed(app, region) {
  if (app.placing) return;
  const round = (numbers) => numbers.map((value) => Math.round(value * SCALE) / SCALE).sort((a, b) => a - b);
  const { across, up } = region;
  app.state.region = across && up ? { x: round(across), y: round(up) } : null;
  writeRegion(app.state.region);
  app.state.limit = PAGE;
  drawList(app);
}

function writeRegion(region) {
  for (const axis of ["x", "y"]) {
    ["from", "to"].forEach((end, k) => {
      at(`${axis}-${end}`).value = region ? region[axis][k] ?? "" : "";
    });
  }
}

function readRegion(app) {
  const number = (id) => (at(id).value === "" ? null : at(id).valueAsNumber);
  const region = { x: [number("x-from"), number("x-to")], y: [number("y-from"), number("y-to")] };
  const any = [...region.x, ...region.y].some((end) => end !== null);
  app.state.region = any ? region : null;
  app.state.limit = PAGE;
  drawList(app);
  return redrawScatter(app);
}

// Draws the region that the fields say; an open end is the end of the axis.
async function placeBrush(app) {
  const { view } = app.chart;
  const { region } = app.state;
  app.placing = true;
  for (const axis of ["x", "y"]) {
    const scale = view.scale(axis);
    const domain = scale.domain();
    const ends = region ? region[axis].map((end, k) => scale(end ?? domain[k])) : [0, 0];
    view.signal(`region_${axis}`, ends);
  }
  await view.runAsync();
  app.placing = false;
}
