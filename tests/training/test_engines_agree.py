"""Both engines from the same initial values on the same plans, with crops and flips.

The first two calls of Program.train are one step each: weights after the second show the velocity.
The batch statistics are among the weights. test_strategies.py compares the smallest network.
"""

import numpy as np
import pytest

from tests.training import processes, programs
from tests.training.programs import assert_agree, assert_moved

RESNET = {"name": "resnet", "depth": 8, "width": 2}
MOBILENET = {"name": "mobilenet_v3", "variant": "small", "alpha": 0.35, "resolution": 32}
VIT = {"name": "vit", "depth": 2, "width": 8, "patch": 2, "head_width": 4}
CONVNEXT = {"name": "convnext", "depth": 6, "width": 4, "patch": 1}
# Small differences grow from step to step in deep networks, so these are compared for two steps.
DEEP = {
    "resnet_imagenet": {
        "model": {"name": "resnet_imagenet", "depth": 18, "stem": "3x3", "version": 1, "width": 4},
        "image_shape": [16, 16, 3],
        "peak": 0.01,
    },
    "mobilenet": {"model": MOBILENET, "image_shape": [16, 16, 3], "peak": 0.01},
    "vit": {"model": VIT},
    "convnext": {"model": CONVNEXT},
}
SLOW = {
    "mlp": {"model": {"name": "mlp", "hidden": [12]}},
    "student": {
        "model": {"name": "mlp", "hidden": [12]},
        "teacher": programs.TINY,
        "image_shape": [6, 10, 3],
    },
    "half": {"model": programs.TINY, "precision": "bfloat16"},
    "penalties": {
        "model": programs.NOISY | {"rate": 0.0},
        "optimizer": {"name": "adamw", "weight_decay": 0.1, "global_clipnorm": 0.5},
        "peak": 0.01,
        "augment": "cutmix",
        "label_smoothing": 0.1,
    },
    "mixup": {"model": programs.TINY, "augment": "mixup"},
    "rand_augment": {
        "model": programs.TINY,
        "image_shape": [20, 20, 3],
        "augment": "rand_augment",
    },
    "gray rand_augment": {"model": programs.TINY, "augment": "rand_augment"},
    "random_resized_crop": {"model": programs.TINY, "augment": "random_resized_crop"},
    "plain": {"model": programs.TINY, "augment": "none"},
    "resnet": {"model": RESNET},
    "projections": {"model": RESNET | {"shortcut": "B"}},
    "second version": {
        "model": RESNET | {"depth": 11, "version": 2, "block": "bottleneck", "shortcut": "B"}
    },
    "student of a wider teacher": {"model": RESNET, "teacher": RESNET | {"width": 3}},
}
OPTIMIZERS = {
    name: {"model": programs.TINY, "optimizer": {"name": name}, "peak": 0.01}
    for name in (
        "adadelta",
        "adafactor",
        "adagrad",
        "adam",
        "adamax",
        "ftrl",
        "lamb",
        "lion",
        "muon",
        "nadam",
        "rmsprop",
    )
}


def _of_both(cases, folder):
    """Returns {engine: {case: {name: array}}}; the processes work at the same time."""
    jobs = {"tests.training.programs:cases": cases}
    started = {
        engine: processes.start(jobs, engine=engine, folder=folder)
        for engine in ("tensorflow", "jax")
    }
    return {engine: programs.by_case(result()) for engine, result in started.items()}


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    cases = SLOW | DEEP | OPTIMIZERS | {"tiny": {"model": programs.TINY}}
    return _of_both(cases, tmp_path_factory.mktemp("slow"))


@pytest.mark.slow
@pytest.mark.parametrize("case", [*OPTIMIZERS, *(name for name in SLOW if name != "half")])
def test_losses_weights_statistics_and_logits_agree(slow, case):
    assert_agree(slow["jax"][case], slow["tensorflow"][case])
    assert_moved(slow["jax"][case])


@pytest.mark.slow
@pytest.mark.parametrize("case", DEEP)
def test_the_first_steps_of_deep_networks_agree(slow, case):
    actual, expected = (_two_steps(slow[engine][case]) for engine in ("jax", "tensorflow"))
    assert_agree(actual, expected)
    if case != "convnext":  # Layer scale makes its first changes smaller than rounding errors.
        assert_moved(slow["jax"][case])


def _two_steps(arrays):
    weights = {k: v for k, v in arrays.items() if k.startswith(("weights0/", "weights1/"))}
    rows = ("objective", "loss", "margin", "correct")
    return weights | {name: arrays[name][:, :2] for name in rows}


@pytest.mark.slow
def test_bfloat16_agrees_within_its_precision(slow):
    """The first step; later ones drift apart. Rounding to 8 bits is visible, so it took place."""
    actual, expected = slow["jax"]["half"], slow["tensorflow"]["half"]
    for name in ("objective", "loss", "margin"):
        np.testing.assert_allclose(actual[name][:, 0], expected[name][:, 0], rtol=0.05, atol=0.05)
    for name in [name for name in expected if name.startswith("weights0")]:
        assert actual[name].dtype == np.float32
        np.testing.assert_allclose(actual[name], expected[name], rtol=0.05, atol=0.01)
    for engine in slow.values():
        assert (engine["half"]["loss"][:, 0] != engine["tiny"]["loss"][:, 0]).all()


@pytest.mark.slow
def test_crops_and_flips_change_the_weights_of_both_engines(slow):
    for engine in slow.values():
        assert (engine["plain"]["loss"][:, 0] != engine["tiny"]["loss"][:, 0]).all()


@pytest.mark.slow
def test_two_different_runs_do_not_agree(slow):
    with pytest.raises(AssertionError, match="loss"):
        assert_agree({"loss": slow["jax"]["plain"]["loss"]}, {"loss": slow["jax"]["tiny"]["loss"]})
