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
    "resnet_imagenet": {"depth": 18, "stem": "3x3", "version": 1, "width": 2},
    "mobilenet_v3": {"variant": "small", "alpha": 0.1, "resolution": 32},
    "vit": {"depth": 1, "width": 64, "patch": 4},
    "convnext": {"depth": 6, "width": 2, "patch": 1},
}
_REQUIRED = {
    "mlp": ["hidden"],
    "resnet": ["depth", "width"],
    "resnet_imagenet": ["depth", "stem", "version"],
    "mobilenet_v3": ["variant", "alpha", "resolution"],
    "vit": ["depth", "width", "patch"],
    "convnext": ["depth", "width", "patch"],
}
_OPTIONAL = {
    "mlp": [],
    "resnet": ["version", "shortcut", "block"],
    "resnet_imagenet": ["width"],
    "mobilenet_v3": ["minimalistic", "bn_momentum"],
    "vit": ["head_width"],
    "convnext": [],
}


def _build(name="resnet", input_shape=(8, 8, 1), num_classes=3, **options):
    options = options or _SMALL[name]
    return models.build(name, input_shape=input_shape, num_classes=num_classes, **options)


def _trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_every_model_is_tested():
    assert set(_SMALL) == set(models.BUILDERS)


def test_mlp_counts():
    model = _build("mlp", input_shape=(28, 28, 1), num_classes=10, hidden=(512, 256))
    expected = 784 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10
    assert _trainable(model) == expected


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
    with pytest.raises(InputError, match="^model.name: unknown model 'vgg'.* Known: mlp, resnet, "):
        models.check("vgg")


@pytest.mark.parametrize("name", _SMALL)
def test_defaults_are_valid_values_of_all_options(name):
    defaults = models.defaults(name)
    assert list(defaults) == _REQUIRED[name] + _OPTIONAL[name]
    models.check(name, **defaults)


@pytest.mark.parametrize("name", _SMALL)
def test_unknown_option_lists_the_valid_ones(name):
    valid = ", ".join(_REQUIRED[name] + _OPTIONAL[name])
    with pytest.raises(InputError, match=f"^model.size: unknown field.* Known: {valid}"):
        models.check(name, **_SMALL[name], size=3)


@pytest.mark.parametrize(
    "name, option", [(name, option) for name in _SMALL for option in _REQUIRED[name]]
)
def test_missing_option_raises_an_error_that_names_it(name, option):
    options = {k: v for k, v in _SMALL[name].items() if k != option}
    with pytest.raises(InputError, match=f"^model.{option}: missing value"):
        models.check(name, **options)


@pytest.mark.parametrize("hidden", [(), (0,), (4, -1), (4.0,), ("4",)])
def test_invalid_hidden_widths_raise_an_error(hidden):
    with pytest.raises(InputError, match="^model.hidden: "):
        models.check("mlp", hidden=hidden)


@pytest.mark.parametrize("name", _SMALL)
def test_options_with_a_default_may_be_missing(name):
    models.check(name, **{option: _SMALL[name][option] for option in _REQUIRED[name]})


def test_build_checks_the_options():
    with pytest.raises(InputError, match="^model.depth"):
        models.build("resnet", input_shape=(8, 8, 1), num_classes=2, depth=9, width=1)


def test_checking_imports_no_engine():
    code = (
        "import sys; from memkit import models\n"
        f"for name, options in {_SMALL}.items(): models.check(name, **options)\n"
        "print({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    )
    actual = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert actual.stdout.strip() == "set()"
