"""Encoded images of a source, which are decoded on all cores in bounded memory."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeAlias

import numpy as np

from memkit import machine
from memkit.data import images
from memkit.errors import DamagedFileError, InputError, expected
from memkit.typing import Array, Json

# (id, label, [H, W, C] uint8 pixels) of one decoded image
Example: TypeAlias = tuple[str | int, int, Array]

_BATCH_BYTES = 2**20  # of pixels that one task decodes
_BATCH = 16  # images that one task decodes, at most; a task per small image would be slow
_NAMED = 50  # damaged images that an error names, each with its reason
DAMAGED = int(np.iinfo(np.int32).min)  # label of an image that cannot be decoded


class Color(Exception):
    """There is an RGB image among images that were expected to be gray."""


@dataclasses.dataclass(frozen=True, eq=False)
class Encoded:
    """A data set whose images have not been decoded yet.

    Attributes:
      items: function of "train" or "test" that returns an iterator of the items that `decode`
        takes. Every call returns the same items in the same order, which may be any order.
      decode: function of an item that returns its id (str or int), label and pixels ([H, W, C]
        uint8), or raises DamagedFileError. It is called in threads.
      counts: {"train": N, "test": T}.
      class_names: one str per class.
      key: function that returns a JSON value which changes whenever the results of `items` and
        `decode` change. Only called if decoded images are stored in files.
      folder: folder of the encoded images.
      skip_bad: whether images that cannot be decoded are skipped instead of an error; None if the
        source has no such option.
      notes: see `ImageDataset`.
    """

    items: Callable[[str], Iterator[Any]]
    decode: Callable[[Any], Example]
    counts: dict[str, int]
    class_names: tuple[str, ...]
    key: Callable[[], Json | list[Any]]
    folder: str
    skip_bad: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """N + T, including images that cannot be decoded."""
        return sum(self.counts.values())


def first_shape(encoded: Encoded) -> tuple[int, int, int]:
    """Returns (H, W, C) of the first train image that can be decoded; (1, 1, 1) if none can."""
    for item in encoded.items("train"):
        with contextlib.suppress(DamagedFileError):
            height, width, channels = encoded.decode(item)[2].shape
            return height, width, channels
    return 1, 1, 1


def rows(encoded: Encoded, shape: tuple[int, int, int]) -> Iterator[Example]:
    """Yields the decoded examples: all train, then all test items, in the order of the items.

    Args:
      shape: (H, W, C) of every image; gray images become RGB if C = 3.

    Yields:
      id, label and pixels ([H, W, C] uint8). For an image that `skip_bad` skips: its name, DAMAGED
      and black pixels.

    Raises:
      InputError: some images cannot be decoded (names them all, after the last item); an image has
        another size than the first (names both); the number of items differs from `counts`.
      Color: an image is RGB but C = 1.
    """
    first: tuple[Array, str] | None = None
    damaged: list[DamagedFileError] = []
    for part, count in encoded.counts.items():
        number = 0
        for row in _decoded(encoded, part, math.prod(shape)):
            number += 1
            if isinstance(row, DamagedFileError):
                damaged.append(row)
                row = (row.where, DAMAGED, np.zeros((*shape[:2], 1), np.uint8))
            elif damaged and not encoded.skip_bad:
                continue  # Decoding goes on only to find the other damaged images.
            else:
                first = first or (row[2], str(row[0]))
                images.check_size(row[2], str(row[0]), *first)
            name, label, pixels = row
            if pixels.shape[-1] > shape[-1]:
                raise Color
            if number <= count:
                yield name, label, np.ascontiguousarray(np.broadcast_to(pixels, shape))
        if number != count:
            raise expected("dataset", f"{count} {part} examples, as its source announces", number)
    if damaged and not encoded.skip_bad:
        raise _decoding_error(encoded, damaged)


def _decoding_error(encoded: Encoded, damaged: list[DamagedFileError]) -> InputError:
    named = "; ".join(f"{error.where}: {error.reason}" for error in damaged[:_NAMED])
    more = f"; and {len(damaged) - _NAMED:,} more" if len(damaged) > _NAMED else ""
    remedy = "" if encoded.skip_bad is None else ", or dataset.skip_bad=true to skip the others"
    return expected(
        "dataset",
        f"images that can be decoded{remedy}",
        f"{len(damaged):,} of {encoded.total:,} in {encoded.folder} that cannot: {named}{more}",
    )


def _decoded(encoded: Encoded, part: str, image_bytes: int) -> Iterator[Example | DamagedFileError]:
    """Yields decoded items in their order, and decodes a few batches ahead."""
    size = max(1, min(_BATCH, _BATCH_BYTES // image_bytes))
    items = encoded.items(part)
    threads = machine.available_cores()
    ahead: collections.deque[Future[list[Example | DamagedFileError]]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        while batch := list(itertools.islice(items, size)):
            ahead.append(pool.submit(lambda batch: [_attempt(encoded, i) for i in batch], batch))
            if len(ahead) > 2 * threads:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()


def _attempt(encoded: Encoded, item: Any) -> Example | DamagedFileError:
    try:
        return encoded.decode(item)
    except DamagedFileError as error:
        return error
