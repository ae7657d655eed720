// One example in full: its picture, its numbers by size, and the test examples it acts on.
function trajectoryRows(app, example) {
  const { table } = app;
  const names = { value: "memorization", in_mean: "in-sample", out_mean: "out-of-sample" };
  return table.series[app.state.series].points.flatMap((place) => {
    const { size, name } = table.points[place];
    const number = (quantity) => fraction(columnOf(table, place, quantity)[example]);
    return Object.entries(names).map(([quantity, title]) => {
      const bounds = quantity === "value" ? { lower: number("lower"), upper: number("upper") } : {};
      return { size, name, quantity: title, value: number(quantity), ...bounds };
    });
  }).filter((row) => row.value !== null);
}

async function drawTrajectory(app, example) {
  const place = at("detail-chart");
  app.trajectory?.finalize();
  const spec = fitted(app.table.trajectory, place, 660);
  spec.data = { values: trajectoryRows(app, example) };
  app.trajectory = await vegaEmbed(place, spec, { actions: false, renderer: "svg" });
}

function numberRow(app, place, example) {
  const { table } = app;
  const point = table.points[place];
  const number = (quantity) => shown(columnOf(table, place, quantity)[example]);
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = point.place;
  const cells = [
    number("value"), interval(table, place, example), number("raw"), number("in_mean"),
    number("out_mean"), number("out_prob"), said(point.num_in[example]), said(point.num_out[example]),
    className(table, point.predicted[example]),
  ];
  row.append(head, ...cells.map((text) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    return cell;
  }));
  return row;
}

function testItem(app, { test, infl, q }) {
  const { table, sheets } = app;
  const label = className(table, table.test.label[test]);
  const item = document.createElement("li");
  const picture = document.createElement("span");
  picture.className = "picture";
  paint(picture, sheets.test, test, `Test example ${table.test.ids[test]}, labeled ${label}`);
  const id = document.createElement("b");
  id.textContent = table.test.ids[test];
  const known = q === MISSING ? "" : `, q ${q ? shown(q) : "< 0.001"}`;
  const lines = [label, `influence ${shown(infl)}${known}`].map((text) => {
    const line = document.createElement("span");
    line.textContent = text;
    return line;
  });
  item.append(picture, id, ...lines);
  return item;
}

async function drawInfluences(app, example) {
  const { place } = app.table.points[app.state.point];
  const found = await influencesOf(app.table, app.state.point, example);
  at("detail-note").textContent = !found
    ? `There are no influences at ${place}: they need two runs and test examples.`
    : found.length
      ? `At ${place}, the strongest first: accuracy on the test example with this one in the training set minus without (higher = it helps more). q, the false discovery rate, stands where the pair is listed.`
      : `At ${place} this example has no positive influence on a test example.`;
  at("detail-tests").replaceChildren(...(found ?? []).map((one) => testItem(app, one)));
}

async function openDetail(app, example) {
  const { table, sheets } = app;
  const { points } = table.series[app.state.series];
  app.open = { example, from: document.activeElement };
  at("detail-title").textContent = table.ids[example];
  paint(at("detail-picture"), sheets.train, example, pictureText(table, example));
  const facts = factsOf(app, example);
  if (table.series.length > 1) facts.push(["series", table.series[app.state.series].name]);
  if (isPlanted(table, example)) facts.push(["label", "planted"]);
  describe(at("detail-facts"), facts);
  at("detail-numbers").replaceChildren(...points.map((place) => numberRow(app, place, example)));
  fill(at("detail-size"), points.map((place) => [place, table.points[place].place]), app.state.point);
  at("detail").showModal();
  at("detail-title").focus();
  await Promise.all([drawInfluences(app, example), drawTrajectory(app, example)]);
}

function listenToDetail(app) {
  at("detail-close").addEventListener("click", () => at("detail").close());
  at("detail-size").addEventListener("change", () => {
    at("size").value = at("detail-size").value;
    at("size").dispatchEvent(new Event("change"));
    describe(at("detail-facts"), factsOf(app, app.open.example));
    drawInfluences(app, app.open.example).catch(problem);
  });
  at("detail").addEventListener("close", () => {
    // The card that was pressed may have been drawn anew meanwhile.
    const again = at("cards").querySelector(`[data-example="${app.open.example}"] button`);
    const { from } = app.open;
    (from.isConnected && from !== document.body ? from : again ?? at("scatter")).focus();
  });
}
