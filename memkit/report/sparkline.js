// A trajectory as a small SVG: memorization thick, the two means thin, gaps where undefined.
const SPARK = { width: 132, height: 46, margin: 4 };

/** @param {string} name @param {Record<string, string | number>} attributes */
function svgElement(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** @param {Table} table @param {number[]} places @param {number} example */
function sparkline(table, places, example) {
  /** @param {string} quantity */
  const of = (quantity) => places.map((p) => fraction(columnOf(table, p, quantity)[example]));
  const lines = { in: of("in_mean"), out: of("out_mean"), mem: of("value") };
  const floor = Math.min(0, ...lines.mem.map((value) => value ?? 0));
  const { width, height } = SPARK;
  const said = places.map((p, k) => `${table.points[p].place}: ${lines.mem[k] ?? "undefined"}`);
  const svg = svgElement("svg", {
    class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `Memorization by size: ${said.join(", ")}`,
  });
  const zero = sparkHeight(0, floor);
  svg.append(svgElement("line", { class: "zero", x1: 0, x2: width, y1: zero, y2: zero }));
  for (const [name, line] of Object.entries(lines)) svg.append(...sparkMarks(name, line, floor));
  return svg;
}

/** @param {number} value @param {number} floor */
function sparkHeight(value, floor) {
  const { height, margin } = SPARK;
  return height - margin - (height - 2 * margin) * (value - floor) / (1 - floor);
}

/** @param {string} name @param {Maybe<number>[]} line @param {number} floor */
function sparkMarks(name, line, floor) {
  const { width, margin } = SPARK;
  /** @param {number} k */
  const across = (k) => (line.length > 1 ? margin + k * (width - 2 * margin) / (line.length - 1) : width / 2);
  /** @type {[string, string][][]} */
  const pieces = [[]];
  line.forEach((value, k) => {
    if (value === null) pieces.push([]);
    else pieces[pieces.length - 1].push([across(k).toFixed(1), sparkHeight(value, floor).toFixed(1)]);
  });
  const marks = pieces.filter((piece) => piece.length > 1)
    .map((piece) => svgElement("polyline", { class: name, points: piece.join(" ") }));
  const dots = pieces.filter((piece) => name === "mem" || piece.length === 1).flat();
  const r = name === "mem" ? 2.2 : 1.4;
  return [...marks, ...dots.map(([cx, cy]) => svgElement("circle", { class: name, cx, cy, r }))];
}

/** The trajectories of pictures that are in the page from the start. @param {Table} table */
function paintLines(table) {
  for (const element of elements("[data-line]")) {
    const { points } = table.series[0];
    element.replaceChildren(sparkline(table, points, Number(element.dataset.line)));
  }
}
