"""A storm of kill -9 over a study: workers, executor, both, at random moments.

    python -m tests.sweeps.kills --kills=200 --seed=0

makes one study after another until so many processes have been killed, and checks each.
"""

import argparse
import collections
import dataclasses
import functools
import os
import pathlib
import random
import signal
import tempfile
import time

import numpy as np

from memkit import analysis, studies
from tests.sweeps import small_study, sweeping

SECONDS = 0.1  # of one run
VICTIMS = ("worker", "worker", "executor", "both")


@dataclasses.dataclass
class Storm:
    """What happened.

    Attributes:
      kills: how often each kind of victim was killed.
      studies: how many were finished under it.
      starts: executors started.
      begun: runs begun in all.
      repeated: runs begun again that were in flight when their worker was killed.
      needless: runs begun again that were not.
      temporaries: half-written files found after the last start of a study.
      announced: executors said to be at work after the end.
      set_aside: runs that a sweep set aside, since three of its workers were killed at them.
      different: studies whose estimates or records differ from the undisturbed one's.
      complaints: what executors and workers wrote to their error streams.
    """

    kills: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    studies: int = 0
    starts: int = 0
    begun: int = 0
    repeated: int = 0
    needless: int = 0
    temporaries: int = 0
    announced: int = 0
    set_aside: int = 0
    different: int = 0
    complaints: list = dataclasses.field(default_factory=list)

    @property
    def is_harmless(self):
        """True where nothing was lost, repeated without need, left behind or said wrongly."""
        bad = (self.needless, self.temporaries, self.announced, self.different, self.complaints)
        return not any(bad)


def rage(folder, *, kills, seed=0):
    """Returns the Storm of so many kills on studies in a folder."""
    folder, rng, storm = pathlib.Path(folder), random.Random(seed), Storm()
    expected = results(undisturbed(folder / "undisturbed"))
    while storm.kills.total() < kills:
        study_folder = folder / str(storm.studies)
        (study_folder / "journal").mkdir(parents=True)
        _finish(study_folder, rng, storm, kills)
        study = studies.load(study_folder / "study")
        storm.studies += 1
        storm.different += results(study) != expected
        storm.temporaries += len(list((study_folder / "study").rglob(".tmp-*")))
        storm.announced += len(studies.executors.announced(study))
    return storm


def undisturbed(workdir):
    """Returns a study that was finished in peace."""
    study = small_study.make(workdir)
    sweeping.execute(study)
    return study


def results(study):
    """Returns the bytes of all estimates and records of a study, by name."""
    analysis.estimate(study)
    arrays = {}
    for point in study.points:
        for outcome, estimate in studies.read_estimates(study, point).items():
            for name, array in vars(estimate).items():
                arrays[point.name, outcome, name] = np.asarray(array).tobytes()
        runs = studies.read_runs(study, point, ("train_correct", "train_logodds", "curve"))
        arrays[point.name, "problems"] = runs.problems
        arrays[point.name, "index"] = runs.index.tolist()
        for name, stacked in runs.arrays.items():
            arrays[point.name, name] = stacked.tobytes()
    return arrays


def _finish(folder, rng, storm, kills):
    """Starts executors on one study until one ends in peace, killing while kills are left."""
    killed = set()
    while True:
        with open(folder / "errors", "a") as errors:
            child = sweeping.start(
                folder / "study", folder / "journal", seconds=SECONDS, errors=errors
            )
        storm.starts += 1
        while child.poll() is None and storm.kills.total() < kills:
            if rng.random() < 0.8:  # The others strike while processes start.
                _wait_for_work(child, folder / "journal")
            time.sleep(rng.uniform(0, 0.3))
            killed |= _strike(child, rng.choice(VICTIMS), storm)
        code = child.wait()
        sweeping.wait_until(functools.partial(sweeping.is_empty, child.pid))
        if code == 0:
            break
        storm.set_aside += len(list((folder / "study" / "failures").glob("*.json")))
    if errors_text := (folder / "errors").read_text():
        storm.complaints.append(errors_text)
    started_runs = sweeping.journal(folder / "journal")
    last_of = {pid: (run, at) for run, pid, at in started_runs}
    starts = {}
    for run, pid, at in started_runs:
        if run in starts:
            before, then = starts[run]
            in_flight = last_of[before] == (run, then) and before in killed
            storm.repeated += in_flight
            storm.needless += not in_flight
        starts[run] = pid, at
    storm.begun += len(started_runs)


def _wait_for_work(child, journal):
    before = len(os.listdir(journal))
    sweeping.wait_until(lambda: child.poll() is not None or len(os.listdir(journal)) > before)


def _strike(child, victim, storm):
    """Kills; returns the processes that died of it: workers follow their executor."""
    family = sweeping.children_of(child.pid)
    workers = [pid for pid in family if pid != child.pid]
    if child.pid not in family or not workers:
        return set()
    chosen = {"worker": workers[-1:], "executor": [child.pid], "both": family}[victim]
    for pid in chosen:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    storm.kills[victim] += 1
    return set(chosen) if victim == "worker" else set(family)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        storm = rage(folder, kills=options.kills, seed=options.seed)
    for name, value in vars(storm).items():
        print(f"{name}: {dict(value) if isinstance(value, dict) else value}")
    print("harmless" if storm.is_harmless else "HARM WAS DONE")
    return 0 if storm.is_harmless else 1


if __name__ == "__main__":
    raise SystemExit(main())
