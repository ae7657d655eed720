// The scatter: all examples as dots on a canvas, a region that can be dragged, what is under the mouse.
const MARGIN = { left: 78, top: 10, right: 14, bottom: 62 };
const HEIGHT = 440;
const NEAR = 12; // pixels from the mouse to a dot; the side of the cells in which dots are searched
const MOVED = 4; // pixels from which on a click is a drag

/** @param {App} app @returns {View} */
function currentView(app) {
  const { pair, series, point } = app.state;
  const { name } = app.table.series[series];
  /** @param {View} view */
  const fits = (view) => view.series === name && (view.point === null || view.point === point);
  return /** @type {View} */ (app.table.views.find((view) => view.pair === pair && fits(view)));
}

/** @param {string} name */
function color(name) {
  return getComputedStyle(at("scatter")).getPropertyValue(name).trim();
}

// Lows are whole steps below what is shown, so that dots at the edge are whole.
/** @param {Numbers} values */
function lowest(values) {
  let low = 0;
  for (const value of values) if (value !== MISSING && value < low) low = value;
  return Math.floor(low / 100) / 10 - 0.02;
}

const HIGHEST = 1.02;

/** Returns where an example is, in pixels of the scatter.
 * @param {Drawn} drawn @param {number} i @returns {[number, number]} */
function placeOf(drawn, i) {
  const { left, top, width, height, low, x, y } = drawn;
  return [
    left + width * (x[i] / SCALE - low.x) / (HIGHEST - low.x),
    top + height * (HIGHEST - y[i] / SCALE) / (HIGHEST - low.y),
  ];
}

/** @param {App} app */
function layOut(app) {
  const view = currentView(app);
  const [x, y] = [view.x, view.y].map((axis) => columnOf(app.table, ...axis));
  const { left, top, right, bottom } = MARGIN;
  const width = Math.max(120, at("scatter").clientWidth - left - right);
  const height = HEIGHT - top - bottom;
  /** @type {Drawn} */
  const drawn = { left, top, width, height, low: { x: lowest(x), y: lowest(y) }, x, y, cells: new Map() };
  for (let i = 0; i < app.table.count; i++) {
    if (x[i] === MISSING || y[i] === MISSING) continue;
    const cell = cellAt(...placeOf(drawn, i));
    const members = drawn.cells.get(cell);
    if (members) members.push(i);
    else drawn.cells.set(cell, [i]);
  }
  return drawn;
}

/** @param {number} x @param {number} y */
function cellAt(x, y) {
  return Math.floor(y / NEAR) * 4096 + Math.floor(x / NEAR);
}

/** @param {App} app */
function drawScatter(app) {
  const drawn = app.drawn = layOut(app);
  const canvas = /** @type {HTMLCanvasElement} */ (at("dots"));
  const ratio = window.devicePixelRatio || 1;
  const width = drawn.left + drawn.width + MARGIN.right;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(HEIGHT * ratio)];
  [canvas.style.width, canvas.style.height] = [`${width}px`, `${HEIGHT}px`];
  const context = canvas.getContext("2d");
  if (!context) return;
  stampDots(app, drawn, context, ratio);
  context.scale(ratio, ratio);
  drawAxes(app, drawn, context);
  const { title } = app.table.pairs[app.state.pair];
  canvas.setAttribute("aria-label", `${title}: ${said(app.table.count)} examples. The fields after it choose a region.`);
  placeRegion(app);
}

/** Draws all dots at once: the more lie on each other, the darker; planted labels on top.
 * @param {App} app @param {Drawn} drawn @param {CanvasRenderingContext2D} context
 * @param {number} ratio */
function stampDots(app, drawn, context, ratio) {
  const { width, height } = context.canvas;
  const radius = ratio * Math.max(1.2, Math.min(4, 40 / Math.sqrt(app.table.count) + 1.1));
  const layers = [false, true].map(() => new Float32Array(width * height));
  const reach = Math.ceil(1.15 * radius);
  for (const members of drawn.cells.values()) {
    for (const i of members) {
      const planted = isPlanted(app.table, i);
      const [x, y] = placeOf(drawn, i).map((length) => length * ratio);
      stamp(layers[Number(planted)], width, [x, y], planted ? radius * 1.15 : radius, reach);
    }
  }
  const image = context.createImageData(width, height);
  const most = layers[0].reduce((a, b) => Math.max(a, b), 1);
  shade(image, layers[0], rgb("--accent"), (d) => 0.3 + 0.7 * Math.log1p(d) / Math.log1p(most));
  shade(image, layers[1], rgb("--planted-dot"), () => 1);
  context.putImageData(image, 0, 0);
}

/** Adds a disk with a soft edge to a layer.
 * @param {Float32Array} layer @param {number} width @param {[number, number] | number[]} center
 * @param {number} radius @param {number} reach */
