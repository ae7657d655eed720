import numpy as np
import pytest

from memkit.training import step

PAD = 4


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 6, 9, 3)).astype(np.uint8)


def _reference_crop_and_flip(images, crop, flip):
    height, width = images.shape[1:3]
    actual = []
    for image, (top, left), mirrored in zip(images, crop.astype(int), flip, strict=True):
        padded = np.pad(image, [(PAD, PAD), (PAD, PAD), (0, 0)])
        cut = padded[top : top + height, left : left + width]
        actual.append(cut[:, ::-1] if mirrored else cut)
    return np.stack(actual)


def test_crop_and_flip_equal_padding_slicing_and_reversing():
    offsets = np.stack(np.meshgrid(range(9), range(9), indexing="ij"), -1).reshape(-1, 2)
    crop = np.concatenate([offsets, offsets]).astype(np.uint8)
    flip = np.arange(162) >= 81
    images = np.random.default_rng(1).normal(size=(162, 6, 9, 3)).astype(np.float32)
    actual = np.asarray(step.crop_and_flip(images, crop, flip, pad=PAD))
    np.testing.assert_array_equal(actual, _reference_crop_and_flip(images, crop, flip))


def test_middle_offset_without_flip_does_not_change_the_image(images):
    images = images.astype(np.float32)
    crop = np.full((7, 2), PAD, np.uint8)
    actual = np.asarray(step.crop_and_flip(images, crop, np.zeros(7, bool), pad=PAD))
    np.testing.assert_array_equal(actual, images)


def test_images_smaller_than_the_padding_are_cropped_too():
    images = np.random.default_rng(1).normal(size=(20, 2, 1, 1)).astype(np.float32)
    rng = np.random.default_rng(2)
    crop, flip = rng.integers(0, 9, (20, 2)).astype(np.uint8), rng.random(20) < 0.5
    actual = np.asarray(step.crop_and_flip(images, crop, flip, pad=PAD))
    np.testing.assert_array_equal(actual, _reference_crop_and_flip(images, crop, flip))


def test_normalize_equals_its_formula_in_float64(images):
    mean, std = [0.1, 0.5, 0.9], [0.2, 0.3, 1.0]
    actual = np.asarray(step.normalize(images, mean=mean, std=std))
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, (images / 255 - mean) / std, rtol=1e-5, atol=1e-6)


def test_mean_color_is_normalized_to_zero():
    images = np.full((1, 2, 2, 1), 51, np.uint8)
    actual = np.asarray(step.normalize(images, mean=[0.2], std=[0.3]))
    np.testing.assert_allclose(actual, 0, atol=1e-6)
