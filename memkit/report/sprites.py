"""Packs many small pictures into images that are embedded in a page."""

import base64
import dataclasses
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from memkit.typing import Array, IntArray

LOSSLESS_BYTES = 3_000_000  # more pixels than this are compressed with a loss
# Of pictures that are looked at first, and of all others: the best that fits.
QUALITY, QUALITIES = 90, (90, 75, 60, 45, 30, 20)
PER_SHEET = 256  # a page decodes a whole sheet, within milliseconds, to show one of its pictures
TRIED = 4  # sheets that are compressed to choose a quality
BLOCK = 16  # pixels; with lossy compression, pictures do not share blocks of this size


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
      count: number of pictures.
      columns: pictures per row.
      tile: (width, height) of a cell of the grid, at least that of a picture, in pixels.
      url: the grid as a data URL, WebP.
    """

    count: int
    columns: int
    tile: tuple[int, int]
    url: str


@dataclasses.dataclass(frozen=True, eq=False)
class Album:
    """The pictures of some examples on one or more sheets.

    Attributes:
      examples: [P] int, the examples in the order of their pictures, sheet by sheet.
      width, height: of a picture, in pixels.
      sheets: the sheets.
    """

    examples: IntArray
    width: int
    height: int
    sheets: tuple[Sheet, ...]


def album(
    images: Pictures,
    first: Iterable[int],
    rest: Iterable[int] = (),
    *,
    most: int | None = None,
    size: int = 0,
) -> Album | None:
    """Returns an Album, or None if there are no examples.

    Args:
      images: picture of each of N examples.
      first: examples whose pictures are kept in any case, with no visible loss.
      rest: other examples, which are compressed as strongly as is necessary. If even the lowest
        quality takes too much space, pictures of an evenly spaced part of them are kept.
      most: number of `rest` that are kept at most; None = all.
      size: characters that all sheets take together, about, if `first` leaves room for others.
    """
    first = list(dict.fromkeys(map(int, first)))
    known = set(first)
    rest = _spread([i for i in dict.fromkeys(map(int, rest)) if i not in known], most)
    if not first and not rest:
        return None
    height, width = images[(first or rest)[0]].shape[:2]
    pixels = 3 * height * width
    if pixels * (len(first) + len(rest)) <= LOSSLESS_BYTES:
        first, rest = [*first, *rest], []
    sheets = list(_sheets(images, first, QUALITY if pixels * len(first) > LOSSLESS_BYTES else None))
    room = size - sum(len(sheet.url) for sheet in sheets)
    quality, fit = _fitting(images, rest, max(0, room))
    rest = _spread(rest, fit)
    sheets += _sheets(images, rest, quality)
    return Album(np.asarray([*first, *rest], int), width, height, tuple(sheets))


def picture(image: Array) -> str:
    """Returns a picture, uint8 [h, w, 1 or 3], as a data URL; it keeps every pixel."""
    return _url(_rgb(image), None)


def _spread(examples: Sequence[int], most: int | None) -> list[int]:
    """Returns at most so many examples, evenly spaced."""
    if most is None or len(examples) <= most:
        return list(examples)
    return [examples[k] for k in np.linspace(0, len(examples) - 1, most).round().astype(int)]


def _fitting(images: Pictures, examples: Sequence[int], size: int) -> tuple[int, int]:
    """Returns the best quality at which all examples fit, and the number that fit at it."""
    if not examples:
        return QUALITY, 0
    starts = np.linspace(0, max(0, len(examples) - PER_SHEET), TRIED).astype(int)
    tried = [examples[start : start + PER_SHEET] for start in dict.fromkeys(starts.tolist())]
    for quality in QUALITIES:
        sheets = [_sheet(images, part, quality) for part in tried]
        each = sum(len(sheet.url) for sheet in sheets) / sum(sheet.count for sheet in sheets)
        if each * len(examples) <= size:
            return quality, len(examples)
    return quality, int(size / each)


def _sheets(images: Pictures, examples: Sequence[int], quality: int | None) -> Iterator[Sheet]:
    for start in range(0, len(examples), PER_SHEET):
        yield _sheet(images, examples[start : start + PER_SHEET], quality)


def _sheet(images: Pictures, examples: Sequence[int], quality: int | None) -> Sheet:
    """Returns one sheet; a quality of None loses nothing."""
    pictures = np.stack([_rgb(images[i]) for i in examples])
    if quality is not None:
        sides = ((0, -side % BLOCK) for side in pictures.shape[1:3])
        pictures = np.pad(pictures, ((0, 0), *sides, (0, 0)), mode="edge")
    columns = math.ceil(math.sqrt(len(pictures)))
    return Sheet(
        count=len(pictures),
        columns=columns,
        tile=(pictures.shape[2], pictures.shape[1]),
        url=_url(_grid(pictures, columns), quality),
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


def _url(pixels: Array, quality: int | None) -> str:
    buffer = io.BytesIO()
    options = {"lossless": True} if quality is None else {"quality": quality}
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "WEBP", **options)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
