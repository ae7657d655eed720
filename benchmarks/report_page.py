r"""Size and speed of the report of a study of the size of CIFAR, in headless Chromium.

  python -m benchmarks.report_page [--npz=cifar100.npz] [--examples=50000] [--out=page.json]

The scores are made up. So are the images, unless an npz file has some: random colors whose spectrum
falls like that of photographs, so that they take as much space (392 characters each at quality 75,
those of CIFAR-100 357). "Drawn" is when every chart and
every picture in the first list is there; "brushing" is the time from a move of the mouse until the
list of the region is painted.
"""

import dataclasses
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

import numpy as np
from absl import app, flags
from playwright import sync_api

from benchmarks import interleave
from memkit import charts, tables
from memkit.report import render
from memkit.seeds import stream
from tests.browser import worlds
from tests.conftest import CHROMIUM

# Tests import several benchmarks into one process, where their flags would clash.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_NPZ = flags.DEFINE_string(
    "npz", None, "images instead of made-up ones: an npz with x_train, x_test", flag_values=_FLAGS
)
_EXAMPLES = flags.DEFINE_integer(
    "examples", 50_000, "training images", lower_bound=100, flag_values=_FLAGS
)
_TESTS = flags.DEFINE_integer("tests", 10_000, "test images", lower_bound=1, flag_values=_FLAGS)
_ROUNDS = flags.DEFINE_integer(
    "rounds", 5, "times that the page is opened", lower_bound=1, flag_values=_FLAGS
)
_PAGE = flags.DEFINE_string("page", None, "file for the page, to look at it", flag_values=_FLAGS)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers", flag_values=_FLAGS)
SIDE, MOVES = 32, 60
DRAWN = """() => !document.querySelector(".picture.waiting") && document.querySelector("#cards li")
  && [...document.querySelectorAll("[data-chart]")].every((place) =>
    place.closest("details:not([open])") || place.querySelector("svg"))"""
# Notes the time from each move of the mouse to the end of the frame that follows it.
WATCH = """() => {
  window.frames_ = [];
  addEventListener("pointermove", (event) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => window.frames_.push(performance.now() - event.timeStamp);
    channel.port2.postMessage(0);
  }), true);
}"""


def images(count, seed):
    """Returns uint8 [count, SIDE, SIDE, 3] with the spectrum of photographs, amplitude ~ 1/f."""
    draw = stream(seed, "benchmarks/report_page")
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    fall = 1 / np.maximum(frequency, 1 / SIDE) ** 1.7
    made = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for row in range(count):
        noise = np.fft.rfft2(draw.standard_normal((3, SIDE, SIDE)))
        gray, *colors = np.fft.irfft2(noise * fall)
        # Neighboring channels of photographs agree up to a little color.
        channels = np.stack([gray, gray + 0.15 * colors[0], gray + 0.15 * colors[1]], axis=-1)
        made[row] = np.clip(128 + 60 * channels / channels.std(), 0, 255)
    return made


def page():
    """Returns (the page's bytes, the seconds that it took)."""
    content = worlds.large(_EXAMPLES.value, _TESTS.value)
    if _NPZ.value:
        with np.load(_NPZ.value) as arrays:
            train, test = (arrays[key][: len(content.ids)] for key in ("x_train", "x_test"))
        test = test[: len(content.test_ids)]
    else:
        train, test = images(len(content.ids), 0), images(len(content.test_ids), 1)
    content = dataclasses.replace(content, thumbnails=train, test_thumbnails=test)
    charts.images = lambda chart: {}  # Only the page is measured.
    started = time.perf_counter()
    return render(content)["index.html"], time.perf_counter() - started


def visit(browser, file):
    """Returns {name: number} of one visit of the page."""
    visited = browser.new_page(viewport={"width": 1400, "height": 900})
    visited.set_default_timeout(0)
    started = time.perf_counter()
    visited.goto(file.as_uri(), wait_until="commit")
    visited.wait_for_function(DRAWN)
    drawn = time.perf_counter() - started
    paint = visited.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    hover, brushing = _moves(visited, pressed=False), _moves(visited, pressed=True)
    visited.close()
    return {"first paint": paint / 1000, "drawn": drawn, "hover": hover, "brushing": brushing}


def _moves(visited, *, pressed):
    """Returns the milliseconds of MOVES moves over the scatter, with or without the button down."""
    canvas = visited.locator("#dots")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + 0.2 * box["width"], box["y"] + 0.1 * box["height"]
    visited.mouse.move(x, y)
    visited.evaluate(WATCH)
    if pressed:
        visited.mouse.down()
    visited.mouse.move(x + 0.6 * box["width"], y + 0.7 * box["height"], steps=MOVES)
    if pressed:
        visited.mouse.up()
    visited.wait_for_function("window.frames_.length > 0")
    return visited.evaluate("window.frames_")


def rows(visits):
    """Returns the table of what the visits took: median, worst."""
    found = []
    for name in ("first paint", "drawn"):
        values = [visit[name] for visit in visits]
        found.append([f"{name}, s", f"{statistics.median(values):.2f}", f"{max(values):.2f}"])
    for name in ("hover", "brushing"):
        values = [value for visit in visits for value in visit[name]]
        found.append([f"{name}, ms", f"{statistics.median(values):.0f}", f"{max(values):.0f}"])
    return found


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    text, seconds = page()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(_PAGE.value or f"{folder}/index.html").resolve()
        file.write_bytes(text)
        with sync_api.sync_playwright() as playwright:
            chromium = next(filter(None, map(shutil.which, CHROMIUM)))
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"], timeout=0
            )
            visits = [visit(browser, file) for _ in range(_ROUNDS.value)]
            note = f"Chromium {browser.version}, {len(visits)} visits, "
            browser.close()
    print(f"{_EXAMPLES.value:,} images, page of {len(text) / 1e6:.1f} MB, made in {seconds:.0f} s")
    print(tables.text(["", "median", "worst"], rows(visits)))
    results = {"bytes": len(text), "render seconds": seconds, "visits": visits}
    interleave.finish(_OUT.value, results, note)


if __name__ == "__main__":
    sys.exit(app.run(main))
