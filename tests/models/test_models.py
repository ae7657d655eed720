import subprocess
import sys

import keras
import numpy as np
import pytest

from memkit import models
from memkit.errors import InputError

_SMALL = {
    "mlp": {"hidden": (5, 4)},
    "resnet": {"depth": 8, "width": 2},
}


def _build(name="resnet", input_shape=(8, 8, 1), num_classes=3, **options):
    options = options or _SMALL[name]
    return models.build(name, input_shape=input_shape, num_classes=num_classes, **options)


def _trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_every_model_is_tested():
    assert set(_SMALL) == set(models.BUILDERS)


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
    "depth, millions", [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
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


def test_mlp_counts():
    model = _build("mlp", input_shape=(28, 28, 1), num_classes=10, hidden=(512, 256))
    wanted = 784 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10
    assert _trainable(model) == wanted


@pytest.mark.parametrize("name", _SMALL)
def test_second_build_has_the_same_variable_names(name):
    first, second = _build(name), _build(name)
    assert [v.path for v in first.variables] == [v.path for v in second.variables]
    assert len({v.path for v in first.variables}) == len(first.variables)


@pytest.mark.parametrize("name", _SMALL)
def test_output_is_float32_logits_without_softmax(name):
    model = _build(name)
    logits = np.asarray(model(np.ones((5, 8, 8, 1), np.float32), training=False))
    assert logits.shape == (5, 3)
    assert logits.dtype == np.float32
    last = model.layers[-1]
    assert last.activation is keras.activations.linear
    last.set_weights([np.zeros_like(last.kernel), np.array([7.0, -7.0, 0.0], np.float32)])
    logits = np.asarray(model(np.ones((1, 8, 8, 1), np.float32), training=False))
    np.testing.assert_array_equal(logits, [[7, -7, 0]])


def test_logits_are_float32_under_mixed_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for name in _SMALL:
            logits = _build(name)(np.ones((1, 8, 8, 1), np.float32), training=False)
            assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    finally:
        keras.config.set_dtype_policy(policy)


@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 9, 3), (32, 32, 3), (1, 1, 1)])
def test_resnet_takes_images_of_any_shape(shape):
    model = _build(input_shape=shape)
    assert model(np.zeros((2, *shape), np.float32), training=False).shape == (2, 3)


def test_unknown_model_lists_the_valid_ones():
    with pytest.raises(InputError, match="^model.name: expected one of mlp, resnet, .*'vgg'"):
        models.check("vgg")


@pytest.mark.parametrize("name", _SMALL)
def test_unknown_option_lists_the_valid_ones(name):
    valid = ", ".join(_SMALL[name])
    with pytest.raises(InputError, match=f"^model.size: expected {name} to take {valid}, "):
        models.check(name, **_SMALL[name], size=3)


@pytest.mark.parametrize(
    "name, option", [(name, option) for name in _SMALL for option in _SMALL[name]]
)
def test_missing_option_is_refused_by_name(name, option):
    options = {k: v for k, v in _SMALL[name].items() if k != option}
    with pytest.raises(InputError, match=f"^model.{option}: expected a value"):
        models.check(name, **options)


@pytest.mark.parametrize("depth", [0, 2, 9, 18, 34, -4, 20.0, "20"])
def test_other_depths_are_refused(depth):
    with pytest.raises(InputError, match=r"^model.depth: expected 6n\+2 .*20, 32, 44, 56, 110"):
        models.check("resnet", depth=depth, width=1)


@pytest.mark.parametrize("width", [0, -1, 1.0, None])
def test_widths_below_one_are_refused(width):
    with pytest.raises(InputError, match="^model.width: "):
        models.check("resnet", depth=8, width=width)


@pytest.mark.parametrize("hidden", [(), (0,), (4, -1), (4.0,), ("4",)])
def test_bad_hidden_widths_are_refused(hidden):
    with pytest.raises(InputError, match="^model.hidden: "):
        models.check("mlp", hidden=hidden)


def test_build_checks_too():
    with pytest.raises(InputError, match="^model.depth"):
        models.build("resnet", input_shape=(8, 8, 1), num_classes=2, depth=9, width=1)


def test_checking_imports_no_engine():
    code = (
        "import sys; from memkit import models\n"
        "models.check('resnet', depth=8, width=1); models.check('mlp', hidden=(3,))\n"
        "print({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
