"""Arrays of numbers to uint8 images: which of them count from 0 to 1 and which from 0 to 255."""

import numpy as np

from memkit.errors import expected

# Floats above 1 count to 255 only where the brightest of all images is at least this bright.
_BRIGHT = 64


def to_images(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns image arrays as uint8, all converted alike.

    Ints count from 0 to 255. Floats count from 0 to 1 where none of them is above 1. They count
    from 0 to 255 where every single image looks like it: it has whole numbers only, or most of its
    values are above 1. Everything between is refused, since a wrong reading turns images black.

    Args:
      arrays: {name: [N, H, W] or [N, H, W, C] numbers}.

    Returns:
      {name: [N, H, W, C] uint8}; floats are rounded.

    Raises:
      InputError: names the array with another shape, no numbers, NaN, values outside, or floats
        that could count from 0 to 1 as well as from 0 to 255.
    """
    for name, array in arrays.items():
        _check(name, array)
    floats = {array.dtype.kind == "f" for array in arrays.values()}
    if len(floats) > 1:
        types = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        raise expected("dataset", "images all as ints or all as floats", types)
    scale = _float_scale(arrays) if floats == {True} else 1
    return {name: _uint8(array, scale) for name, array in arrays.items()}


def _check(name: str, array: np.ndarray) -> None:
    if array.ndim not in (3, 4) or array.dtype.kind not in "iuf":
        raise expected(
            f"dataset {name}",
            "images as numbers [N, H, W] or [N, H, W, C]",
            f"{array.dtype} {list(array.shape)}",
        )
    if array.size and not (array.min() >= 0 and array.max() <= 255):
        raise expected(
            f"dataset {name}",
            "values in 0..1 or 0..255, no NaN; bring images of another range to uint8 first",
            f"values from {array.min()} to {array.max()}",
        )


def _float_scale(arrays: dict[str, np.ndarray]) -> int:
    """Returns what floats are multiplied by: 255 or 1."""
    arrays = {name: array for name, array in arrays.items() if array.size}
    largest = max((float(array.max()) for array in arrays.values()), default=0.0)
    if largest <= 1:
        return 255
    for name, array in arrays.items():
        unlike = [row for row, image in enumerate(array) if not _counts_to_255(image)]
        is_binary = array.min() < array.max() <= 1
        if unlike or is_binary or largest < _BRIGHT:
            row = unlike[0] if unlike else 0
            above = f"{np.count_nonzero(array > 1):,} of {array.size:,} values above 1"
            values = f"row {row} with values from {array[row].min():g} to {array[row].max():g}"
            raise expected(
                f"dataset {name}",
                "floats that all lie in 0..1 (clip those that exceed it), or uint8 images",
                f"{above}, {values}, and {largest:g} as the largest value of the file",
            )
    return 1


def _counts_to_255(image: np.ndarray) -> bool:
    """True where an image of floats [H, W] or [H, W, C] hardly can count from 0 to 1."""
    if np.array_equal(image, np.rint(image)):
        return True
    return 2 * np.count_nonzero(image > 1) > np.count_nonzero(image)


def _uint8(array: np.ndarray, scale: int) -> np.ndarray:
    array = array[..., None] if array.ndim == 3 else array
    if array.dtype.kind == "f":
        return np.rint(array * scale).astype(np.uint8)
    return array.astype(np.uint8, copy=False)
