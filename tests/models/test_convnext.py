"""ConvNeXt against the one of keras.applications, its published counts and its initial values."""

import keras
import numpy as np
import pytest

from memkit import models
from memkit.errors import InputError
from memkit.models.convnext import blocks_of_stages
from memkit.models.initial_values import initial_values

_TINY = {"depth": 6, "width": 4, "patch": 1}


def _build(*, pixels=8, channels=1, num_classes=3, **options):
    return models.build(
        "convnext",
        input_shape=(pixels, pixels, channels),
        num_classes=num_classes,
        **(_TINY | options),
    )


@pytest.fixture(scope="module")
def tiny():
    return _build()


def _expected(depth, width, patch, channels, classes):
    """Counts the parameters of the paper's network, layer by layer."""
    count = patch**2 * channels * width + 3 * width
    for stage, blocks in enumerate(blocks_of_stages(depth)):
        c = width * 2**stage
        if stage > 0:
            count += 2 * (c // 2) + 4 * (c // 2) * c + c
        # Depthwise convolution, norm, MLP, layer scale.
        count += blocks * ((49 * c + c) + 2 * c + (8 * c * c + 5 * c) + c)
    return count + 2 * c + c * classes + classes


# The counts of timm's convnext_atto, femto, pico and nano (3.70M, 5.22M, 9.05M and 15.59M), and of
# torchvision's convnext_tiny, small, base and large.
@pytest.mark.parametrize(
    "depth, width, count",
    [
        (12, 40, 3_695_520),
        (12, 48, 5_217_784),
        (12, 64, 9_045_672),
        (14, 80, 15_593_560),
        (18, 96, 28_589_128),
        (36, 96, 50_223_688),
        (36, 128, 88_591_464),
        (36, 192, 197_767_336),
    ],
)
def test_the_count_of_the_tests_is_the_published_one(depth, width, count):
    assert _expected(depth, width, patch=4, channels=3, classes=1000) == count


@pytest.mark.parametrize(
    "options",
    [
        {"pixels": 224, "channels": 3, "num_classes": 1000, "depth": 12, "width": 40, "patch": 4},
        {"pixels": 32, "channels": 3, "num_classes": 100, "depth": 12, "width": 40, "patch": 1},
        {"pixels": 64, "channels": 3, "num_classes": 200, "depth": 14, "width": 3, "patch": 2},
        {"pixels": 9, "channels": 1, "num_classes": 5, "depth": 19, "width": 2, "patch": 1},
    ],
    ids=["atto", "atto32", "64", "19"],
)
def test_networks_have_the_expected_number_of_parameters(options):
    expected = _expected(
        *(options[name] for name in ("depth", "width", "patch", "channels", "num_classes"))
    )
    assert _build(**options).count_params() == expected


@pytest.mark.parametrize("pixels, patch, last", [(32, 1, 4), (64, 2, 4), (224, 4, 7)])
def test_the_last_stage_sees_the_images_at_an_eighth_of_the_patches(pixels, patch, last):
    model = _build(pixels=pixels, patch=patch, width=1)
    assert model.get_layer("pool").input.shape[1:3] == (last, last)


@pytest.mark.parametrize(
    "depth, blocks",
    [
        (6, (1, 1, 3, 1)),
        (7, (1, 1, 4, 1)),
        (12, (2, 2, 6, 2)),
        (14, (2, 2, 8, 2)),
        (18, (3, 3, 9, 3)),
        (24, (3, 3, 15, 3)),
        (36, (3, 3, 27, 3)),
    ],
)
def test_blocks_of_stages(depth, blocks):
    assert blocks_of_stages(depth) == blocks
    assert sum(blocks) == depth


@pytest.mark.slow
def test_network_computes_the_same_as_that_of_keras():
    ours = _build(pixels=64, channels=3, num_classes=7, depth=18, width=96, patch=4)
    theirs = keras.applications.ConvNeXtTiny(
        weights=None,
        include_preprocessing=False,
        classifier_activation=None,
        input_shape=(64, 64, 3),
        classes=7,
    )
    assert ours.count_params() == theirs.count_params()
    rng = np.random.default_rng(0)
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        if a.name == "kernel":
            fan_in = int(np.prod(a.shape[:2] if "depthwise" in a.path else a.shape[:-1]))
            value = rng.normal(0, fan_in**-0.5, a.shape)
        else:
            value = rng.uniform(0.2, 1, a.shape)
        a.assign(value)
        b.assign(value.reshape(b.shape))
    images = rng.normal(size=(2, 64, 64, 3)).astype(np.float32)
    expected = np.asarray(theirs(images, training=False))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(ours(images, training=False), expected, rtol=1e-3, atol=1e-3)


def test_kernels_start_normal_and_all_else_constant(tiny):
    values = initial_values(tiny, seed=0, purpose="init", run=0)
    other = initial_values(tiny, seed=0, purpose="init", run=1)
    constants = set()
    for variable, value, other_value in zip(tiny.variables, values, other, strict=True):
        if variable.name == "kernel":
            assert (value != other_value).any(), variable.path
            assert 0 < np.abs(value).max() <= 0.04
            if value.size > 1000:
                assert value.std() == pytest.approx(0.02 * 0.8796, rel=0.1), variable.path
        else:
            (start,) = np.unique(value)
            constants.add((variable.path.split("_")[-1], start))
    expected = {("norm/gamma", 1), ("norm/beta", 0), ("scale/gamma", np.float32(1e-6))}
    biases = {(f"{name}/bias", 0) for name in ("conv", "depthwise", "expand", "project")}
    assert constants == expected | biases | {("logits/bias", 0)}


def test_only_kernels_are_decayed(tiny):
    others = {v.path.split("/")[-1] for v in tiny.variables if not v.path.endswith("kernel")}
    assert others == {"gamma", "beta", "bias"}
    kernels = [v for v in tiny.variables if v.path.endswith("kernel")]
    assert len(kernels) == 1 + 3 + 6 * 3 + 1


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # By Keras.
def test_a_saved_network_loads(tiny, tmp_path):
    tiny.save(tmp_path / "convnext.keras")
    loaded = keras.models.load_model(tmp_path / "convnext.keras")
    images = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(loaded(images), tiny(images))


@pytest.mark.parametrize("field, least", [("depth", 6), ("width", 1), ("patch", 1)])
def test_other_values_raise_an_error(field, least):
    for value in (least - 1, float(least), True, "8", None):
        with pytest.raises(InputError, match=f"^model.{field}: expected an int of at least "):
            models.check("convnext", **(_TINY | {field: value}))


def test_patches_that_leave_no_position_to_the_last_stage_raise_an_error():
    with pytest.raises(InputError, match="^model.patch: expected at most an eighth .*received 2"):
        _build(pixels=15, patch=2)
