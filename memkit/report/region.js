// The region of the scatter: dragged with the mouse or a finger, or written into fields.
/** @param {App} app @param {Region | null} region */
function setRegion(app, region) {
  app.state.region = region;
  app.state.limit = PAGE;
  placeRegion(app);
  drawList(app);
  writeAddress(app);
}

/** @param {Region | null} region */
function writeRegion(region) {
  for (const axis of /** @type {const} */ (["x", "y"])) {
    ["from", "to"].forEach((end, k) => {
      field(`${axis}-${end}`).value = String(region?.[axis][k] ?? "");
    });
  }
}

/** @returns {Region | null} */
function readRegion() {
  /** @param {string} id */
  const number = (id) => (field(id).value === "" ? null : field(id).valueAsNumber);
  /** @type {Region} */
  const region = { x: [number("x-from"), number("x-to")], y: [number("y-from"), number("y-to")] };
  return [...region.x, ...region.y].some((end) => end !== null) ? region : null;
}

/** Draws the region; an open end is the end of the axis. @param {App} app */
function placeRegion(app) {
  const { drawn, state: { region } } = app;
  const box = at("region");
  box.hidden = !region;
  if (!region || !drawn) return;
  const { left, top, width, height, low } = drawn;
  /** @param {Maybe<number>} value @param {number} open @param {number} lowest */
  const share = (value, open, lowest) => (
    Math.min(1, Math.max(0, ((value ?? open) - lowest) / (HIGHEST - lowest))));
  const [x0, x1] = [share(region.x[0], low.x, low.x), share(region.x[1], HIGHEST, low.x)];
  const [y0, y1] = [share(region.y[0], low.y, low.y), share(region.y[1], HIGHEST, low.y)];
  Object.assign(at("plot").style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  Object.assign(box.style, {
    left: `${x0 * width}px`, width: `${(x1 - x0) * width}px`,
    top: `${(1 - y1) * height}px`, height: `${(y1 - y0) * height}px`,
  });
}

/** Returns the region between two places of the scatter, in whole thousandths.
 * @param {Drawn} drawn @param {number[]} from @param {number[]} to @returns {Region} */
function regionBetween({ left, top, width, height, low }, from, to) {
  /** @param {number} value @param {number} least */
  const round = (value, least) => Math.round(Math.min(HIGHEST, Math.max(least, value)) * SCALE) / SCALE;
  /** @param {number[]} place */
  const across = ([x]) => round(low.x + (HIGHEST - low.x) * (x - left) / width, low.x);
  /** @param {number[]} place */
  const up = ([, y]) => round(HIGHEST - (HIGHEST - low.y) * (y - top) / height, low.y);
  /** @param {number} a @param {number} b @returns {[number, number]} */
  const sorted = (a, b) => [Math.min(a, b), Math.max(a, b)];
  return { x: sorted(across(from), across(to)), y: sorted(up(from), up(to)) };
}

/** @param {App} app */
function listenToScatter(app) {
  const scatter = at("scatter");
  /** @type {Maybe<number[]>} */
  let start = null;
  let dragging = false;
  /** @type {Maybe<number[]>} */
  let waiting = null;
  /** @param {PointerEvent} event */
  const placed = (event) => {
    const box = at("dots").getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  // At most once per frame: a mouse moves more often than a screen can show.
  const follow = () => {
    const place = waiting;
    waiting = null;
    if (!place || !app.drawn) return;
    if (!start || !dragging) return showHover(app, start ? -1 : nearest(app.drawn, place[0], place[1]));
    const region = regionBetween(app.drawn, start, place);
    writeRegion(region);
    setRegion(app, region);
  };
  scatter.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    [start, dragging] = [placed(event), false];
  });
  scatter.addEventListener("pointermove", (event) => {
    const place = placed(event);
    if (start && !dragging && Math.hypot(place[0] - start[0], place[1] - start[1]) > MOVED) {
      dragging = true;
      scatter.setPointerCapture(event.pointerId);
      showHover(app, -1);
    }
    if (!waiting) requestAnimationFrame(follow);
    waiting = place;
  });
  scatter.addEventListener("pointerup", (event) => {
    if (dragging) follow();
    else if (start && app.drawn) pressed(app, placed(event));
    [start, dragging] = [null, false];
  });
  scatter.addEventListener("pointercancel", () => { [start, dragging] = [null, false]; });
  scatter.addEventListener("pointerleave", () => {
    waiting = null;
    showHover(app, -1);
  });
  scatter.addEventListener("keydown", (event) => { if (event.key === "Escape") showHover(app, -1); });
}

/** A press on a dot opens its example, one elsewhere clears the region.
 * @param {App} app @param {number[]} place */
function pressed(app, [x, y]) {
  const example = app.drawn ? nearest(app.drawn, x, y) : -1;
  if (example >= 0) {
    at("scatter").focus();
    openDetail(app, example).catch(problem);
  } else if (app.state.region) {
    writeRegion(null);
    setRegion(app, null);
  }
}
