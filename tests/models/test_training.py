"""Every model trains through the TensorFlow engine: finite gradients, falling loss."""

import numpy as np
import pytest

from memkit import models
from memkit.models.initial_values import initial_values
from memkit.training import engines
from memkit.training.plan import EpochPlan

_MODELS = {
    "mlp": ("mlp", 8, {"hidden": (8,)}),
    "resnet": ("resnet", 8, {"depth": 8, "width": 2}),
    "resnet-1B": ("resnet", 8, {"depth": 8, "width": 2, "shortcut": "B"}),
    "resnet-2": ("resnet", 8, {"depth": 8, "width": 2, "version": 2}),
    "resnet-2-bottleneck": (
        "resnet",
        8,
        {"depth": 11, "width": 2, "version": 2, "block": "bottleneck", "shortcut": "B"},
    ),
    "resnet18": (
        "resnet_imagenet",
        32,
        {"depth": 18, "stem": "imagenet", "version": 1, "width": 2},
    ),
    "resnet18-2": ("resnet_imagenet", 8, {"depth": 18, "stem": "3x3", "version": 2, "width": 2}),
    "resnet50": ("resnet_imagenet", 8, {"depth": 50, "stem": "3x3", "version": 1.5, "width": 2}),
    "resnet50-2": ("resnet_imagenet", 8, {"depth": 50, "stem": "3x3", "version": 2, "width": 2}),
    "mobilenet_v3-small": (
        "mobilenet_v3",
        32,
        {"variant": "small", "alpha": 0.1, "resolution": 32},
    ),
    "mobilenet_v3-large": (
        "mobilenet_v3",
        32,
        {"variant": "large", "alpha": 0.1, "resolution": 32, "minimalistic": True},
    ),
    "vit": ("vit", 8, {"depth": 2, "width": 8, "patch": 4, "head_width": 4}),
    "convnext": ("convnext", 8, {"depth": 6, "width": 4, "patch": 1}),
}
_SLOW = (
    "resnet-2",
    "resnet18",
    "resnet50",
    "resnet50-2",
    "mobilenet_v3-small",
    "mobilenet_v3-large",
)
_STEPS, _BATCH = 12, 8


def _plan():
    return EpochPlan(
        index=np.tile(np.arange(_BATCH, dtype=np.int32), (_STEPS, 1)),
        rate=np.full(_STEPS, 0.02, np.float32),
        crop=np.full((_STEPS, _BATCH, 2), 4, np.uint8),
        flip=np.zeros((_STEPS, _BATCH), bool),
        draws=np.zeros((_STEPS, _BATCH, 0), np.float32),
    )


def _initial_values(model):
    """Returns the initial values of a run, but layer scale starts from 1.

    From 1e-6 it makes the gradients of its block smaller than the rounding of a gamma of 1.
    """
    values = initial_values(model, seed=0, purpose="init", run=0)
    pairs = zip(model.variables, values, strict=True)
    return [np.ones_like(a) if v.path.endswith("_scale/gamma") else a for v, a in pairs]


def test_every_model_is_trained():
    assert {name for name, _, _ in _MODELS.values()} == set(models.BUILDERS)


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=pytest.mark.slow) if c in _SLOW else c for c in _MODELS],
)
def test_loss_of_a_fixed_batch_falls(case):
    name, pixels, options = _MODELS[case]
    rng = np.random.default_rng(0)
    model = models.build(name, input_shape=(pixels, pixels, 1), num_classes=3, **options)
    blueprint = engines.Blueprint(
        build=lambda: model,
        mean=[0.5],
        std=[0.3],
        optimizer={
            "name": "sgd",
            "momentum": 0.9,
            "nesterov": False,
            "weight_decay": 0.0,
            "decay_all": False,
        },
        pad=None,
        eval_batch=_BATCH,
    )
    program = engines.compile_program(
        blueprint,
        setup=engines.Setup(),
        images=rng.integers(0, 256, (_BATCH, pixels, pixels, 1), np.uint8),
        labels=rng.integers(0, 3, _BATCH, np.int32),
        resident=True,
    )
    program.reset([_initial_values])
    before = [np.asarray(v).copy() for v in model.trainable_variables]
    loss = program.train([_plan()])[0].objective
    assert np.isfinite(loss).all()
    assert loss[-1] < 0.7 * loss[0]
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert (old != np.asarray(variable)).any(), f"{variable.path} has no gradient"
