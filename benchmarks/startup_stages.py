"""The stages of a `memkit run`, read off the files that it writes."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from memkit import studies


def _timed(*command):
    """Runs a command to its end; returns (when it started, when it ended) in seconds."""
    started = time.time()
    done = subprocess.run(command, capture_output=True, text=True)
    ended = time.time()
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return started, ended


def measure(config):
    """Runs a study and says where its time went.

    study.json is written last when a study is created, each record says how long its run took,
    summary.json ends the estimates and report/index.html the report. Importing what `memkit run`
    imports is timed in a process of its own.

    Args:
      config: value of --config.

    Returns:
      {"stages": {name: wall seconds}, "workers": see `split_seconds`, "runs": number}.
    """
    python = sys.executable
    before, after = _timed(python, "-c", "import memkit.launch.run")
    imports = after - before
    with tempfile.TemporaryDirectory() as folder:
        workdir = pathlib.Path(folder) / "study"
        command = (python, "-m", "memkit.cli", "run", f"--config={config}", f"--workdir={workdir}")
        started, ended = _timed(*command)
        study = studies.load(workdir)
        records = list(workdir.glob("points/*/runs/*.npz"))
        times = {
            "created": os.stat(workdir / "study.json").st_mtime,
            "trained": max(os.stat(file).st_mtime for file in records),
            "estimated": os.stat(workdir / "summary.json").st_mtime,
        }
        seconds = [
            [info["seconds"] for info in studies.read_runs(study, point).infos]
            for point in study.points
        ]
    stages = {
        "imports": imports,
        # The imports were timed in another process, which may have taken longer.
        "data and study": max(0.0, times["created"] - started - imports),
        "training": times["trained"] - times["created"],
        "estimates": times["estimated"] - times["trained"],
        "report": ended - times["estimated"],
    }
    return {"stages": stages, "workers": split_seconds(seconds), "runs": sum(map(len, seconds))}


def split_seconds(seconds):
    """Splits what workers spent on runs into {"steady": seconds, "compilation": seconds}.

    The first run of a point in a worker process compiles: what runs take beyond the median of
    their point counts as compilation.

    Args:
      seconds: for each point those of its runs.
    """
    steady = sum(len(point) * statistics.median(point) for point in seconds)
    return {"steady": steady, "compilation": sum(map(sum, seconds)) - steady}


def rows(found, workers):
    """Returns the rows of the table: stage, wall seconds, share of the whole.

    Training is split by what the workers' seconds are of `workers` workers' time; the rest of it is
    workers that start, wait for each other at the end, or write.
    """
    stages = dict(found["stages"])
    whole = sum(stages.values())
    training = stages.pop("training")
    split = {
        "training, steady state": found["workers"]["steady"] / workers,
        "training, compilation": found["workers"]["compilation"] / workers,
    }
    split["training, workers start or wait"] = training - sum(split.values())
    before = {name: stages[name] for name in ("imports", "data and study")}
    after = {name: stages[name] for name in ("estimates", "report")}
    table = [[n, s, f"{s / whole:.1%}"] for n, s in (before | split | after).items()]
    return [*table, ["whole", whole, "100%"]]
