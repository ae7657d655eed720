r"""Seconds and memory of `memkit estimate` and `memkit report` on a study of the papers' size.

  python -m benchmarks.scale --workdir=... [--runs=100] [--sizes=7] [--examples=50000]

Makes up the records that are missing: easy examples that every run gets right, and hard ones that a
run gets right more often if it trained on them. Then it runs both commands and opens the report's
page in Chromium, if there is one. `--memkit=PATH` measures the commands of another installation.
"""

import concurrent.futures
import json
import pathlib
import resource
import subprocess
import sys
import time

import numpy as np
from absl import app, flags

from benchmarks import small_studies
from memkit import records, seeds, storage, studies
from memkit.data import made_up

_WORKDIR = flags.DEFINE_string("workdir", None, "folder for the study", required=True)
_RUNS = flags.DEFINE_integer("runs", 100, "runs per size", lower_bound=20)
_SIZES = flags.DEFINE_integer("sizes", 7, "sizes", lower_bound=1)
_EXAMPLES = flags.DEFINE_integer("examples", 50_000, "train examples", lower_bound=100)
_TESTS = flags.DEFINE_integer("tests", 10_000, "test examples", lower_bound=10)
_MEMKIT = flags.DEFINE_string(
    "memkit", str(pathlib.Path(sys.executable).with_name("memkit")), "program to measure"
)
_OUT = flags.DEFINE_string("out", None, "JSON file for the measurements")

CLASSES, HISTORY_RUNS, WRITERS = 10, 40, 2
INFO = {
    "status": "done",
    "train_accuracy": 0.9,
    "test_accuracy": 0.8,
    "steps": 1,
    "seconds": 1.0,
    "engine": "made_up",
    "device": "CPU",
    "host": "here",
    "processor": "made up",
    "versions": {"numpy": np.__version__},
}
DRAWN = """() => document.querySelector("#scatter canvas")
  && [...document.querySelectorAll("[data-chart]")].every((place) => place.querySelector("svg"))"""


def make(workdir, *, runs, sizes, examples, tests):
    """Returns a study whose records are all there, made up where they were missing."""
    image = dict(image_size=8, channels=1, num_classes=CLASSES)
    config = small_studies.config(
        dataset=small_studies.made_up(size=8, channels=1, num_train=examples, num_test=tests),
        model=dict(name="mlp", hidden=[8]),
        num_runs=runs,
        epochs=1,
        batch_size=32,
    )
    config |= {
        "axis": dict(field="training.epochs", values=list(range(1, sizes + 1))),
        "record": dict(all_probs=False, history_runs=HISTORY_RUNS),
        "report": dict(title="scale", min_influence=0.15, min_memorization=0.25, top_k=10),
    }
    if not studies.exists(workdir):
        dataset = made_up.load(**image, num_train=examples, num_test=tests)
        studies.open_or_create(workdir, config, dataset)
    study = studies.load(workdir)
    missing = [
        (point.name, run)
        for point in study.points
        for run in sorted(set(range(runs)) - studies.listed_runs(study, point))
    ]
    with concurrent.futures.ProcessPoolExecutor(WRITERS) as pool:
        list(pool.map(_write, [workdir] * WRITERS, [missing[i::WRITERS] for i in range(WRITERS)]))
    return study


def _write(workdir, missing):
    study = studies.load(workdir)
    for name, run in missing:
        point = study.point(name)
        studies.write_record(study, point, run, _arrays(study, point, run), INFO)


