import numpy as np
import pytest

from memkit.training import step

PAD = 4


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 6, 9, 3)).astype(np.uint8)


def _normalized(images):
    return np.asarray(step.normalize(images, mean=[0.3] * 3, std=[0.2] * 3))


def _cropped(images, crop, flip):
    """Returns images that are cropped, flipped and normalized."""
    return np.asarray(
        step.augmented(
            images, crop, flip, None, name="pad_crop_flip", pad=PAD, mean=[0.3] * 3, std=[0.2] * 3
        )[0]
    )


def _reference_crop_and_flip(images, crop, flip):
    height, width = images.shape[1:3]
    actual = []
    for image, (top, left), mirrored in zip(images, crop.astype(int), flip, strict=True):
        padded = np.pad(image, [(PAD, PAD), (PAD, PAD), (0, 0)])
        cut = padded[top : top + height, left : left + width]
        actual.append(cut[:, ::-1] if mirrored else cut)
    return np.stack(actual)


def test_crops_and_flips_equal_padding_normalized_images_slicing_and_reversing():
    offsets = np.stack(np.meshgrid(range(9), range(9), indexing="ij"), -1).reshape(-1, 2)
    crop = np.concatenate([offsets, offsets]).astype(np.uint8)
    flip = np.arange(162) >= 81
    images = np.random.default_rng(1).integers(0, 256, (162, 6, 9, 3)).astype(np.uint8)
    expected = _reference_crop_and_flip(_normalized(images), crop, flip)
    np.testing.assert_array_equal(_cropped(images, crop, flip), expected)


def test_middle_offset_without_flip_does_not_change_the_image(images):
    crop = np.full((7, 2), PAD, np.uint8)
    actual, inside = step.crop_and_flip(images, crop, np.zeros(7, bool), pad=PAD)
    np.testing.assert_array_equal(np.asarray(actual), images)
    assert np.asarray(inside).all()


def test_images_smaller_than_the_padding_are_cropped_too():
    images = np.random.default_rng(1).integers(0, 256, (20, 2, 1, 3)).astype(np.uint8)
    rng = np.random.default_rng(2)
    crop, flip = rng.integers(0, 9, (20, 2)).astype(np.uint8), rng.random(20) < 0.5
    expected = _reference_crop_and_flip(_normalized(images), crop, flip)
    np.testing.assert_array_equal(_cropped(images, crop, flip), expected)


def test_normalize_equals_its_formula_in_float64(images):
    mean, std = [0.1, 0.5, 0.9], [0.2, 0.3, 1.0]
    actual = np.asarray(step.normalize(images, mean=mean, std=std))
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, (images / 255 - mean) / std, rtol=1e-5, atol=1e-6)


def test_mean_color_is_normalized_to_zero():
    images = np.full((1, 2, 2, 1), 51, np.uint8)
    actual = np.asarray(step.normalize(images, mean=[0.2], std=[0.3]))
    np.testing.assert_allclose(actual, 0, atol=1e-6)


def _augmented(images, draws, name):
    """Augments images without crops and flips; they are normalized to themselves."""
    unused, scale = np.zeros((len(images), 2), np.uint8), [1 / 255] * 3
    return step.augmented(
        images, unused, unused, draws, name=name, pad=None, mean=[0] * 3, std=scale
    )


def _sampled(image, box):
    """Returns a box of an image, resized to its size, pixel by pixel."""
    height, width = image.shape[:2]
    top, left, box_height, box_width = box
    result = np.empty_like(image)
    for row in range(height):
        y = np.clip((top + box_height * (row + 0.5) / height) * height - 0.5, 0, height - 1)
        for column in range(width):
            x = np.clip((left + box_width * (column + 0.5) / width) * width - 0.5, 0, width - 1)
            (y0, x0), (v, u) = (int(y), int(x)), (y % 1, x % 1)
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            upper = (1 - u) * image[y0, x0] + u * image[y0, x1]
            lower = (1 - u) * image[y1, x0] + u * image[y1, x1]
            result[row, column] = (1 - v) * upper + v * lower
    return result


def test_resized_crops_equal_bilinear_sampling_pixel_by_pixel(images):
    images = images.astype(np.float32)
    rng = np.random.default_rng(1)
    sides = rng.uniform(0.2, 1, (7, 2))
    boxes = np.concatenate([rng.random((7, 2)) * (1 - sides), sides], axis=1).astype(np.float32)
    boxes[0] = 0, 0, 1, 1
    actual, shares = _augmented(images, boxes, "random_resized_crop")
    expected = [_sampled(image, box) for image, box in zip(images, boxes, strict=True)]
    np.testing.assert_allclose(np.asarray(actual), expected, atol=0.01)
    np.testing.assert_allclose(np.asarray(actual)[0], images[0], atol=1e-3)
    assert shares is None


def test_mixup_is_the_weighted_sum_with_the_image_at_the_mirrored_place(images):
    images = images.astype(np.float32)
    draws = np.linspace(0, 1, 7, dtype=np.float32)[:, None]
    actual, shares = _augmented(images, draws, "mixup")
    weight = draws[:, :, None, None]
    np.testing.assert_allclose(np.asarray(actual), weight * images + (1 - weight) * images[::-1])
    np.testing.assert_array_equal(np.asarray(shares), draws[:, 0])


def test_cutmix_takes_the_pixels_of_the_rectangle_and_their_share(images):
    images = images.astype(np.float32)
    draws = np.tile(np.array([1 / 6, 0, 4 / 6, 3 / 9], np.float32), (7, 1))
    draws[6] = 0
    actual, shares = _augmented(images, draws, "cutmix")
    expected = images.copy()
    expected[:6, 1:4, :3] = images[::-1][:6, 1:4, :3]
    np.testing.assert_array_equal(np.asarray(actual), expected)
    np.testing.assert_allclose(np.asarray(shares), [1 - 9 / 54] * 6 + [1], rtol=1e-6)


@pytest.mark.parametrize("name", ["none", "pad_crop_flip"])
def test_other_augmentations_do_nothing_further(images, name):
    actual, shares = _augmented(images, np.zeros((7, 0), np.float32), name)
    np.testing.assert_allclose(np.asarray(actual), images, rtol=1e-6)
    assert shares is None
