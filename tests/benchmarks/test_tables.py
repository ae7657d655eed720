"""The arithmetic between what benchmarks time and what they print."""

import numpy as np
import pytest

from benchmarks import op_times, scaling_variants, startup_stages


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_exponent_of_a_power_law_is_its_power(power):
    pairs = [(size, 0.3 * size**power) for size in (1, 2, 5, 40)]
    assert scaling_variants.exponent(pairs) == pytest.approx(power)


def test_memory_slope_is_that_of_the_last_half():
    pairs = [(runs, 1e6 * runs if runs <= 10 else 1e7 + 8 * (runs - 10)) for runs in range(1, 21)]
    assert scaling_variants.bytes_per_run(pairs) == pytest.approx(8)


def test_compilation_is_what_runs_take_beyond_the_median_of_their_point():
    seconds = startup_stages.split_seconds([[5.0, 1.0, 1.0, 1.0], [2.0, 2.0, 4.0]])
    assert seconds == {"steady": 10.0, "compilation": 6.0}


def test_stages_add_up_to_the_whole():
    stages = {"imports": 1.0, "data and study": 2.0, "training": 10.0, "estimates": 3.0}
    seconds_of_stages = {
        "stages": stages | {"report": 4.0},
        "workers": {"steady": 12.0, "compilation": 4.0},
    }
    table = startup_stages.rows(seconds_of_stages, workers=2)
    seconds = {name: value for name, value, _ in table}
    assert seconds["training, steady state"] == 6
    assert seconds["training, compilation"] == 2
    assert seconds["training, workers start or wait"] == 2
    assert seconds.pop("whole") == sum(seconds.values()) == 20
    assert np.isclose(sum(float(share.rstrip("%")) for _, _, share in table[:-1]), 100, atol=0.3)


@pytest.mark.parametrize(
    ("path", "kind", "group"),
    [
        ("while/resnet/stem_conv/convolution", "_MklNativeConv2D", "convolutions, forward"),
        (
            "gradient_tape/while/resnet/stem_conv/convolution/Conv2DBackpropFilter",
            "_MklNativeConv2DBackpropFilter",
            "convolutions, backward",
        ),
        ("while/resnet/logits/MatMul", "MatMul", "convolutions, forward"),
        ("while/resnet/stem_bn/batchnorm/mul_1", "Mul", "batch normalization"),
        ("while/resnet/stage0_block0_out/Relu", "Relu", "activations and additions"),
        ("while/GatherV2", "GatherV2", "input"),
        ("while/mul_3", "Mul", "loss, update, bookkeeping"),
    ],
)
def test_operations_are_grouped_by_layer_and_kind(path, kind, group):
    assert op_times.group(path, kind) == group


def test_only_single_operations_count():
    events = [
        ("while/resnet/stem_bn/mul:Mul", 1.0),
        ("while/resnet/stem_bn/add:AddV2", 2.0),
        ("KernelAndDeviceFunc::Run", 50.0),
        ("EagerLocalExecute: __inference_epoch", 50.0),
        ("epoch/while:While", 50.0),
        ("tf.constant", 50.0),
    ]
    seconds = op_times.grouped(events)
    assert seconds.pop("batch normalization") == 3
    assert set(seconds.values()) == {0}
