"""MobileNetV3 against the one of keras.applications, and its strides by resolution."""

import functools

import keras
import numpy as np
import pytest

from memkit import models
from memkit.errors import InputError


def _build(variant="small", *, alpha=1.0, resolution=224, pixels=224, num_classes=1000, **options):
    return models.build(
        "mobilenet_v3",
        input_shape=(pixels, pixels, 3),
        num_classes=num_classes,
        variant=variant,
        alpha=alpha,
        resolution=resolution,
        **options,
    )


@functools.cache
def _narrow(variant, resolution, pixels):
    """Returns a narrow network that several tests look at and none changes."""
    return _build(variant, alpha=0.1, resolution=resolution, pixels=pixels)


def _of_keras(variant, *, pixels=224, num_classes=1000, **options):
    build = {
        "small": keras.applications.MobileNetV3Small,
        "large": keras.applications.MobileNetV3Large,
    }
    return build[variant](
        weights=None,
        include_preprocessing=False,
        dropout_rate=0,
        classifier_activation=None,
        input_shape=(pixels, pixels, 3),
        classes=num_classes,
        **options,
    )


def _trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


@pytest.mark.parametrize(
    "variant, alpha, minimalistic",
    [
        ("small", 1.0, True),
        ("large", 0.75, True),
        pytest.param("small", 0.75, False, marks=pytest.mark.slow),
        pytest.param("large", 1.0, False, marks=pytest.mark.slow),
        pytest.param("small", 0.35, False, marks=pytest.mark.slow),
        pytest.param("large", 1.25, False, marks=pytest.mark.slow),
    ],
)
def test_counts_are_those_of_keras(variant, alpha, minimalistic):
    ours = _build(variant, alpha=alpha, minimalistic=minimalistic)
    theirs = _of_keras(variant, alpha=alpha, minimalistic=minimalistic)
    assert _trainable(ours) == _trainable(theirs)
    assert ours.count_params() == theirs.count_params()


# The paper prints 2.5M and 5.4M; the exact counts are those of keras.applications and torchvision.
@pytest.mark.parametrize("resolution", [32, 64, 224])
@pytest.mark.parametrize("variant, count", [("small", 2_542_856), ("large", 5_483_032)])
def test_counts_at_alpha_1_do_not_depend_on_the_resolution(variant, count, resolution):
    assert _trainable(_build(variant, resolution=resolution, pixels=resolution)) == count


# 32 pixels with the 100 classes of CIFAR-100, 64 with the 200 of Tiny-ImageNet.
@pytest.mark.parametrize("pixels, num_classes", [(32, 100), (64, 200)])
def test_counts_on_small_images_are_those_of_keras_at_224(pixels, num_classes):
    ours = _build(alpha=0.75, resolution=pixels, pixels=pixels, num_classes=num_classes)
    theirs = _of_keras("small", alpha=0.75, num_classes=num_classes)
    assert _trainable(ours) == _trainable(theirs)
    assert ours.count_params() == theirs.count_params()


@pytest.mark.parametrize(
    "variant, alpha, minimalistic, pixels",
    [
        ("small", 0.75, False, 64),
        ("small", 0.35, True, 45),
        pytest.param("large", 0.35, False, 51, marks=pytest.mark.slow),
    ],
)
def test_network_computes_the_same_as_that_of_keras(variant, alpha, minimalistic, pixels):
    options = {"alpha": alpha, "minimalistic": minimalistic, "pixels": pixels, "num_classes": 7}
    ours, theirs = _build(variant, **options), _of_keras(variant, **options)
    rng = np.random.default_rng(0)
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        if a.name == "kernel":
            fan_in = int(np.prod(a.shape[:2] if "depthwise" in a.path else a.shape[:-1]))
            value = rng.normal(0, fan_in**-0.5, a.shape)
        else:
            value = rng.uniform(0.7 if a.name in ("gamma", "moving_variance") else -0.5, 1, a.shape)
        a.assign(value)
        b.assign(value.reshape(b.shape))
    images = rng.normal(size=(2, pixels, pixels, 3)).astype(np.float32)
    expected = np.asarray(theirs(images, training=False))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(ours(images, training=False), expected, rtol=1e-3, atol=1e-3)


def _product_of_strides(model):
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    return int(np.prod([x.strides[0] for x in model.layers if isinstance(x, kinds)]))


@pytest.mark.parametrize("variant", ["small", "large"])
@pytest.mark.parametrize("resolution, stride, last", [(32, 8, 4), (64, 16, 4), (224, 32, 7)])
def test_resolution_determines_the_total_stride(variant, resolution, stride, last):
    model = _narrow(variant, resolution, resolution)
    assert _product_of_strides(model) == stride
    assert model.get_layer("pool").input.shape[1:3] == (last, last)


@pytest.mark.parametrize(
    "variant, strided",
    [("small", ["block1", "block3", "block8"]), ("large", ["block3", "block6", "block12"])],
)
def test_smallest_resolution_keeps_the_last_three_halvings(variant, strided):
    model = _narrow(variant, 32, 32)
    assert model.get_layer("stem_conv").strides == (1, 1)
    depthwise = [x for x in model.layers if isinstance(x, keras.layers.DepthwiseConv2D)]
    halving = [x.name.removesuffix("_depthwise") for x in depthwise if x.strides == (2, 2)]
    assert halving == strided


def test_resolution_changes_no_variable():
    built = [_narrow("small", resolution, 32) for resolution in (32, 64, 224)]
    first, *other_variables = ([(v.path, v.shape) for v in model.variables] for model in built)
    assert other_variables == [first, first]


@pytest.mark.parametrize("options, momentum", [({}, 0.9), ({"bn_momentum": 0.99}, 0.99)])
def test_every_batch_norm_has_the_given_momentum(options, momentum):
    model = _build(alpha=0.1, **options)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(momentum, 1e-3)}


def test_network_draws_no_random_numbers():
    model = _narrow("small", 32, 32)
    assert not [v.path for v in model.variables if "seed" in v.path]


@pytest.mark.parametrize(
    "field, value",
    [
        ("variant", "medium"),
        ("alpha", 0),
        ("alpha", True),
        ("alpha", "1"),
        ("alpha", float("nan")),
        ("resolution", 28),
        ("minimalistic", 1),
        ("bn_momentum", 1.0),
        ("bn_momentum", "0.9"),
    ],
)
def test_other_values_raise_an_error(field, value):
    options = {"variant": "small", "alpha": 1.0, "resolution": 32} | {field: value}
    with pytest.raises(InputError, match=f"^model.{field}: expected "):
        models.check("mobilenet_v3", **options)
