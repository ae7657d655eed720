"""Many small pictures as one image file inside the page."""

import base64
import dataclasses
import io
import math

import numpy as np
from PIL import Image

LOSSLESS_BYTES = 3_000_000  # of pixels; more of them are stored with a loss nobody sees
QUALITY = 90
BLOCK = 16  # pixels; a lossy picture never shares such a block with its neighbor
MOST_SIDE = 16_383  # pixels a WebP image may have on a side


@dataclasses.dataclass(frozen=True, eq=False)
class Sheet:
    """A grid of pictures, row by row.

    Attributes:
      examples: [P] int, which example each picture shows.
      columns: pictures per row.
      width, height: of a picture, in pixels.
      tile: (width, height) of a place of the grid, at least that of a picture.
      url: the grid as a data URL, WebP.
    """

    examples: np.ndarray
    columns: int
    width: int
    height: int
    tile: tuple
    url: str


def sheet(images, examples):
    """Returns the Sheet of some examples, or None without any.

    Args:
      images: uint8 [N, h, w, 1 or 3], or what gives one such picture per index.
      examples: ints, in the order of the sheet; as many are kept as fit in one image.
    """
    if not len(examples):
        return None
    height, width = np.shape(images[int(examples[0])])[:2]
    most = (MOST_SIDE // (BLOCK * math.ceil(max(height, width) / BLOCK))) ** 2
    examples = np.asarray(examples[:most], int)
    pictures = np.stack([_rgb(images[int(i)]) for i in examples])
    lossless = pictures.nbytes <= LOSSLESS_BYTES
    if not lossless:
        sides = ((0, -side % BLOCK) for side in (height, width))
        pictures = np.pad(pictures, ((0, 0), *sides, (0, 0)), mode="edge")
    columns = math.ceil(math.sqrt(len(pictures)))
    return Sheet(
        examples=examples,
        columns=columns,
        width=width,
        height=height,
        tile=(pictures.shape[2], pictures.shape[1]),
        url=_url(_grid(pictures, columns), lossless),
    )


def _rgb(image):
    return np.broadcast_to(np.asarray(image), (*np.shape(image)[:2], 3))


def _grid(pictures, columns):
    count, height, width, _ = pictures.shape
    rows = math.ceil(count / columns)
    padded = np.zeros((rows * columns, height, width, 3), np.uint8)
    padded[:count] = pictures
    tiles = padded.reshape(rows, columns, height, width, 3)
    return tiles.swapaxes(1, 2).reshape(rows * height, columns * width, 3)


def _url(pixels, lossless):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=lossless, quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