def _arrays(study, point, run):
    """Returns the arrays of a made-up record; larger sizes memorize more of the hard examples."""
    rng = seeds.stream(run, "benchmarks/scale", point.axis_value)
    mask, given = study.train_mask[run], study.examples.given_labels
    hard = np.arange(len(given)) % 5 == 0
    learned = 0.5 + 0.5 * point.axis_value / len(study.points)
    chance = np.where(hard, np.where(mask, learned, 0.4), 0.99)
    arrays = {}
    for part, p, labels in (
        ("train", chance, given),
        ("test", np.full(study.sizes.test, 0.8), study.examples.test_labels),
    ):
        correct = rng.random(len(p)) < p
        arrays[f"{part}_correct"] = correct
        arrays[f"{part}_logodds"] = (4 * correct - 2 + rng.random(len(p))).astype(np.float16)
        wrong = (labels + 1) % CLASSES
        arrays[f"{part}_predicted"] = np.where(correct, labels, wrong).astype(np.uint8)
    arrays["curve"] = np.zeros((point.axis_value, 3), np.float32)
    specs = records.array_specs(study.sizes_at(point, run))
    for name, (dtype, shape) in specs.items():
        if name not in arrays:  # of the training history
            arrays[name] = np.asarray(point.axis_value * rng.random(shape), dtype)
    return {name: arrays[name] for name in specs}


def measure(verb, workdir):
    """Returns {"seconds", "cpu_seconds", "bytes"} of a command; bytes are its own at the peak."""
    started, cpu_before, peak = time.monotonic(), _cpu_seconds(), 0
    child = subprocess.Popen(
        [_MEMKIT.value, verb, f"--workdir={workdir}"], stdout=subprocess.DEVNULL
    )
    status = pathlib.Path(f"/proc/{child.pid}/status")
    while child.poll() is None:
        sizes = [line.split()[1] for line in _lines(status) if line.startswith("RssAnon:")]
        peak = max([peak, *(int(size) * 1024 for size in sizes)])
        time.sleep(0.02)
    if child.returncode:
        raise app.UsageError(f"memkit {verb} ended with exit code {child.returncode}")
    return {
        "seconds": time.monotonic() - started,
        "cpu_seconds": _cpu_seconds() - cpu_before,
        "bytes": peak,
    }


def _cpu_seconds():
    """Returns the processor time of all children that have ended, in seconds."""
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return of_children.ru_utime + of_children.ru_stime


def _lines(status):
    try:
        return status.read_text().splitlines()
    except OSError:  # The process has just ended.
        return []


def drawn(page_file):
    """Returns the seconds until Chromium has drawn every chart of a page; None without Chromium."""
    try:
        from playwright import sync_api
    except ImportError:
        return None
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox"]
            )
        except sync_api.Error:
            return None
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(0)
        started = time.monotonic()
        page.goto(page_file.as_uri())
        page.wait_for_function(DRAWN)
        seconds = time.monotonic() - started
        browser.close()
    return seconds


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    workdir = pathlib.Path(_WORKDIR.value).resolve()
    sizes = dict(examples=_EXAMPLES.value, tests=_TESTS.value)
    study = make(str(workdir), runs=_RUNS.value, sizes=_SIZES.value, **sizes)
    disk = sum(storage.size(study.workdir / "points" / p.name / "runs") for p in study.points)
    print(
        f"{len(study.points)} x {len(study.train_mask)} records of {study.sizes.train} + "
        f"{study.sizes.test} examples, {disk / 2**30:.2f} GiB"
    )
    measured = {verb: measure(verb, workdir) for verb in ("estimate", "report")}
    for verb, taken in measured.items():
        print(
            f"  {verb}: {taken['seconds']:.0f} s, {taken['cpu_seconds']:.0f} s of processor time, "
            f"peak of {taken['bytes'] / 2**30:.2f} GiB"
        )
    page = workdir / "report" / "index.html"
    measured["page"] = {"bytes": page.stat().st_size, "seconds": drawn(page)}
    seconds = measured["page"]["seconds"]
    text = "not drawn, no Chromium" if seconds is None else f"drawn in {seconds:.1f} s"
    print(f"  page: {measured['page']['bytes'] / 1e6:.1f} MB, {text}")
    if _OUT.value:
        pathlib.Path(_OUT.value).write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    app.run(main)
