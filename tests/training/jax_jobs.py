"""Jobs of tests in a JAX process: runs of studies, many runs, counts."""

import dataclasses
import gc
import os
import pathlib
from unittest import mock

import numpy as np

from memkit import studies
from memkit.training import engines, loop
from memkit.training.runner import Runner
from tests.training import programs, resuming


def records(argument, engine):
    """Trains runs of studies, a list of `{workdir, setup, points, runs, diverging}`.

    The rates of the run `diverging`, -1 for none, are 1e30 after the first epoch.
    """
    for job in argument:
        study = studies.load(job["workdir"])
        runner = Runner(engines.Setup(engine="jax", **job["setup"]))
        with mock.patch.object(loop, "epoch_plans", _diverging(job["diverging"])):
            for point in map(study.point, job["points"]):
                for run, arrays, info in runner.train_runs(study, point, job["runs"]):
                    studies.write_record(study, point, run, arrays, info)
    return {}


def _diverging(diverging, real=loop.epoch_plans):
    def epochs(study, point, run):
        for number, plan in enumerate(real(study, point, run)):
            too_large = run == diverging and number > 0
            rate = np.full_like(plan.rate, 1e30) if too_large else plan.rate
            yield dataclasses.replace(plan, rate=rate)

    return epochs


def many_runs(argument, engine):
    """Returns the live `arrays` and the `memory` in bytes after each of 120 packs of a case."""
    case = programs.as_case(argument)
    program = programs.compiled(case, engine)
    gc.collect()  # The models of earlier jobs are reference cycles, which hold arrays.
    arrays, memory = [], []
    for _ in range(120):
        programs.train_pack(case, program, range(program.size))
        arrays.append(len(engine.jax.live_arrays()))
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
        memory.append(pages * os.sysconf("SC_PAGE_SIZE"))
    return {"arrays": np.array(arrays), "memory": np.array(memory)}


def cached(argument, engine):
    """Executes a case; returns the `hits` and `misses` of the cache of compiled programs."""
    counts = {"hits": 0, "misses": 0}

    def count(event, **_):
        for name in counts:
            counts[name] += event == f"/jax/compilation_cache/cache_{name}"

    engine.jax.monitoring.register_event_listener(count)
    programs.execute(programs.as_case(argument), engine)
    return {name: np.array(number) for name, number in counts.items()}


def resumed(workdir, engine):
    """Returns the log-odds of runs 0 to 2 after interruptions in the middle of their 4 epochs.

    `together` resumes as one pack after epoch 2; for `apart`, run 1 has a checkpoint of epoch 1.
    `epochs` has the number of epochs after each interruption; `undisturbed` was not interrupted.
    """
    study = studies.load(workdir)
    point, setup = study.points[0], engines.Setup("jax", packing="vmap", runs_per_program=3)

    def answers(runs=(0, 1, 2)):
        arrays, epochs = resuming.train(study, point, runs, setup)
        return np.stack([arrays[run, "train_logodds"] for run in runs]), len(epochs)

    undisturbed, _ = answers()
    resuming.interrupt(study, point, [0, 1, 2], setup, after=2)
    together, first = answers()
    resuming.interrupt(study, point, [0, 1, 2], setup, after=2)
    resuming.interrupt(study, point, [1, 1, 1], setup, after=1)
    apart, second = answers()
    return {
        "undisturbed": undisturbed,
        "together": together,
        "apart": apart,
        "epochs": np.array([first, second]),
    }
