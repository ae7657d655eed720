"""The part of a training step that all engines share: from uint8 images to a normalized batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from etils import epy

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


def crop_and_flip(images: Any, crop: Any, flip: Any, *, pad: int) -> Any:
    """Returns images of the same shape: padded with zeros, cropped and, if flip is True, mirrored.

    Args:
      images: [B, H, W, C] normalized floats, so the zeros are the mean color.
      crop: [B, 2] int, top and left corner in 0..2 * pad.
      flip: [B] bool.
      pad: pixels of padding on every side.
    """
    height, width = images.shape[1:3]
    padded = keras.ops.pad(images, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    crop = keras.ops.cast(crop, "int32")
    rows = crop[:, :1] + keras.ops.arange(height)
    columns = keras.ops.arange(width)[None]
    columns = keras.ops.where(flip[:, None], width - 1 - columns, columns) + crop[:, 1:]
    padded = keras.ops.take_along_axis(padded, rows[:, :, None, None], axis=1)
    return keras.ops.take_along_axis(padded, columns[:, None, :, None], axis=2)
