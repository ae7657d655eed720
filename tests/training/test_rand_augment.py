"""RandAugment against the Python Imaging Library and against slow loops."""

import numpy as np
import PIL.Image
import PIL.ImageEnhance
import PIL.ImageOps
import pytest

from memkit.recipe import RAND_AUGMENT
from memkit.training import rand_augment, step

FILL = (10.0, 200.0, 90.0)
ENHANCE = {
    "brightness": PIL.ImageEnhance.Brightness,
    "color": PIL.ImageEnhance.Color,
    "contrast": PIL.ImageEnhance.Contrast,
    "sharpness": PIL.ImageEnhance.Sharpness,
}


@pytest.fixture
def images():
    """Smooth and noisy images in colors, of 24 x 32 pixels, one of a single color."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :32]
    smooth = 120 + 4 * y[None, ..., None] - 2 * x[None, ..., None] + np.zeros((3, 1, 1, 3))
    noisy = rng.normal(128, [[[[5]]], [[[40]]], [[[90]]]], (3, 24, 32, 3))
    single = np.full((1, 24, 32, 3), 77)
    return np.clip(np.concatenate([smooth, noisy, single]), 0, 255).astype(np.uint8)


def _apply(images, *operations):
    """Applies (name, magnitude) of one or more operations to all images."""
    draws = np.array([[RAND_AUGMENT.index(name), size] for name, size in operations], np.float32)
    draws = np.tile(draws.ravel(), (len(images), 1))
    fill = FILL[: images.shape[-1]]
    return np.asarray(rand_augment.rand_augment(images, draws, fill=fill))


def _by_pillow(images, function):
    """Returns the images that a function of pictures returns, [B, H, W, C]."""
    mode = "RGB" if images.shape[-1] == 3 else "L"
    pictures = [PIL.Image.fromarray(np.squeeze(image), mode) for image in images]
    return np.stack([np.asarray(function(p)).reshape(images.shape[1:]) for p in pictures])


def _moved_by_pillow(images, coefficients):
    """Returns images whose pixels (x, y) are those at coefficients x (x, y, 1) of the original."""
    size, channels = images.shape[2:0:-1], images.shape[-1]
    moved = np.empty(images.shape, np.float32)
    for image, result in zip(images, moved, strict=True):
        for c in range(channels):
            picture = PIL.Image.fromarray(image[..., c].astype(np.float32))
            result[..., c] = picture.transform(
                size,
                PIL.Image.Transform.AFFINE,
                coefficients,
                resample=PIL.Image.Resampling.BILINEAR,
                fillcolor=FILL[c],
            )
    return moved


def _rotation(degrees, width, height):
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = width / 2, height / 2
    return (cosine, sine, x - cosine * x - sine * y, -sine, cosine, y + sine * x - cosine * y)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("magnitude", [-0.9, 0.35, 0.9])
@pytest.mark.parametrize(
    "name, coefficients",
    [
        ("shear_x", lambda m: (1, 0.3 * m, 0, 0, 1, 0)),
        ("shear_y", lambda m: (1, 0, 0, 0.3 * m, 1, 0)),
        ("translate_x", lambda m: (1, 0, 150 / 331 * 32 * m, 0, 1, 0)),
        ("translate_y", lambda m: (1, 0, 0, 0, 1, 150 / 331 * 24 * m)),
        ("rotate", lambda m: _rotation(30 * m, 32, 24)),
    ],
)
def test_shears_moves_and_rotations_are_those_of_pillow(
    images, name, coefficients, magnitude, channels
):
    images = images[..., :channels]
    actual = _apply(images, (name, magnitude))
    expected = _moved_by_pillow(images, coefficients(magnitude))
    np.testing.assert_allclose(actual, expected, atol=0.51)
    assert (actual == FILL[:channels]).all(-1).any() and (actual != images).any()


def test_a_rotation_turns_by_the_angle_that_it_names(images):
    """Pillow turns counterclockwise by an angle; at magnitude 1 it is 30 degrees."""
    expected = _by_pillow(images[3:], lambda p: p.rotate(30, PIL.Image.Resampling.BILINEAR))
    inner = slice(8, 16), slice(8, 24)
    actual = _apply(images[3:], ("rotate", -1.0))
    assert np.abs(actual - expected.astype(float))[(slice(None), *inner)].max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("magnitude", [-0.9, -0.2, 0.35, 0.9])
@pytest.mark.parametrize("name", ENHANCE)
def test_enhancements_are_those_of_pillow(images, name, magnitude, channels):
    images = images[..., :channels]
    actual = _apply(images, (name, magnitude))
    expected = _by_pillow(images, lambda p: ENHANCE[name](p).enhance(1 + 0.9 * magnitude))
    # Pillow cuts the decimal places off, and rounds what it starts from in its own way.
    assert np.abs(actual - expected.astype(float)).max() <= 1
    is_identity = name == "color" and channels == 1
    assert (actual != images).any() != is_identity


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "name, magnitude, function",
    [
        ("posterize", 0.9, lambda p: PIL.ImageOps.posterize(p, 4)),
        ("posterize", -0.5, lambda p: PIL.ImageOps.posterize(p, 6)),
        ("solarize", 0.9, lambda p: PIL.ImageOps.solarize(p, 26)),
        ("solarize", -0.5, lambda p: PIL.ImageOps.solarize(p, 128)),
        ("equalize", 0.9, PIL.ImageOps.equalize),
    ],
)
def test_levels_are_those_of_pillow(images, name, magnitude, function, channels):
    images = images[..., :channels]
    actual = _apply(images, (name, magnitude))
    np.testing.assert_array_equal(actual, _by_pillow(images, function))
    assert (actual != images).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_autocontrast_is_that_of_pillow(images, channels):
    images = images[..., :channels]
    actual = _apply(images, ("autocontrast", 0.9))
    expected = _by_pillow(images, PIL.ImageOps.autocontrast)
    assert np.abs(actual - expected.astype(float)).max() <= 1
    assert (actual != images).any()


def test_an_image_with_few_pixels_is_not_equalized(images):
    small = images[:, :8, :8]
    np.testing.assert_array_equal(_apply(small, ("equalize", 0.9)), small)
    np.testing.assert_array_equal(_by_pillow(small, PIL.ImageOps.equalize), small)


@pytest.mark.parametrize("name", sorted({*RAND_AUGMENT} - {"autocontrast", "equalize"}))
def test_operations_of_magnitude_zero_change_nothing(images, name):
    np.testing.assert_array_equal(_apply(images, (name, 0.0)), images)


def test_identity_changes_nothing(images):
    np.testing.assert_array_equal(_apply(images, ("identity", 0.9), ("identity", -0.9)), images)


def test_operations_follow_each_other(images):
    once = _apply(images, ("rotate", 0.9))
    expected = _apply(once, ("posterize", 0.9))
    np.testing.assert_array_equal(_apply(images, ("rotate", 0.9), ("posterize", 0.9)), expected)


def test_every_image_of_a_batch_gets_its_own_operations(images):
    rng = np.random.default_rng(1)
    batch = images[rng.integers(0, len(images), 60)]
    operation = rng.integers(0, len(RAND_AUGMENT), (60, 2))
    draws = np.stack([operation, rng.uniform(-1, 1, (60, 2))], axis=-1).reshape(60, 4)
    draws = draws.astype(np.float32)
    actual = np.asarray(rand_augment.rand_augment(batch, draws, fill=FILL))
    for i in range(60):
        alone = rand_augment.rand_augment(batch[i : i + 1], draws[i : i + 1], fill=FILL)
        np.testing.assert_array_equal(actual[i], np.asarray(alone)[0])
    assert (actual == np.floor(actual)).all() and actual.min() >= 0 and actual.max() <= 255


def test_images_of_two_channels_keep_their_mean_where_they_lose_color(images):
    actual = _apply(images[..., :2], ("color", -1.0))
    gray = images[..., :2].mean(-1, keepdims=True)
    np.testing.assert_allclose(actual, 0.9 * gray + 0.1 * images[..., :2], atol=1)


def test_images_are_transformed_before_they_are_cropped_and_normalized(images):
    """What is outside of a moved image is the mean color, as in the padding: zero."""
    operations = np.array([RAND_AUGMENT.index("translate_x"), 0.9, 0, 0], np.float32)
    batch, draws = images[:1], operations[None]
    crop, flip = np.array([[0, 4]], np.uint8), np.array([False])
    options = {"pad": 2, "mean": (0.2, 0.5, 0.7), "std": (0.3, 0.2, 0.4)}
    actual, shares = step.augmented(batch, crop, flip, draws, name="rand_augment", **options)
    actual = np.asarray(actual)[0]
    colors = np.array([51, 127.5, 178.5]) / 255
    moved = np.asarray(rand_augment.rand_augment(batch, draws, fill=255 * colors))[0]
    expected = (moved / 255 - options["mean"]) / options["std"]
    np.testing.assert_allclose(actual[2:, :-2], expected[:-2, 2:], atol=1e-5)
    assert (actual[:2] == 0).all() and (actual[:, -2:] == 0).all()
    np.testing.assert_allclose(actual[2:, -5:-2], 0, atol=0.01)
    assert shares is None
