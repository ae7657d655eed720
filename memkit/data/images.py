"""Decodes images to uint8 arrays and resizes them."""

import functools
import io
import warnings

import numpy as np
import PIL.Image
import PIL.ImageOps

from memkit.errors import DamagedFileError, expected, reason
from memkit.printable import printable
from memkit.typing import Array

# Images with more pixels are rejected before they are decoded: a file of 500 kB can decode to
# gigabytes. The photos of 64 megapixel cameras have up to 67 million pixels.
MAX_PIXELS = 2**26
# Transparent images are composited onto white, as in browsers.
BACKGROUND = (255, 255, 255)

# Limited, because Pillow would start Ghostscript for a file that looks like PostScript.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
_GRAY = ("1", "L", "LA", "La")
_TOO_DEEP = ("I", "F")  # also I;16 and others; clipping to 8 bits would change the picture
_ORIENTATION = 0x0112  # EXIF tag
_UPRIGHT = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}

# Pillow warns only far above MAX_PIXELS, where `decode` raises an error anyway.
warnings.filterwarnings("ignore", category=PIL.Image.DecompressionBombWarning)


def decode(encoded: bytes, name: str, *, image_size: int = 0) -> Array:
    """Returns the pixels of an encoded image as image viewers show them.

    Applies the EXIF orientation and composites transparent images onto BACKGROUND. Uses the first
    image of an animation or of a file with several pages. Does not apply color profiles.

    Args:
      encoded: bytes of a PNG, JPEG, WebP, BMP, GIF, TIFF or AVIF file.
      name: name of the image in error messages.
      image_size: height and width in pixels, see `fit`; 0 = do not resize.

    Returns:
      [H, W, C] uint8, C = 1 for gray images and 3 for all others.

    Raises:
      DamagedFileError: the image cannot be decoded, has more than MAX_PIXELS pixels or more than 8
        bits per channel.
    """
    try:
        with PIL.Image.open(io.BytesIO(encoded), formats=_formats()) as image:
            _check_header(image, name)
            return _array(_fitted(_upright(image), image_size))
    except DamagedFileError:
        raise
    except PIL.UnidentifiedImageError:
        text = "not an image" if encoded else "an empty file"
        raise DamagedFileError(printable(name), text) from None
    except PIL.Image.DecompressionBombError:
        raise DamagedFileError(printable(name), f"more than {MAX_PIXELS:,} pixels") from None
    except Exception as error:  # Decoders raise many exceptions, including RuntimeError.
        text = str(error) if isinstance(error, OSError) else reason(error)
        raise DamagedFileError(printable(name), printable(text)) from None


@functools.cache
def _formats() -> tuple[str, ...]:
    """Returns the formats in _FORMATS that the installed Pillow supports."""
    PIL.Image.init()
    return tuple(name for name in _FORMATS if name in PIL.Image.OPEN)


def _check_header(image: PIL.Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        size = f"{width} x {height} pixels, more than the limit of {MAX_PIXELS:,}"
        raise DamagedFileError(printable(name), size)
    if image.mode.startswith(_TOO_DEEP):
        depth = f"more than 8 bits per channel (mode {image.mode})"
        raise DamagedFileError(printable(name), depth)


def _upright(image: PIL.Image.Image) -> PIL.Image.Image:
    """Returns an opened image as gray (L) or RGB, opaque and upright."""
    mode = "L" if image.mode in _GRAY else "RGB"
    image.load()  # Some formats store orientation and transparency after the pixels.
    orientation = _orientation(image)
    if image.has_transparency_data:
        background = PIL.Image.new("RGBA", image.size, BACKGROUND)
        image = PIL.Image.alpha_composite(background, image.convert("RGBA"))
    image = image.convert(mode)
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _orientation(image: PIL.Image.Image) -> int | None:
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # Like image viewers, ignore EXIF data that cannot be parsed.
        return None


def fit(images: Array, image_size: int) -> Array:
    """Crops images to a centered square and resizes them (bicubic).

    Args:
      images: [N, H, W, C] uint8, C = 1 or 3.
      image_size: height and width in pixels; 0 = do not resize.

    Returns:
      [N, image_size, image_size, C] uint8, or `images` itself if it already has this size.
    """
    if not image_size or images.shape[1:3] == (image_size, image_size):
        return images
    fitted = np.empty((len(images), image_size, image_size, images.shape[-1]), np.uint8)
    for row, image in enumerate(images):
        picture = PIL.Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        fitted[row] = _array(_fitted(picture, image_size))
    return fitted


def check_size(image: Array, name: str, first: Array, first_name: str) -> None:
    """Checks that an image [H, W, C] has the height and width of the first one.

    Raises:
      InputError: the sizes differ; names both images.
    """
    if image.shape[:2] != first.shape[:2]:
        (height, width), (other_height, other_width) = first.shape[:2], image.shape[:2]
        raise expected(
            "dataset.image_size",
            "a size to which images of different sizes are resized",
            f"0 for {printable(first_name)} of {width}x{height} "
            f"and {printable(name)} of {other_width}x{other_height} pixels",
        )


def _fitted(picture: PIL.Image.Image, image_size: int) -> PIL.Image.Image:
    if not image_size or picture.size == (image_size, image_size):
        return picture
    return PIL.ImageOps.fit(picture, (image_size, image_size), PIL.Image.Resampling.BICUBIC)


def _array(picture: PIL.Image.Image) -> Array:
    array = np.asarray(picture)
    return array[..., None] if array.ndim == 2 else array
