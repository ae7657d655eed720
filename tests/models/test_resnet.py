"""The residual networks: counts, an independent forward pass, and the network of Keras."""

import keras
import numpy as np
import pytest

from memkit import models
from memkit.errors import InputError
from memkit.models.initial_values import initial_values


def _build(name="resnet", *, input_shape=(8, 8, 1), num_classes=3, **options):
    return models.build(name, input_shape=input_shape, num_classes=num_classes, **options)


def _trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def _expected_resnet(depth, width, channels, classes):
    """Counts 3x3 kernels, batch-norm pairs and the linear layer; shortcuts have no parameters."""
    layers = [(channels, width)]
    for stage in range(3):
        filters = width * 2**stage
        for _ in range((depth - 2) // 3):
            layers.append((layers[-1][1], filters))
    kernels = sum(9 * before * after for before, after in layers)
    norms = sum(2 * after for _, after in layers)
    return kernels + norms + 4 * width * classes + classes


@pytest.mark.parametrize(
    "depth, millions",
    [
        (20, 0.27),
        (32, 0.46),
        (44, 0.66),
        pytest.param(56, 0.85, marks=pytest.mark.slow),
        pytest.param(110, 1.7, marks=pytest.mark.slow),
    ],
)
def test_resnet_has_the_published_number_of_parameters(depth, millions):
    model = _build(input_shape=(32, 32, 3), num_classes=10, depth=depth, width=16)
    assert _trainable(model) == _expected_resnet(depth, 16, 3, 10)
    digits = 2 if millions < 1 else 1
    assert round(_trainable(model) / 1e6, digits) == millions


@pytest.mark.parametrize("depth", [8, 14])
@pytest.mark.parametrize("width", [1, 3])
def test_resnet_counts_follow_depth_and_width(depth, width):
    model = _build(num_classes=4, depth=depth, width=width)
    assert _trainable(model) == _expected_resnet(depth, width, 1, 4)
    weighted = [layer for layer in model.layers if hasattr(layer, "kernel")]
    assert len(weighted) == depth


def test_shortcuts_subsample_and_pad_with_zeros():
    model = _build(input_shape=(8, 8, 1), depth=8, width=2)
    add = model.get_layer("stage1_block0_add")
    shortcut = keras.Model(model.input, [model.get_layer("stage0_block0_out").output, add.input[0]])
    images = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    before, after = (np.asarray(a) for a in shortcut(images, training=False))
    assert after.shape == (2, 4, 4, 4)
    np.testing.assert_array_equal(after[..., 1:3], before[:, ::2, ::2])
    assert not after[..., [0, 3]].any()


@pytest.mark.parametrize("depth", [0, 2, 9, 18, 34, -4, 20.0, "20"])
def test_other_depths_raise_an_error(depth):
    with pytest.raises(InputError, match=r"^model.depth: expected 6n\+2 .*20, 32, 44, 56, 110"):
        models.check("resnet", depth=depth, width=1)


@pytest.mark.parametrize("width", [0, -1, 1.0, None])
def test_widths_below_one_raise_an_error(width):
    with pytest.raises(InputError, match="^model.width: "):
        models.check("resnet", depth=8, width=width)


def test_defaults_are_the_first_papers_network_variable_by_variable():
    norm = ["gamma", "beta", "moving_mean", "moving_variance"]
    expected = []
    for name in ("stem", *(f"stage{s}_block0_{p}" for s in range(3) for p in ("first", "second"))):
        expected += [f"{name}_conv/kernel", *(f"{name}_bn/{part}" for part in norm)]
    expected += ["logits/kernel", "logits/bias"]
    model = _build(depth=8, width=2)
    assert [v.path for v in model.variables] == expected
    spelled_out = _build(depth=8, width=2, version=1, shortcut="A", block="basic")
    values = [initial_values(m, seed=1, purpose="init", run=0) for m in (model, spelled_out)]
    for a, b in zip(*values, strict=True):
        np.testing.assert_array_equal(a, b)


# He et al. 2016b print 1.7M for both.
@pytest.mark.parametrize(
    "depth, block, shortcut, count",
    [
        pytest.param(110, "basic", "A", 1_727_962, marks=pytest.mark.slow),
        pytest.param(164, "bottleneck", "B", 1_703_258, marks=pytest.mark.slow),
    ],
)
def test_version_2_has_the_published_number_of_parameters(depth, block, shortcut, count):
    options = {"version": 2, "block": block, "shortcut": shortcut}
    model = _build(input_shape=(32, 32, 3), num_classes=10, depth=depth, width=16, **options)
    assert _trainable(model) == count
    assert round(count / 1e6, 1) == 1.7


def test_depth_1001_has_about_the_published_ten_million_parameters():
    shape = {"width": 16, "version": 2, "block": "bottleneck", "shortcut": "B"}
    small, larger = (
        _trainable(_build(input_shape=(32, 32, 3), num_classes=10, depth=depth, **shape))
        for depth in (11, 20)
    )
    # Every 9 layers add the same number; the paper prints 10.2M.
    assert small + (larger - small) * 110 == 10_327_706


@pytest.mark.parametrize(
    "depth, count",
    [
        (18, 11_689_512),
        (34, 21_797_672),
        (50, 25_557_032),
        pytest.param(101, 44_549_160, marks=pytest.mark.slow),
        pytest.param(152, 60_192_808, marks=pytest.mark.slow),
    ],
)
def test_large_networks_have_the_published_number_of_parameters(depth, count):
    model = _large(depth, input_shape=(224, 224, 3), num_classes=1000, width=64)
    assert _trainable(model) == count
    assert model.get_layer("pool").input.shape[1:3] == (7, 7)


def _large(depth, *, stem="imagenet", version=1, width=2, **shape):
    return _build("resnet_imagenet", depth=depth, stem=stem, version=version, width=width, **shape)


@pytest.mark.parametrize("depth", [18, 50])
def test_versions_1_and_1_5_have_equal_variables(depth):
    first, second = (_large(depth, version=version) for version in (1, 1.5))
    expected = [(v.path, v.shape) for v in first.variables]
    assert [(v.path, v.shape) for v in second.variables] == expected


@pytest.mark.parametrize("version, strided", [(1, "first"), (1.5, "second"), (2, "second")])
def test_version_determines_which_convolution_of_a_bottleneck_is_strided(version, strided):
    model = _large(50, version=version)
    for stage in range(4):
        for position in ("first", "second", "third"):
            layer = model.get_layer(f"stage{stage}_block0_{position}_conv")
            assert layer.strides == ((2, 2) if stage and position == strided else (1, 1))
            assert model.get_layer(f"stage{stage}_block1_{position}_conv").strides == (1, 1)


@pytest.mark.parametrize(
    "stem, pixels, last",
    [("imagenet", 224, 7), ("imagenet", 64, 2), ("3x3", 32, 4), ("3x3", 64, 8)],
)
def test_stem_determines_the_total_stride(stem, pixels, last):
    model = _large(18, stem=stem, input_shape=(pixels, pixels, 3))
    assert model.get_layer("pool").input.shape[1:3] == (last, last)


def _randomize(model, seed=0):
    """Moves every weight away from its start, so that no term can hide behind a 0 or a 1."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        if variable.name == "kernel":
            fan_in = int(np.prod(variable.shape[:-1]))
            variable.assign(rng.normal(0, fan_in**-0.5, variable.shape))
        else:
            low = -0.5 if variable.name in ("beta", "moving_mean", "bias") else 0.7
            variable.assign(rng.uniform(low, low + 0.8, variable.shape))


def _forward(model, images, *, version, shortcut):
    """Returns the logits of a small network, written from the papers' figures.

    It takes the weights by name and walks them in the order of the blocks' names.
    """
    weights = {v.path: np.asarray(v, np.float64) for v in model.variables}

    def convolve(x, name):
        kernel, stride = weights[f"{name}_conv/kernel"], model.get_layer(f"{name}_conv").strides[0]
        size = kernel.shape[0]
        x = np.pad(x, [(0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
        return np.einsum("bhwcij,ijcf->bhwf", windows[:, ::stride, ::stride], kernel)

    def norm(x, name):
        gamma, beta, mean, variance = (
            weights[f"{name}_bn/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta

    def relu(x):
        return np.maximum(x, 0)

    x = relu(norm(convolve(images.astype(np.float64), "stem"), "stem"))
    blocks = dict.fromkeys(
        "_".join(path.split("_")[:2]) for path in weights if path.startswith("stage")
    )
    for block in sorted(blocks):
        positions = [
            p for p in ("first", "second", "third") if f"{block}_{p}_conv/kernel" in weights
        ]
        begins_stage = block.endswith("block0")
        if version == 2 and begins_stage and not block.startswith("stage0"):
            x = relu(norm(x, f"{block}_first"))
        y = x
        for position in positions:
            if version == 2:
                ready = begins_stage and position == "first"
                y = convolve(
                    y if ready else relu(norm(y, f"{block}_{position}")), f"{block}_{position}"
                )
            else:
                y = norm(convolve(y, f"{block}_{position}"), f"{block}_{position}")
                y = relu(y) if position != positions[-1] else y
        if f"{block}_shortcut_conv/kernel" in weights:
            x = convolve(x, f"{block}_shortcut")
            x = norm(x, f"{block}_shortcut") if version != 2 else x
        elif x.shape != y.shape:
            assert shortcut == "A"
            step, wider = x.shape[1] // y.shape[1], y.shape[3] - x.shape[3]
            x = np.pad(x[:, ::step, ::step], [(0, 0)] * 3 + [(wider // 2, wider - wider // 2)])
        x = x + y if version == 2 else relu(x + y)
    x = relu(norm(x, "last")) if version == 2 else x
    return x.mean((1, 2)) @ weights["logits/kernel"] + weights["logits/bias"]


@pytest.mark.parametrize(
    "depth, version, shortcut, block",
    [
        (14, 1, "A", "basic"),
        (14, 1, "B", "basic"),
        (14, 2, "A", "basic"),
        (14, 2, "B", "basic"),
        (20, 2, "A", "bottleneck"),
        (20, 2, "B", "bottleneck"),
    ],
)
def test_network_computes_the_diagrams_of_the_papers(depth, version, shortcut, block):
    options = {"version": version, "shortcut": shortcut, "block": block}
    model = _build(input_shape=(8, 8, 2), depth=depth, width=2, **options)
    _randomize(model)
    images = np.random.default_rng(1).normal(size=(3, 8, 8, 2)).astype(np.float32)
    expected = _forward(model, images, version=version, shortcut=shortcut)
    np.testing.assert_allclose(model(images, training=False), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("version", [1, 1.5, 2])
def test_large_network_computes_the_diagrams_of_the_papers(depth, version):
    model = _large(depth, stem="3x3", version=version, input_shape=(16, 16, 1))
    _randomize(model)
    images = np.random.default_rng(1).normal(size=(2, 16, 16, 1)).astype(np.float32)
    expected = _forward(model, images, version=version, shortcut="B")
    np.testing.assert_allclose(model(images, training=False), expected, rtol=1e-4, atol=1e-4)


def _name_in_memkit(keras_name):
    """Returns memkit's name of a layer of keras.applications.ResNet50."""
    if keras_name.startswith("conv1"):
        return keras_name.replace("conv1", "stem")
    stage, block, position, kind = keras_name.split("_")
    position = ["shortcut", "first", "second", "third"][int(position)]
    return f"stage{int(stage[4]) - 2}_block{int(block[5:]) - 1}_{position}_{kind}"


@pytest.mark.slow
def test_resnet50_computes_the_same_as_that_of_keras():
    theirs = keras.applications.ResNet50(
        weights=None, input_shape=(64, 64, 3), classes=7, classifier_activation=None
    )
    model = _large(50, input_shape=(64, 64, 3), num_classes=7, width=64)
    _randomize(model)
    biases = 0
    for layer in theirs.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([model.get_layer(_name_in_memkit(layer.name)).kernel, layer.bias])
            biases += layer.filters
        elif layer.weights:
            name = "logits" if layer.name == "predictions" else _name_in_memkit(layer.name)
            layer.set_weights(model.get_layer(name).get_weights())
    assert _trainable(theirs) - biases == _trainable(model)
    images = np.random.default_rng(1).normal(size=(2, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(
        model(images, training=False), theirs(images, training=False), rtol=1e-3, atol=1e-3
    )


def test_batch_norm_follows_the_papers_code():
    for model in (_build(depth=8, width=1, version=2), _large(18)):
        norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
        assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}


@pytest.mark.parametrize(
    "field, options",
    [
        ("version", {"version": 3}),
        ("version", {"version": 1.5}),
        ("shortcut", {"shortcut": "C"}),
        ("block", {"block": "wide"}),
        ("block", {"block": "bottleneck"}),
        ("depth", {"block": "bottleneck", "version": 2, "depth": 8}),
    ],
)
def test_networks_that_the_papers_do_not_define_raise_an_error(field, options):
    with pytest.raises(InputError, match=f"^model.{field}: expected "):
        models.check("resnet", **({"depth": 8, "width": 1} | options))


@pytest.mark.parametrize(
    "field, value",
    [("depth", 20), ("depth", "50"), ("stem", "7x7"), ("version", "2"), ("width", 0)],
)
def test_other_values_of_the_large_network_raise_an_error(field, value):
    options = {"depth": 50, "stem": "3x3", "version": 2, "width": 64}
    with pytest.raises(InputError, match=f"^model.{field}: expected "):
        models.check("resnet_imagenet", **(options | {field: value}))
