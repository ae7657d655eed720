"""Converts arrays of numbers in 0..1 or 0..255 to uint8 images."""

import numpy as np

from memkit.errors import expected
from memkit.typing import Array

# Floats above 1 are taken to be in 0..255 only if the largest of all values is at least this.
_BRIGHT = 64


def to_images(arrays: dict[str, Array]) -> dict[str, Array]:
    """Returns image arrays as uint8, with the same scale for all.

    Integers are in 0..255. Floats are in 0..1 if none of them is above 1. They are in 0..255 if
    this fits every single image: it has only whole numbers, or most of its values are above 1.
    Everything in between is an error, since images on the wrong scale would be black.

    Args:
      arrays: {name: [N, H, W] or [N, H, W, C] numbers}.

    Returns:
      {name: [N, H, W, C] uint8}; floats are rounded.

    Raises:
      InputError: an array has another shape, no numbers, NaN, values out of range, or floats that
        fit both 0..1 and 0..255; names the array.
    """
    for name, array in arrays.items():
        _check(name, array)
    floats = {array.dtype.kind == "f" for array in arrays.values()}
    if len(floats) > 1:
        types = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        raise expected("dataset", "images either all as integers or all as floats", types)
    scale = _float_scale(arrays) if floats == {True} else 1
    return {name: _uint8(array, scale) for name, array in arrays.items()}


def _check(name: str, array: Array) -> None:
    if array.ndim not in (3, 4) or array.dtype.kind not in "iuf":
        raise expected(
            f"dataset {name}",
            "images as numbers [N, H, W] or [N, H, W, C]",
            f"{array.dtype} {list(array.shape)}",
        )
    if array.size and not (array.min() >= 0 and array.max() <= 255):
        raise expected(
            f"dataset {name}",
            "values in 0..1 or 0..255 without NaN; convert other ranges to uint8 first",
            f"values from {array.min()} to {array.max()}",
        )


def _float_scale(arrays: dict[str, Array]) -> int:
    """Returns the factor for floats, 255 or 1."""
    arrays = {name: array for name, array in arrays.items() if array.size}
    largest = max((float(array.max()) for array in arrays.values()), default=0.0)
    if largest <= 1:
        return 255
    for name, array in arrays.items():
        unclear = [row for row, image in enumerate(array) if not _is_up_to_255(image)]
        is_binary = array.min() < array.max() <= 1
        if unclear or is_binary or largest < _BRIGHT:
            row = unclear[0] if unclear else 0
            above = f"{np.count_nonzero(array > 1):,} of {array.size:,} values above 1"
            values = f"row {row} with values from {array[row].min():g} to {array[row].max():g}"
            raise expected(
                f"dataset {name}",
                "floats that are all in 0..1 (clip larger ones), or uint8 images",
                f"{above}, {values}, and {largest:g} as the largest value of the file",
            )
    return 1


def _is_up_to_255(image: Array) -> bool:
    """Returns True if an image of floats [H, W] or [H, W, C] is probably in 0..255."""
    if np.array_equal(image, np.rint(image)):
        return True
    return bool(2 * np.count_nonzero(image > 1) > np.count_nonzero(image))


def _uint8(array: Array, scale: int) -> Array:
    array = array[..., None] if array.ndim == 3 else array
    if array.dtype.kind == "f":
        return np.rint(array * scale).astype(np.uint8)
    return array.astype(np.uint8, copy=False)
