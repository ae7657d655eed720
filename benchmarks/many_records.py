r"""Memory and time of the estimates of a study with very many runs.

  python -m benchmarks.many_records --workdir=... [--runs=10000] [--examples=50000] [--tests=1000]

Makes up the records of one point where they are missing, two classes of examples in them: easy ones
that every run gets right and hard ones that a run gets right more often if it trained on them. Then
a process of its own estimates everything that `memkit estimate` does. Printed: its seconds, the
peak of its own memory, and that of everything it had in memory, which counts what the system keeps
of its files as long as there is room.
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np
from absl import app, flags

from benchmarks import small_studies
from memkit import analysis, records, seeds, storage, studies
from memkit.data import made_up

_WORKDIR = flags.DEFINE_string("workdir", None, "folder for the study", required=True)
_RUNS = flags.DEFINE_integer("runs", 10_000, "runs", lower_bound=20)
_EXAMPLES = flags.DEFINE_integer("examples", 50_000, "train examples", lower_bound=100)
_TESTS = flags.DEFINE_integer("tests", 1_000, "test examples", lower_bound=10)
_ONLY_ESTIMATE = flags.DEFINE_bool("only_estimate", False, "print what the estimates took as JSON")

_WRITERS = 2
_INFO = {
    "status": "done",
    "train_accuracy": 0.9,
    "test_accuracy": 0.8,
    "steps": 1,
    "seconds": 1.0,
    "engine": "made_up",
    "device": "CPU",
    "host": "here",
    "versions": {"numpy": np.__version__},
}


def make(workdir, *, runs, examples, tests):
    """Returns a study of one point whose records are all there, made up where they were missing."""
    dataset = dict(image_size=4, channels=1, num_classes=10, num_train=examples, num_test=tests)
    config = small_studies.config(
        dataset=small_studies.made_up(size=4, channels=1, num_train=examples, num_test=tests),
        model=dict(name="mlp", hidden=[8]),
        num_runs=runs,
        epochs=1,
        batch_size=32,
    )
    config["report"] = dict(title="many", min_influence=0.15, min_memorization=0.25, top_k=10)
    if not studies.exists(workdir):
        studies.open_or_create(workdir, config, made_up.load(**dataset))
    study = studies.load(workdir)
    missing = sorted(set(range(runs)) - studies.listed_runs(study, study.points[0]))
    with concurrent.futures.ProcessPoolExecutor(_WRITERS) as pool:
        list(
            pool.map(_write, [workdir] * _WRITERS, [missing[i::_WRITERS] for i in range(_WRITERS)])
        )
    return study


def _write(workdir, runs):
    study = studies.load(workdir)
    point, given = study.points[0], study.examples.given_labels
    hard = np.arange(len(given)) % 5 == 0
    for run in runs:
        rng, mask = seeds.stream(0, "benchmarks/many_records", run), study.train_mask[run]
        chance = np.where(hard, np.where(mask, 0.9, 0.4), 0.99)
        arrays = {}
        for part, p in (("train", chance), ("test", np.full(study.sizes.test, 0.8))):
            correct = rng.random(len(p)) < p
            labels = given if part == "train" else study.examples.test_labels
            arrays[f"{part}_correct"] = correct
            arrays[f"{part}_logodds"] = (4 * correct - 2 + rng.random(len(p))).astype(np.float16)
            arrays[f"{part}_predicted"] = np.where(correct, labels, (labels + 1) % 10).astype(
                np.uint8
            )
        arrays["curve"] = np.zeros((1, 3), np.float32)
        studies.write_record(study, point, run, arrays, _INFO)


def _estimate(workdir):
    """Returns what the estimates of a study took; one of this process."""
    peaks, over = {"RssAnon": 0, "VmRSS": 0}, threading.Event()

    def watch():
        while not over.wait(0.01):
            lines = pathlib.Path("/proc/self/status").read_text().splitlines()
            sizes = {line.split(":")[0]: line.split()[1] for line in lines if "kB" in line}
            for name in peaks:
                peaks[name] = max(peaks[name], int(sizes[name]) * 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.monotonic()
    try:
        summary = analysis.estimate(studies.load(workdir))
    finally:
        over.set()
        watcher.join()
    mean = summary["points"][0]["mean_memorization"]
    return {"seconds": time.monotonic() - started, "memorization": mean, **peaks}


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    workdir = _WORKDIR.value
    if _ONLY_ESTIMATE.value:
        print(json.dumps(_estimate(workdir)))
        return
    started = time.monotonic()
    study = make(workdir, runs=_RUNS.value, examples=_EXAMPLES.value, tests=_TESTS.value)
    made = time.monotonic() - started
    command = [sys.executable, "-m", "benchmarks.many_records", "--only_estimate"]
    done = subprocess.run(
        [*command, f"--workdir={workdir}"], check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    point = study.points[0]
    disk = storage.size(study.workdir / "points" / point.name / "runs")
    bare = records.num_bytes(study.sizes_at(point, 0)) * len(study.train_mask)
    print(f"{len(study.train_mask)} records of {study.sizes.train} + {study.sizes.test} examples")
    print(
        f"  {disk / 2**30:.2f} GiB on disk, {bare / 2**30:.2f} GiB unpacked; made in {made:.0f} s"
    )
    print(f"  estimated in {found['seconds']:.0f} s, mean memorization {found['memorization']:.4f}")
    print(f"  peak of its own memory {found['RssAnon'] / 2**30:.2f} GiB")
    print(f"  peak with the files kept in memory {found['VmRSS'] / 2**30:.2f} GiB")


if __name__ == "__main__":
    app.run(main)
