"""What the JAX engine needs installed: often there is jax, Keras and little else."""

import json
import os
import subprocess
import sys

import pytest

from tests.benchmarks import only

_IMPORT = """
import json, sys
import memkit.training.engines.jax
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
print(json.dumps(sorted(name for name in sys.modules if name.startswith("memkit"))))
"""
_TRAIN = """
import json
import numpy as np
from memkit import models
from memkit.models.initial_values import initial_values
from memkit.training import engines, plan

engine, setup = engines.load("jax"), engines.Setup(engine="jax")
engine.configure(setup)
images = np.arange(20 * 16, dtype=np.uint8).reshape(20, 4, 4, 1)
labels = np.arange(20, dtype=np.int32) % 3
blueprint = engines.Blueprint(
    build=lambda: models.build("mlp", input_shape=(4, 4, 1), num_classes=3, hidden=(5,)),
    mean=(0.5,),
    std=(0.25,),
    optimizer=dict(name="sgd", momentum=0.9, nesterov=True, weight_decay=0.0, decay_all=False),
    pad=None,
    eval_batch=8,
)
program = engine.compile_program(
    blueprint, setup=setup, images=images, labels=labels, resident=True
)
program.reset([lambda model: initial_values(model, seed=0, purpose="init", run=0)])
before = program.weights()[0]
rates = np.full((1, 3), 0.1)
members = np.arange(14)
(epoch,) = plan.epochs(
    members, batch_size=4, rates=rates, augment="none", pad=4, seed=0, run=0
)
(steps,) = program.train([epoch])
(evaluation,) = program.evaluate()
changed = [bool((old != new).any()) for old, new in zip(before, program.weights()[0])]
is_finite = bool(np.isfinite(evaluation.logits).all() and np.isfinite(steps.loss).all())
print(json.dumps([steps.loss.shape, evaluation.logits.shape, is_finite, changed]))
"""


def blocked(code):
    """Runs code in a process that has only what the engine needs; returns the JSON of its lines."""
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", only.code(only.ENGINE) + code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", ["tensorflow", "ml_collections", "sklearn", "PIL", "altair"])
def test_blocker_blocks(name):
    with pytest.raises(AssertionError, match=f"No module named '{name}'"):
        blocked(f"import {name}")


def test_engine_needs_only_numerical_packages_and_etils():
    roots, modules = blocked(_IMPORT)
    assert {"numpy", "jax", "keras", "etils"} <= set(roots)
    parts = {name.split(".")[1] for name in modules if "." in name}
    needed = {"errors", "output", "printable", "rules", "seeds", "storage", "tables", "typing"}
    assert parts <= needed | {
        "models",
        "optimizers",
        "keras_schedules",
        "recipe",
        "records",
        "training",
    }


def test_perceptron_trains_for_an_epoch():
    ((steps, logits, is_finite, changed),) = blocked(_TRAIN)
    assert (steps, logits, is_finite) == ([3, 4], [20, 3], True)
    assert all(changed)
