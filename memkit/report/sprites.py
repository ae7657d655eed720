"""Packs many small pictures into one image that is embedded in the page."""

import base64
import dataclasses
import io
import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from memkit.typing import Array, IntArray

LOSSLESS_BYTES = 3_000_000  # larger sheets are compressed with a loss that is not visible
QUALITY = 90
BLOCK = 16  # pixels; with lossy compression, pictures do not share blocks of this size
MOST_SIDE = 16_383  # largest side of a WebP image, in pixels


class Pictures(Protocol):
    """A picture per example, uint8 [h, w, 1 or 3]: an array, or an object that reads files."""

    def __len__(self) -> int:
        """Returns the number of examples."""

    def __getitem__(self, index: int, /) -> Array:
        """Returns the picture of an example."""


@dataclasses.dataclass(frozen=True, eq=False)
class Sheet:
    """A grid of pictures, row by row.

    Attributes:
      examples: [P] int, the example that each picture shows.
      columns: pictures per row.
      width, height: of a picture, in pixels.
      tile: (width, height) of a cell of the grid, at least that of a picture, in pixels.
      url: the grid as a data URL, WebP.
    """

    examples: IntArray
    columns: int
    width: int
    height: int
    tile: tuple[int, int]
    url: str


def sheet(images: Pictures, examples: Sequence[int] | IntArray) -> Sheet | None:
    """Returns the Sheet of some examples, or None if there are none.

    Args:
      images: picture of each of N examples.
      examples: indices, in the order of the sheet; those that do not fit in one image are left
        out.
    """
    if not len(examples):
        return None
    height, width = images[int(examples[0])].shape[:2]
    capacity = (MOST_SIDE // (BLOCK * math.ceil(max(height, width) / BLOCK))) ** 2
    shown = np.asarray(examples[:capacity], int)
    pictures = np.stack([_rgb(images[int(i)]) for i in shown])
    lossless = pictures.nbytes <= LOSSLESS_BYTES
    if not lossless:
        sides = ((0, -side % BLOCK) for side in (height, width))
        pictures = np.pad(pictures, ((0, 0), *sides, (0, 0)), mode="edge")
    columns = math.ceil(math.sqrt(len(pictures)))
    return Sheet(
        examples=shown,
        columns=columns,
        width=width,
        height=height,
        tile=(pictures.shape[2], pictures.shape[1]),
        url=_url(_grid(pictures, columns), lossless),
    )


def _rgb(image: Array) -> Array:
    return np.broadcast_to(image, (*image.shape[:2], 3))


def _grid(pictures: Array, columns: int) -> Array:
    count, height, width, _ = pictures.shape
    rows = math.ceil(count / columns)
    padded = np.zeros((rows * columns, height, width, 3), np.uint8)
    padded[:count] = pictures
    tiles = padded.reshape(rows, columns, height, width, 3)
    return tiles.swapaxes(1, 2).reshape(rows * height, columns * width, 3)


def _url(pixels: Array, lossless: bool) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=lossless, quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
