// The table of all examples: numbers are whole thousandths in typed arrays, columns are compressed.
const MISSING = -32768;
const SCALE = 1000;
const ABSENT = "–";
const KINDS = { int8: Int8Array, int16: Int16Array, int32: Int32Array };

async function inflate(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

async function numbersOf(column) {
  return new KINDS[column.kind](await inflate(column.data));
}

async function textsOf(column) {
  return JSON.parse(new TextDecoder().decode(await inflate(column.data)));
}

// Replaces the packed columns of the page's data by arrays, but for the influences.
async function readTable(data) {
  [data.ids, data.given, data.label, data.test.ids, data.test.label] = await Promise.all([
    textsOf(data.ids), numbersOf(data.given), numbersOf(data.label),
    textsOf(data.test.ids), numbersOf(data.test.label),
  ]);
  await Promise.all(data.points.map(async (point) => {
    for (const key of ["scores", "num_in", "num_out", "predicted"]) {
      point[key] = await numbersOf(point[key]);
    }
  }));
  for (const series of data.series) series.kinds = series.kinds && (await numbersOf(series.kinds));
  return data;
}

// Influences are the largest columns, and few examples are looked at: they are read when needed.
async function influencesOf(table, place, example) {
  const point = table.points[place];
  if (!point.influence) return null;
  point.read ??= Promise.all(["index", "infl", "q"].map((key) => numbersOf(point.influence[key])));
  const [index, infl, q] = await point.read;
  const each = index.length / table.count;
  const found = [];
  for (let k = example * each; k < (example + 1) * each; k++) {
    if (index[k] >= 0) found.push({ test: index[k], infl: infl[k], q: q[k] });
  }
  return found;
}

// Returns one quantity of one point for every example, as thousandths.
function columnOf(table, place, quantity) {
  const row = table.quantities.indexOf(quantity);
  return table.points[place].scores.subarray(row * table.count, (row + 1) * table.count);
}

function shown(thousandths) {
  return thousandths === MISSING ? ABSENT : (thousandths / SCALE).toFixed(3);
}

function fraction(thousandths) {
  return thousandths === MISSING ? null : thousandths / SCALE;
}

function interval(table, place, example) {
  const ends = ["lower", "upper"].map((end) => shown(columnOf(table, place, end)[example]));
  return ends.includes(ABSENT) ? ABSENT : ends.join(" to ");
}

function className(table, code) {
  return code < 0 ? "none (never held out)" : table.class_names[code];
}
