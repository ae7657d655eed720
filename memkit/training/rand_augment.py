"""RandAugment (Cubuk et al. 2020): two random operations of the Python Imaging Library per image.

Every operation changes only the images that it was drawn for, so that a batch is transformed as a
whole. Pixels are whole numbers in 0..255 after each operation, as in the Python Imaging Library.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from etils import epy

from memkit.recipe import RAND_AUGMENT as OPERATIONS

with epy.lazy_imports():
    import keras

# What each operation does at magnitude 1; those of AutoAugment (Cubuk et al. 2019).
SHEAR = 0.3  # pixels per pixel of distance from the top left corner
TRANSLATION = 150 / 331  # share of the side
ROTATION = 30  # degrees around the center
ENHANCEMENT = 0.9  # change of a factor that is 1 for the image itself
POSTERIZED_BITS = 4  # of 8 that are dropped
LEVELS = 256
# Gray as the Python Imaging Library computes it, in parts of 2**16.
_GRAY = (19595, 38470, 7471)


def rand_augment(images: Any, draws: Any, *, fill: Sequence[float]) -> Any:
    """Returns images [B, H, W, C] of whole float32 numbers in 0..255, transformed one by one.

    Args:
      images: [B, H, W, C] in 0..255, uint8 or whole floats.
      draws: [B, 2 K] float32, for each of K operations its index in `recipe.RAND_AUGMENT` and its
        magnitude in [-1, 1]; the sign is that of a shift or of a change.
      fill: C floats in 0..255, the color outside of images that are sheared, moved or rotated.
    """
    images = keras.ops.cast(images, "float32")
    for i in range(0, draws.shape[1], 2):
        drawn = {name: draws[:, i] == index for index, name in enumerate(OPERATIONS)}
        images = _warped(images, drawn, draws[:, i + 1], fill=fill)
        images = _enhanced(images, drawn, draws[:, i + 1])
        images = _mapped(images, drawn, keras.ops.abs(draws[:, i + 1]))
    return images


def _chosen(is_drawn: Any, changed: Any, images: Any) -> Any:
    """Returns the changed images where an operation was drawn, and the others as they are."""
    return keras.ops.where(is_drawn[:, None, None, None], changed, images)


def _whole(pixels: Any) -> Any:
    """Rounds pixels to whole numbers in 0..255.

    The small addition is for products of whole numbers and magnitudes, which often lie half way
    between two of them, where a rounding error would decide.
    """
    return keras.ops.floor(keras.ops.clip(pixels, 0, LEVELS - 1) + 0.501)


def _warped(images: Any, drawn: dict[str, Any], magnitude: Any, *, fill: Sequence[float]) -> Any:
    """Shears, moves or rotates images, with bilinear interpolation."""
    height, width = images.shape[1:3]
    x = np.arange(width, dtype=np.float32) + 0.5
    y = np.arange(height, dtype=np.float32)[:, None] + 0.5

    def amount(name: str, most: float) -> Any:
        return keras.ops.where(drawn[name], most * magnitude, 0.0)[:, None, None]

    angle = amount("rotate", np.pi / 180 * ROTATION)
    # Differences from the pixel's own position, which are exactly zero for other operations.
    cosine, sine = keras.ops.cos(angle) - 1, keras.ops.sin(angle)
    from_center = x - width / 2, y - height / 2
    dx = amount("shear_x", SHEAR) * y + amount("translate_x", TRANSLATION * width)
    dx = dx + cosine * from_center[0] + sine * from_center[1]
    dy = amount("shear_y", SHEAR) * x + amount("translate_y", TRANSLATION * height)
    dy = dy - sine * from_center[0] + cosine * from_center[1]
    inside = _all(x + dx >= 0, x + dx < width, y + dy >= 0, y + dy < height)
    sampled = _whole(_sampled(images, x - 0.5 + dx, y - 0.5 + dy))
    color = _whole(np.asarray(fill, np.float32))
    return keras.ops.where(inside[..., None], sampled, color)


def _all(first: Any, *others: Any) -> Any:
    for other in others:
        first = keras.ops.logical_and(first, other)
    return first


def _sampled(images: Any, x: Any, y: Any) -> Any:
    """Returns images at positions [B, H, W] in pixels, (0, 0) = the center of the first one."""
    height, width, channels = images.shape[1:]
    flat = keras.ops.reshape(images, (-1, height * width, channels))
    left, top = keras.ops.floor(x), keras.ops.floor(y)

    def pixels(row: Any, column: Any) -> Any:
        row, column = keras.ops.clip(row, 0, height - 1), keras.ops.clip(column, 0, width - 1)
        place = keras.ops.reshape(row * width + column, (-1, height * width, 1))
        found = keras.ops.take_along_axis(flat, keras.ops.cast(place, "int32"), axis=1)
        return keras.ops.reshape(found, (-1, height, width, channels))

    u, v = (x - left)[..., None], (y - top)[..., None]
    upper = (1 - u) * pixels(top, left) + u * pixels(top, left + 1)
    lower = (1 - u) * pixels(top + 1, left) + u * pixels(top + 1, left + 1)
    return (1 - v) * upper + v * lower


def _enhanced(images: Any, drawn: dict[str, Any], magnitude: Any) -> Any:
    """Changes brightness, color, contrast or sharpness: distances from an image without any."""
    gray = _gray(images)
    mean = _whole(keras.ops.mean(gray, axis=(1, 2, 3), keepdims=True))
    without = {"brightness": 0.0, "color": gray, "contrast": mean, "sharpness": _smooth(images)}
    start = images
    for name, other in without.items():
        start = _chosen(drawn[name], other, start)
    factor = (1 + ENHANCEMENT * magnitude)[:, None, None, None]
    return _whole(start + factor * (images - start))


def _gray(images: Any) -> Any:
    """Returns gray images [B, H, W, 1], the mean of the channels unless they are three."""
    if images.shape[-1] != len(_GRAY):
        return _whole(keras.ops.mean(images, axis=-1, keepdims=True))
    parts = keras.ops.sum(images * np.asarray(_GRAY, np.float32), axis=-1, keepdims=True)
    return keras.ops.floor((parts + 2**15) / 2**16)


def _smooth(images: Any) -> Any:
    """Returns images whose pixels are means of 3 x 3, the center counting 5 times; but the edge."""
    height, width = images.shape[1:3]
    around = keras.ops.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    total = 4 * images
    for row in range(3):
        for column in range(3):
            total = total + around[:, row : row + height, column : column + width]
    is_inner = np.zeros((height, width, 1), bool)
    is_inner[1:-1, 1:-1] = True
    return keras.ops.where(is_inner, _whole(total / 13), images)


def _mapped(images: Any, drawn: dict[str, Any], strength: Any) -> Any:
    """Posterizes, solarizes, or stretches the levels of each channel."""
    bits = keras.ops.where(drawn["posterize"], keras.ops.round(POSTERIZED_BITS * strength), 0.0)
    bits = keras.ops.cast(bits, "int32")
    step = keras.ops.left_shift(keras.ops.ones_like(bits), bits)  # A power need not be exact.
    step = keras.ops.cast(step, "float32")[:, None, None, None]
    images = keras.ops.floor(images / step) * step
    threshold = LEVELS * keras.ops.where(drawn["solarize"], 1 - strength, 1.0)
    is_high = images >= threshold[:, None, None, None]
    images = keras.ops.where(is_high, LEVELS - 1 - images, images)
    images = _chosen(drawn["autocontrast"], _stretched(images), images)
    return _chosen(drawn["equalize"], _equalized(images), images)


def _stretched(images: Any) -> Any:
    """Returns images whose channels reach from 0 to 255; those of one level stay the same."""
    low = keras.ops.min(images, axis=(1, 2), keepdims=True)
    extent = keras.ops.max(images, axis=(1, 2), keepdims=True) - low
    stretched = _whole((images - low) * (LEVELS - 1) / keras.ops.maximum(extent, 1))
    return keras.ops.where(extent > 0, stretched, images)


def _equalized(images: Any) -> Any:
    """Returns images whose levels are about equally frequent in each channel.

    The levels are those of the Python Imaging Library. An image of fewer than 255 pixels below its
    highest level stays the same.
    """
    height, width, channels = images.shape[1:]
    levels = keras.ops.cast(images, "int32")
    levels = keras.ops.transpose(levels, (0, 3, 1, 2))
    levels = keras.ops.reshape(levels, (-1, height * width))  # [B C, H W]
    rows = keras.ops.shape(levels)[0]
    places = levels + LEVELS * keras.ops.arange(rows, dtype="int32")[:, None]
    counts = keras.ops.segment_sum(
        keras.ops.ones_like(keras.ops.reshape(places, (-1,))),
        keras.ops.reshape(places, (-1,)),
        num_segments=rows * LEVELS,
    )
    counts = keras.ops.reshape(counts, (rows, LEVELS))
    highest = keras.ops.max(levels, axis=1, keepdims=True)
    step = (height * width - keras.ops.take_along_axis(counts, highest, axis=1)) // (LEVELS - 1)
    below = keras.ops.cumsum(counts, axis=1) - counts
    table = keras.ops.minimum(
        (below + step // 2) // keras.ops.maximum(step, 1), keras.ops.full_like(below, LEVELS - 1)
    )
    equalized = keras.ops.where(step > 0, keras.ops.take_along_axis(table, levels, axis=1), levels)
    equalized = keras.ops.reshape(equalized, (-1, channels, height, width))
    return keras.ops.cast(keras.ops.transpose(equalized, (0, 2, 3, 1)), "float32")
