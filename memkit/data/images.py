"""Encoded or float images to uint8 arrays of one size."""

import io

import numpy as np
import PIL.Image
import PIL.ImageOps

from memkit.errors import expected

_GRAY = ("1", "L", "LA")
_TOO_DEEP = ("I", "F")  # also I;16 and so on: clipping to 8 bits would give other pictures


def decode(encoded, name, *, image_size=0):
    """Returns the pixels of one encoded image.

    Args:
      encoded: bytes of a PNG, JPEG or other file that Pillow reads.
      name: what to call the image in an error.
      image_size: pixels on a side, see `fit`; 0 = as the image is.

    Returns:
      [H, W, C] uint8, C = 1 for gray images and 3 for all others; transparency is dropped.

    Raises:
      InputError: names the image that cannot be read or has more than 8 bits a channel.
    """
    try:
        with PIL.Image.open(io.BytesIO(encoded)) as image:
            mode = image.mode
            converted = image.convert("L" if mode in _GRAY else "RGB")
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError):
        raise expected("dataset", "images that Pillow can read", name) from None
    if mode.startswith(_TOO_DEEP):
        raise expected("dataset", "images of 8 bits a channel", f"{name} of mode {mode}")
    return _array(_fitted(converted, image_size))


def fit(images, image_size):
    """Returns images brought to a square: cropped around the center, then resized (bicubic).

    Args:
      images: [N, H, W, C] uint8, C = 1 or 3.
      image_size: pixels on a side; 0 = as the images are.

    Returns:
      [N, image_size, image_size, C] uint8, or `images` where nothing is to be done.
    """
    if not image_size or images.shape[1:3] == (image_size, image_size):
        return images
    fitted = np.empty((len(images), image_size, image_size, images.shape[-1]), np.uint8)
    for row, image in enumerate(images):
        picture = PIL.Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        fitted[row] = _array(_fitted(picture, image_size))
    return fitted


def stack(images, names):
    """Returns single images as one array: gray where all are gray, else RGB.

    Args:
      images: list of [H, W, C] uint8, C = 1 or 3.
      names: what to call each in an error.

    Returns:
      [N, H, W, C] uint8.

    Raises:
      InputError: the sizes differ; names two images.
    """
    height, width = images[0].shape[:2]
    for image, name in zip(images, names, strict=True):
        check_size(image, name, images[0], names[0])
    channels = max(image.shape[-1] for image in images)
    stacked = np.empty((len(images), height, width, channels), np.uint8)
    for row, image in enumerate(images):
        stacked[row] = image
    return stacked


def check_size(image, name, first, first_name):
    """Refuses an image [H, W, C] of another height or width than the first one, by both names.

    Raises:
      InputError: the sizes differ.
    """
    if image.shape[:2] != first.shape[:2]:
        (height, width), (other_height, other_width) = first.shape[:2], image.shape[:2]
        raise expected(
            "dataset.image_size",
            "a size for images of unequal sizes",
            f"{first_name} of {width}x{height} and {name} of {other_width}x{other_height} pixels",
        )


def from_numbers(arrays):
    """Returns image arrays as uint8, all converted alike.

    Args:
      arrays: {name: [N, H, W] or [N, H, W, C] numbers}. Floats up to 1 count from 0 to 1, others
        from 0 to 255; they are rounded.

    Returns:
      {name: [N, H, W, C] uint8}.

    Raises:
      InputError: names the array with another shape, with no numbers, NaN, or values outside.
    """
    for name, array in arrays.items():
        if array.ndim not in (3, 4) or array.dtype.kind not in "iuf":
            raise expected(
                f"dataset {name}",
                "images as numbers [N, H, W] or [N, H, W, C]",
                f"{array.dtype} {list(array.shape)}",
            )
        if array.size and not (array.min() >= 0 and array.max() <= 255):
            raise expected(
                f"dataset {name}",
                "values in 0..1 or 0..255, no NaN",
                f"values from {array.min()} to {array.max()}",
            )
    floats = {array.dtype.kind == "f" for array in arrays.values()}
    if len(floats) > 1:
        types = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        raise expected("dataset", "images all as ints or all as floats", types)
    largest = max((array.max() for array in arrays.values() if array.size), default=0)
    scale = 255 if floats == {True} and largest <= 1 else 1
    return {name: _uint8(array, scale) for name, array in arrays.items()}


def _uint8(array, scale):
    array = array[..., None] if array.ndim == 3 else array
    if array.dtype.kind == "f":
        return np.rint(array * scale).astype(np.uint8)
    return array.astype(np.uint8, copy=False)


def _fitted(picture, image_size):
    if not image_size or picture.size == (image_size, image_size):
        return picture
    return PIL.ImageOps.fit(picture, (image_size, image_size), PIL.Image.Resampling.BICUBIC)


def _array(picture):
    array = np.asarray(picture)
    return array[..., None] if array.ndim == 2 else array
