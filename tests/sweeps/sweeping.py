"""Executes a study with the work of `fake_work`, here or as a process that a test can kill.

As a process: python -m tests.sweeps.sweeping WORKDIR JOURNAL SECONDS.
"""

import functools
import io
import os
import pathlib
import subprocess
import sys
import time

from memkit import studies
from memkit.sweeps import executor, placement, selection
from memkit.sweeps.progress import Progress
from memkit.training import engines
from tests.sweeps import fake_work, small_study

ROOT = pathlib.Path(__file__).parents[2]


def execute(
    study,
    work=fake_work.draw,
    *,
    workers=2,
    setup=fake_work.no_setup,
    stream=None,
    runs_at_once=1,
    in_step=False,
    note="",
    shard=(0, 1),
    finished=None,
    **how,
):
    """Trains what is missing of a study; returns (failures, left). `how`: fields of Placement."""
    missing, _ = selection.missing(study)
    counts = {name: len(runs) for name, runs in missing.items()}
    progress = Progress(counts, workers=workers, stream=stream or io.StringIO())
    strategy = "multi_worker" if in_step else "one_device"
    setup_of_workers = engines.Setup(strategy=strategy, runs_per_program=runs_at_once)
    placed = placement.Placement(setup_of_workers, ({},) * workers, note, **how)
    return executor.execute(
        study,
        missing,
        work,
        setup=setup,
        placement=placed,
        progress=progress,
        shard=shard,
        finished=finished,
    )


def start(workdir, journal, *, seconds, errors=subprocess.DEVNULL):
    """Starts the process below in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.sweeps.sweeping", workdir, journal, str(seconds)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
    )


def children_of(group):
    """Returns the live processes of a process group."""
    listed = subprocess.run(["ps", "-eo", "pid,pgid,stat"], capture_output=True, text=True)
    rows = [line.split() for line in listed.stdout.splitlines()[1:]]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and "Z" not in stat]


def is_empty(group):
    return not children_of(group)


def wait_until(fact):
    """Returns when a function returns True."""
    while not fact():
        time.sleep(0.01)


def journal(folder):
    """Returns (point and run, worker process, time) of every run that was begun, oldest first."""
    rows = [name.rsplit("-", 2) for name in os.listdir(folder)]
    return sorted(((run, int(pid), int(at)) for run, pid, at in rows), key=lambda row: row[2])


def main(workdir, journal, seconds):
    study = small_study.make(pathlib.Path(workdir))
    studies.remove_temporaries(study)
    studies.executors.remove_ended(study)
    work = functools.partial(fake_work.draw, seconds=float(seconds), journal=journal)
    failures, left = execute(study, work, setup=fake_work.slow_setup)
    return 1 if failures or left else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