function stamp(layer, width, [x, y], radius, reach) {
  const [column, row] = [Math.round(x), Math.round(y)];
  for (let v = row - reach; v <= row + reach; v++) {
    for (let u = column - reach; u <= column + reach; u++) {
      const inside = radius + 0.5 - Math.hypot(u + 0.5 - x, v + 0.5 - y);
      if (inside > 0 && u >= 0 && u < width) layer[v * width + u] += inside < 1 ? inside : 1;
    }
  }
}

/** Paints a layer over an image.
 * @param {ImageData} image @param {Float32Array} layer @param {number[]} color
 * @param {(density: number) => number} opacity */
function shade({ data }, layer, color, opacity) {
  for (let k = 0; k < layer.length; k++) {
    if (!layer[k]) continue;
    const alpha = Math.min(1, layer[k]) * opacity(layer[k]);
    const below = data[4 * k + 3] / 255;
    const total = alpha + below * (1 - alpha);
    for (let c = 0; c < 3; c++) {
      data[4 * k + c] = (color[c] * alpha + data[4 * k + c] * below * (1 - alpha)) / total;
    }
    data[4 * k + 3] = 255 * total;
  }
}

/** @param {string} name of a color like #0072b2 */
function rgb(name) {
  const number = parseInt(color(name).slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** @param {App} app @param {Drawn} drawn @param {CanvasRenderingContext2D} context */
function drawAxes(app, drawn, context) {
  const { left, top, width, height, low } = drawn;
  const { x, y } = app.table.pairs[app.state.pair];
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  [context.fillStyle, context.strokeStyle] = [color("--soft"), color("--edge")];
  context.strokeRect(left - 0.5, top - 0.5, width + 1, height + 1);
  const step = width < 420 ? 0.5 : 0.25;
  context.textAlign = "center";
  for (let tick = Math.ceil(low.x / step) * step; tick <= 1; tick += step) {
    const across = left + width * (tick - low.x) / (HIGHEST - low.x);
    context.fillRect(across, top + height, 1, 5);
    context.fillText(String(tick), across, top + height + 18);
  }
  context.textAlign = "right";
  for (let tick = Math.ceil(low.y / 0.25) * 0.25; tick <= 1; tick += 0.25) {
    const up = top + height * (HIGHEST - tick) / (HIGHEST - low.y);
    context.fillRect(left - 5, up, 5, 1);
    context.fillText(String(tick), left - 8, up + 4);
  }
  context.textAlign = "center";
  titleLines(x, context, width).forEach((line, k) => (
    context.fillText(line, left + width / 2, top + height + 36 + 15 * k)));
  context.rotate(-Math.PI / 2);
  titleLines(y, context, height).forEach((line, k) => (
    context.fillText(line, -(top + height / 2), 12 + 15 * k)));
  context.rotate(Math.PI / 2);
}

// A title that is wider than its axis has its bracket in a second line.
/** @param {string} title @param {CanvasRenderingContext2D} context @param {number} room */
function titleLines(title, context, room) {
  return context.measureText(title).width <= room ? [title] : title.split(/ (?=\()/);
}

/** Returns the example whose dot is nearest to a place, -1 if none is near.
 * @param {Drawn} drawn @param {number} x @param {number} y */
function nearest(drawn, x, y) {
  let [best, least] = [-1, NEAR * NEAR];
  for (const dy of [-NEAR, 0, NEAR]) {
    for (const dx of [-NEAR, 0, NEAR]) {
      for (const i of drawn.cells.get(cellAt(x + dx, y + dy)) ?? []) {
        const [across, up] = placeOf(drawn, i);
        const distance = (across - x) ** 2 + (up - y) ** 2;
        if (distance < least) [best, least] = [i, distance];
      }
    }
  }
  return best;
}

/** Shows the picture and the trajectory of an example beside its dot; -1 shows none.
 * @param {App} app @param {number} example */
function showHover(app, example) {
  const hover = at("hover");
  hover.hidden = example < 0;
  at("scatter").style.cursor = example < 0 ? "crosshair" : "pointer";
  if (example < 0 || !app.drawn) return;
  if (hover.dataset.example !== String(example)) fillCard(app, hover, example);
  const [x, y] = placeOf(app.drawn, example);
  const [room, width] = [at("scatter").clientWidth, hover.offsetWidth];
  const beside = x + 14 + width <= room ? x + 14 : x - 14 - width;
  // On a phone it has no room beside the dot.
  hover.style.left = `${Math.max(0, beside)}px`;
  hover.style.top = `${beside < 0 ? y + 14 : Math.max(0, Math.min(y - 30, HEIGHT - hover.offsetHeight))}px`;
}
