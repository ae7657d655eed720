"""The part of a training step that all engines share: from uint8 images to an augmented batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from etils import epy

from memkit.training.rand_augment import rand_augment

with epy.lazy_imports():
    import keras


def normalize(images: Any, *, mean: Sequence[float], std: Sequence[float]) -> Any:
    """Returns float32 images (x / 255 - mean) / std, channel by channel.

    Args:
      images: [B, H, W, C] uint8, an array or a tensor of the engine.
      mean: C floats for pixels in 0..1. They are config values, never computed from the data, so
        held-out images cannot influence the weights.
      std: C floats.
    """
    scale = np.array([1 / (255 * s) for s in std], np.float32)
    shift = np.array([-m / s for m, s in zip(mean, std, strict=True)], np.float32)
    return keras.ops.cast(images, "float32") * scale + shift


def crop_and_flip(images: Any, crop: Any, flip: Any, *, pad: int) -> tuple[Any, Any]:
    """Crops images that are padded with zeros and, if flip is True, mirrors them.

    Rows and columns are selected by products with matrices of zeros and ones, since gathering is
    slow on TPUs. Whole numbers up to 256 pass them exactly, even if products round to bfloat16.

    Args:
      images: [B, H, W, C] whole numbers in 0..255 of any type.
      crop: [B, 2] int, top and left corner in 0..2 * pad.
      flip: [B] bool.
      pad: pixels of padding on every side.

    Returns:
      (images, inside): the result in float32, and [B, H, W, 1] bool, False in the padding.
    """
    height, width, channels = images.shape[1:]
    crop = keras.ops.cast(crop, "int32") - pad
    rows = crop[:, :1] + np.arange(height, dtype=np.int32)
    columns = np.arange(width, dtype=np.int32)
    columns = keras.ops.where(flip[:, None], width - 1 - columns, columns) + crop[:, 1:]
    inside = keras.ops.logical_and(
        _is_within_side(rows, height)[:, :, None], _is_within_side(columns, width)[:, None]
    )
    # The last axis of every product has rows or columns of pixels: a TPU pads it to 128.
    images = keras.ops.reshape(images, (-1, height, width * channels))
    images = _selected(rows, images)
    images = keras.ops.reshape(images, (-1, height, width, channels))
    images = keras.ops.transpose(images, (0, 2, 1, 3))
    images = _selected(columns, keras.ops.reshape(images, (-1, width, height * channels)))
    images = keras.ops.reshape(images, (-1, width, height, channels))
    return keras.ops.transpose(images, (0, 2, 1, 3)), inside[..., None]


def _selected(places: Any, values: Any) -> Any:
    """Returns the rows of values [B, S, K] at places [B, S] int as float32; zeros outside."""
    is_selected = places[:, :, None] == np.arange(values.shape[1], dtype=np.int32)
    values = keras.ops.cast(values, "float32")
    return keras.ops.matmul(keras.ops.cast(is_selected, "float32"), values)


def _is_within_side(places: Any, size: int) -> Any:
    return keras.ops.logical_and(places >= 0, places < size)


def augmented(
    images: Any,
    crop: Any,
    flip: Any,
    draws: Any,
    *,
    name: str,
    pad: int | None,
    mean: Sequence[float],
    std: Sequence[float],
) -> tuple[Any, Any]:
    """Returns the normalized and augmented images of a batch, and their shares.

    Args:
      images: [B, H, W, C] uint8.
      crop, flip: see `crop_and_flip`.
      draws: [B, K] float32 of the plan. For "random_resized_crop" the top, left, height and width
        of each crop; for "mixup" the share of each image; for "cutmix" the top, left, bottom and
        right of the rectangle that comes from another image; for "rand_augment" see that function.
        Positions are shares of the sides.
      name: a key of `recipe.AUGMENTATIONS`.
      pad: pixels of padding on every side, or None to leave out crops and flips.
      mean, std: see `normalize`.

    Returns:
      (images, shares): shares [B] in [0, 1] of each image in the mixture with the image at the
      mirrored place in the batch, or None without a mixture.
    """
    if name == "rand_augment":  # Before the crop, as AutoAugment for CIFAR.
        images = rand_augment(images, draws, fill=[255 * m for m in mean])
    inside = None
    if pad is not None:
        images, inside = crop_and_flip(images, crop, flip, pad=pad)
    images = normalize(images, mean=mean, std=std)
    if inside is not None:  # The padding has the mean color, which is normalized to zero.
        images = keras.ops.where(inside, images, 0.0)
    if name == "random_resized_crop":
        return _resized(images, draws), None
    if name == "mixup":
        share = draws[:, 0]
        weight = share[:, None, None, None]
        return weight * images + (1 - weight) * keras.ops.flip(images, axis=0), share
    if name == "cutmix":
        rows, columns = (
            _is_within(draws[:, i], draws[:, i + 2], images.shape[1 + i]) for i in (0, 1)
        )
        inside = keras.ops.logical_and(rows[:, :, None], columns[:, None, :])
        mixed = keras.ops.where(inside[..., None], keras.ops.flip(images, axis=0), images)
        return mixed, 1 - keras.ops.mean(keras.ops.cast(inside, "float32"), axis=(1, 2))
    return images, None


def _is_within(first: Any, last: Any, size: int) -> Any:
    """Returns whether the pixels of a side lie between two positions [B], as bool [B, size]."""
    centers = (np.arange(size, dtype=np.float32) + 0.5) / size
    return keras.ops.logical_and(centers >= first[:, None], centers < last[:, None])


def _resized(images: Any, boxes: Any) -> Any:
    """Returns boxes [B, 4] of images, resized to the size of the images by bilinear interpolation.

    The interpolation along a side is a product with a matrix, since gathering is slow on TPUs.
    """
    rows, columns = (
        _interpolation(boxes[:, i], boxes[:, i + 2], images.shape[1 + i]) for i in (0, 1)
    )
    return keras.ops.einsum("brh,bhwc,bsw->brsc", rows, images, columns)


def _interpolation(start: Any, length: Any, size: int) -> Any:
    """Returns the weights [B, size, size] of the pixels of a side in the pixels of the result."""
    pixels = np.arange(size, dtype=np.float32)
    position = (start[:, None] + length[:, None] * ((pixels + 0.5) / size)) * size - 0.5
    position = keras.ops.clip(position, 0, size - 1)
    return keras.ops.maximum(1 - keras.ops.abs(position[:, :, None] - pixels), 0)
