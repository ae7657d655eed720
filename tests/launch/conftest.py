"""Real `memkit` processes and tiny configs for them."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests import commands, once

TINY = """
from memkit.configs import common


def get_config(variant=""):
    config = common.study(title="tiny")
    config.dataset = common.dataset("digits", mean=(0.3,), std=(0.37,))
    config.dataset.train_per_class, config.dataset.test_per_class = 40, 10
    config.labels.planted_fraction = 0.08
    config.subsets.num_runs = 20
    config.model = dict(name="mlp", hidden=(8,))
    config.schedule = dict(name="step", peak=0.1, warmup_epochs=1.0, milestones=(2,), factor=0.1)
    config.training = common.training(epochs=3, batch_size=64)
    config.axis = dict(field="optimizer.momentum", values=(0.5, 0.9))
    return config
"""


@pytest.fixture(scope="session")
def start():
    """Returns a function that starts `memkit ARGS` in a process group of its own."""

    def begin(*args):
        return subprocess.Popen(
            [sys.executable, "-m", "memkit.cli", *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )

    return begin


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory):
    """The path of a config with two points of an MLP, 20 runs each, seconds in all."""
    path = tmp_path_factory.mktemp("configs") / "tiny.py"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def tiny_study(memkit, tiny_config, tmp_path_factory):
    """The workdir of the tiny study, run whole by two workers, with the command's result.

    It is run once for all test processes, and each has a copy of its own.
    """

    def make(folder):
        workdir = folder / "study"
        result = memkit("run", f"--config={tiny_config}", f"--workdir={workdir}", "--workers=2")
        (folder / "result.json").write_text(json.dumps(dataclasses.asdict(result)))

    folder = once.made(tmp_path_factory, "tiny", make)
    workdir = tmp_path_factory.mktemp("studies") / "tiny"
    shutil.copytree(folder / "study", workdir)
    result_text = (folder / "result.json").read_text().replace(str(folder / "study"), str(workdir))
    return workdir, commands.Result(**json.loads(result_text))


@pytest.fixture(scope="session")
def checkout():
    return pathlib.Path(__file__).parents[2]
