import json
import os
import subprocess
import sys

import keras
import pytest

from benchmarks import arithmetic
from memkit import models
from memkit.errors import InputError


def resnet(**options):
    return models.build("resnet", input_shape=(8, 8, 3), num_classes=10, **options)


def test_perceptron_counts_two_operations_for_each_weight():
    model = models.build("mlp", input_shape=(5, 5, 1), num_classes=3, hidden=(7, 4))
    weights = [25 * 7, 7 * 4, 4 * 3]
    assert arithmetic.forward_flops(model) == 2 * sum(weights)
    assert arithmetic.training_flops(model) == 2 * (3 * sum(weights) - weights[0])


def test_resnet_8_counts_as_by_hand():
    # (pixels of the output, channels in, channels out) of each 3x3 convolution.
    layers = [(64, 3, 2), (64, 2, 2), (64, 2, 2), (16, 2, 4), (16, 4, 4), (4, 4, 8), (4, 8, 8)]
    by_hand = sum(2 * 9 * pixels * i * o for pixels, i, o in layers) + 2 * 8 * 10
    assert arithmetic.forward_flops(resnet(depth=8, width=2)) == by_hand


def test_traffic_of_a_perceptron_is_three_passes_over_inputs_and_outputs():
    model = models.build("mlp", input_shape=(5, 5, 1), num_classes=3, hidden=(7,))
    assert arithmetic.training_bytes(model, itemsize=2) == 2 * 3 * (25 + 7 + 7 + 3)


def test_traffic_doubles_with_the_width_and_flops_grow_fourfold():
    narrow, wide = resnet(depth=8, width=16), resnet(depth=8, width=32)
    assert arithmetic.training_bytes(wide, 2) / arithmetic.training_bytes(narrow, 2) > 1.95
    assert 3.8 < arithmetic.forward_flops(wide) / arithmetic.forward_flops(narrow) < 4


def test_unknown_layer_is_refused():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.DepthwiseConv2D(3)])
    with pytest.raises(InputError, match="layers among"):
        arithmetic.forward_flops(model)


_COUNT_BY_XLA = """
import json
import jax
import numpy as np
from benchmarks import arithmetic
from memkit import models

model = models.build("resnet", input_shape=(32, 32, 3), num_classes=10, depth=8, width=16)
weights = [v.value for v in model.trainable_variables]
stats = [v.value for v in model.non_trainable_variables]

def loss(weights, x):
    return model.stateless_call(weights, stats, x, training=True)[0].sum()

def count(function):
    x = np.zeros((4, 32, 32, 3), np.float32)
    return jax.jit(function).lower(weights, x).cost_analysis()["flops"] / 4

print(json.dumps([
    [arithmetic.forward_flops(model), count(loss)],
    [arithmetic.training_flops(model), count(jax.grad(loss))],
]))
"""


@pytest.mark.slow
def test_xla_counts_nearly_the_same():
    environment = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", _COUNT_BY_XLA],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    for count, of_xla in json.loads(done.stdout.splitlines()[-1]):
        assert count == pytest.approx(of_xla, rel=0.1)
