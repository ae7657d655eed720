// The table of all examples: numbers are whole thousandths in typed arrays, columns are compressed.
const MISSING = -32768;
const SCALE = 1000;
const ABSENT = "–";
const KINDS = { int8: Int8Array, int16: Int16Array, int32: Int32Array };

/** @param {string} text */
async function inflate(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** @param {Packed} column @returns {Promise<Numbers>} */
async function numbersOf(column) {
  return new KINDS[column.kind](await inflate(column.data));
}

/** @param {PackedText} column @returns {Promise<string[]>} */
async function textsOf(column) {
  return JSON.parse(new TextDecoder().decode(await inflate(column.data)));
}

/** Returns the page's data with columns unpacked, but for the influences.
 * @param {Data<Packed, PackedText>} data @returns {Promise<Table>} */
async function readTable(data) {
  const texts = Promise.all([data.ids, data.test.ids].map(textsOf));
  const columns = Promise.all([data.given, data.label, data.suggested, data.test.label].map(numbersOf));
  const points = Promise.all(data.points.map(async (point) => ({
    ...point,
    scores: await numbersOf(point.scores),
    num_in: await numbersOf(point.num_in),
    num_out: await numbersOf(point.num_out),
    predicted: await numbersOf(point.predicted),
  })));
  const series = Promise.all(data.series.map(async (one) => (
    { ...one, kinds: one.kinds && (await numbersOf(one.kinds)) })));
  const [[ids, testIds], [given, label, suggested, testLabel]] = [await texts, await columns];
  const test = { ids: testIds, label: testLabel };
  return { ...data, ids, given, label, suggested, test, points: await points, series: await series };
}

/** Influences are the largest columns, and few examples are looked at: they are read when needed.
 * @param {Table} table @param {number} place @param {number} example */
async function influencesOf(table, place, example) {
  const point = table.points[place];
  const { influence } = point;
  if (!influence) return null;
  point.read ??= Promise.all([influence.index, influence.infl, influence.q].map(numbersOf));
  const [index, infl, q] = await point.read;
  const each = index.length / table.count;
  const found = [];
  for (let k = example * each; k < (example + 1) * each; k++) {
    if (index[k] >= 0) found.push({ test: index[k], infl: infl[k], q: q[k] });
  }
  return found;
}

/** Returns the nearest neighbors of an example, the nearest first; null where they are not known.
 * @param {Table} table @param {number} example */
async function similarTo(table, example) {
  const { similar } = table;
  if (!similar) return null;
  similar.read ??= Promise.all([similar.index, similar.likeness].map(numbersOf));
  const [index, likeness] = await similar.read;
  const each = index.length / table.count;
  return Array.from(index.subarray(example * each, (example + 1) * each), (one, k) => (
    { example: one, likeness: likeness[example * each + k] }));
}

/** Returns one quantity of one point for every example, as thousandths.
 * @param {Table} table @param {number} place @param {string} quantity */
function columnOf(table, place, quantity) {
  const row = table.quantities.indexOf(quantity);
  return table.points[place].scores.subarray(row * table.count, (row + 1) * table.count);
}

/** @param {number} thousandths */
function shown(thousandths) {
  return thousandths === MISSING ? ABSENT : (thousandths / SCALE).toFixed(3);
}

/** @param {number} thousandths */
function fraction(thousandths) {
  return thousandths === MISSING ? null : thousandths / SCALE;
}

/** @param {Table} table @param {number} place @param {number} example */
function interval(table, place, example) {
  const ends = ["lower", "upper"].map((end) => shown(columnOf(table, place, end)[example]));
  return ends.includes(ABSENT) ? ABSENT : ends.join(" to ");
}

/** @param {Table} table @param {number} code */
function className(table, code) {
  return code < 0 ? "none (never held out)" : table.class_names[code];
}
