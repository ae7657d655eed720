"""The Vision Transformer: published counts, an independent forward pass, initial values."""

import keras
import numpy as np
import pytest
import scipy.special

from memkit import models
from memkit.errors import InputError
from memkit.models.initial_values import initial_values

_TINY = {"depth": 2, "width": 8, "patch": 4, "head_width": 4}


def _build(*, pixels=8, channels=1, num_classes=3, **options):
    return models.build(
        "vit",
        input_shape=(pixels, pixels, channels),
        num_classes=num_classes,
        **(_TINY | options),
    )


@pytest.fixture(scope="module")
def tiny():
    return _build()


# Ti and S of DeiT, which prints 5M and 22M (the numbers of timm's vit_tiny_patch16_224 and
# vit_small_patch16_224); B as torchvision prints it for its vit_b_16.
@pytest.mark.parametrize(
    "width, count", [(192, 5_717_416), (384, 22_050_664), (768, 86_567_656)], ids=["Ti", "S", "B"]
)
def test_networks_of_depth_12_have_the_published_number_of_parameters(width, count):
    shape = {"pixels": 224, "channels": 3, "num_classes": 1000, "width": width, "patch": 16}
    # Every block adds the same number.
    first, second = (_build(depth=depth, head_width=64, **shape).count_params() for depth in (1, 2))
    assert first + 11 * (second - first) == count


@pytest.mark.parametrize("pixels, patch", [(32, 4), (64, 8)])
def test_small_images_have_64_patches_and_a_token(pixels, patch):
    model = _build(pixels=pixels, channels=3, patch=patch)
    assert model.get_layer("class_token").positions.shape == (65, 8)


@pytest.mark.parametrize("head_width, heads", [(8, 1), (4, 2), (1, 8)])
def test_heads_share_the_width(head_width, heads):
    model = _build(head_width=head_width)
    assert model.get_layer("block0_attention").num_heads == heads
    assert model.count_params() == _build().count_params()


def _norm(x, gamma, beta):
    deviation = x - x.mean(-1, keepdims=True)
    return deviation / np.sqrt((deviation**2).mean(-1, keepdims=True) + 1e-6) * gamma + beta


def _gelu(x):
    return x * (1 + scipy.special.erf(x / np.sqrt(2))) / 2


def _reference(images, weights, *, depth, width, patch, head_width):
    """Computes the logits in NumPy, image by image and head by head."""

    def linear(x, name):
        return x @ weights[f"{name}/kernel"].reshape(x.shape[-1], -1) + weights[f"{name}/bias"]

    def norm(x, name):
        return _norm(x, weights[f"{name}_norm/gamma"], weights[f"{name}_norm/beta"])

    def heads(x, name, part):
        kernel, bias = (weights[f"{name}/{part}/{which}"] for which in ("kernel", "bias"))
        return [x @ kernel[:, head] + bias[head] for head in range(width // head_width)]

    logits = []
    for image in images:
        rows = range(0, len(image), patch)
        cut = [image[i : i + patch, j : j + patch].ravel() for i in rows for j in rows]
        x = linear(np.array(cut), "patches_conv")
        x = np.concatenate([weights["class_token/token"][None], x])
        x = x + weights["class_token/positions"]
        for i in range(depth):
            y, name = norm(x, f"block{i}_attention"), f"block{i}_attention"
            parts = [heads(y, name, part) for part in ("query", "key", "value")]
            for head, (query, key, value) in enumerate(zip(*parts, strict=True)):
                scores = scipy.special.softmax(query @ key.T / np.sqrt(head_width), axis=-1)
                x = x + scores @ value @ weights[f"{name}/attention_output/kernel"][head]
            x = x + weights[f"{name}/attention_output/bias"]
            y = _gelu(linear(norm(x, f"block{i}_mlp"), f"block{i}_mlp_expand"))
            x = x + linear(y, f"block{i}_mlp_project")
        logits.append(linear(norm(x, "last")[:1], "logits")[0])
    return np.array(logits)


def test_network_computes_the_equations_of_the_paper():
    model = _build(pixels=12, channels=2)
    rng = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(rng.normal(0.3, 0.4, variable.shape))
    weights = {v.path: np.asarray(v, float) for v in model.variables}
    images = rng.normal(size=(3, 12, 12, 2))
    expected = _reference(images, weights, **_TINY)
    assert expected.std() > 0.1
    actual = model(images.astype(np.float32), training=False)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_kernels_token_and_positions_start_normal_and_all_else_constant():
    model = _build(width=32, head_width=16)
    values = initial_values(model, seed=0, purpose="init", run=0)
    other = initial_values(model, seed=0, purpose="init", run=1)
    for variable, value, other_value in zip(model.variables, values, other, strict=True):
        if variable.name in ("kernel", "token", "positions"):
            assert (value != other_value).any(), variable.path
            assert 0 < np.abs(value).max() <= 0.04
            if value.size > 1000:
                assert value.std() == pytest.approx(0.02 * 0.8796, rel=0.1), variable.path
        else:
            assert (value == (variable.name == "gamma")).all(), variable.path


def test_only_kernels_are_decayed(tiny):
    others = {v.path.split("/")[-1] for v in tiny.variables if not v.path.endswith("kernel")}
    assert others == {"token", "positions", "gamma", "beta", "bias"}
    kernels = [v for v in tiny.variables if v.path.endswith("kernel")]
    assert len(kernels) == 1 + 2 * 6 + 1


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # By Keras.
def test_a_saved_network_loads(tiny, tmp_path):
    tiny.save(tmp_path / "vit.keras")
    loaded = keras.models.load_model(tmp_path / "vit.keras")
    images = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(loaded(images), tiny(images))


@pytest.mark.parametrize(
    "field, value, expectation",
    [
        ("depth", 0, "an int of at least 1"),
        ("depth", 2.0, "an int of at least 1"),
        ("width", 0, "an int of at least 1"),
        ("width", 10, "a multiple of model.head_width = 4"),
        ("width", 10**6, "an int of at most"),
        ("patch", "4", "an int of at least 1"),
        ("head_width", True, "an int of at least 1"),
    ],
)
def test_other_values_raise_an_error(field, value, expectation):
    with pytest.raises(InputError, match=f"^model.{field}: expected {expectation}"):
        models.check("vit", **(_TINY | {field: value}))


def test_patches_that_do_not_tile_the_images_raise_an_error():
    with pytest.raises(InputError, match="^model.patch: expected a divisor .* 8 x 8, received 3"):
        _build(patch=3)
