"""The part of a step that every engine shares: from resident bytes to a normalized batch."""

import numpy as np
from etils import epy

with epy.lazy_imports():
    import keras


def normalize(images, *, mean, std):
    """Returns float32 images (x / 255 - mean) / std, channel by channel.

    Args:
      images: [B, H, W, C] uint8.
      mean: C floats, in units of the 0..1 scale; config values, never computed from data, so that
        a held-out image cannot reach the weights.
      std: C floats.
    """
    scale = np.array([1 / (255 * s) for s in std], np.float32)
    shift = np.array([-m / s for m, s in zip(mean, std, strict=True)], np.float32)
    return keras.ops.cast(images, "float32") * scale + shift


def crop_and_flip(images, crop, flip, *, pad):
    """Returns images padded with zeros, cut at each one's own corner, mirrored where asked.

    Args:
      images: [B, H, W, C] normalized floats, so that the zeros are the mean color.
      crop: [B, 2] int, top and left corner in 0..2 * pad.
      flip: [B] bool.
      pad: pixels on every side.
    """
    height, width = images.shape[1:3]
    padded = keras.ops.pad(images, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    crop = keras.ops.cast(crop, "int32")
    rows = crop[:, :1] + keras.ops.arange(height)
    columns = keras.ops.arange(width)[None]
    columns = keras.ops.where(flip[:, None], width - 1 - columns, columns) + crop[:, 1:]
    padded = keras.ops.take_along_axis(padded, rows[:, :, None, None], axis=1)
    return keras.ops.take_along_axis(padded, columns[:, None, :, None], axis=2)
