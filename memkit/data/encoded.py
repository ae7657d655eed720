"""Images as a source stores them, decoded one by one by all cores in bounded memory."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from memkit import machine
from memkit.data import images
from memkit.errors import DamagedFileError, InputError, expected

_BATCH_BYTES = 2**20  # pixels that a thread decodes in one go, and
_BATCH = 16  # images at most: small ones are not worth a task each
_NAMED = 50  # damaged images in one error, each with its reason
DAMAGED = int(np.iinfo(np.int32).min)  # label of an image that cannot be decoded


class Color(Exception):
    """An RGB image among images that were taken for gray ones."""


@dataclasses.dataclass(frozen=True, eq=False)
class Encoded:
    """A data set whose images are still to be decoded.

    Attributes:
      items: function of "train" or "test" that returns an iterator of whatever `decode` takes;
        every call gives the same items in the same order, which may be any.
      decode: function of an item that returns (id, label, [H, W, C] uint8 pixels) or raises
        DamagedFileError; called in threads. An id is a str or an int.
      counts: {"train": N, "test": T}.
      class_names: one str per class.
      key: function that returns, as JSON has it, all that decides what `items` and `decode` give;
        only called where decoded images are kept in files.
      folder: where the encoded images lie.
      skip_bad: whether images that cannot be decoded are left out; else they are an error. None
        where the source has no such option.
      notes: see `ImageDataset`.
    """

    items: Callable
    decode: Callable
    counts: dict
    class_names: tuple
    key: Callable
    folder: str
    skip_bad: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def total(self):
        """N + T, those that cannot be decoded among them."""
        return sum(self.counts.values())


def first_shape(encoded: Encoded) -> tuple[int, int, int]:
    """Returns (H, W, C) of the first train image that can be decoded, (1, 1, 1) without any."""
    for item in encoded.items("train"):
        with contextlib.suppress(DamagedFileError):
            return encoded.decode(item)[2].shape
    return 1, 1, 1


def rows(encoded: Encoded, shape: tuple[int, int, int]) -> Iterator[tuple]:
    """Yields the decoded examples: all train, then all test items, in the order of the items.

    Args:
      encoded: Encoded.
      shape: (H, W, C) of every image; gray ones become RGB where C = 3.

    Yields:
      (id, label, [H, W, C] uint8 pixels). Where `skip_bad` leaves an image out, (its name, DAMAGED,
      black pixels).

    Raises:
      InputError: images that cannot be decoded (all of them, after the last item); an image of
        another size (names it and the first); more or fewer items than the source announced.
      Color: an RGB image where C = 1.
    """
    first, damaged = None, []
    for part, count in encoded.counts.items():
        number = 0
        for row in _decoded(encoded, part, math.prod(shape)):
            number += 1
            if isinstance(row, DamagedFileError):
                damaged.append(row)
                row = (row.where, DAMAGED, np.zeros((*shape[:2], 1), np.uint8))
            elif damaged and not encoded.skip_bad:
                continue  # Only decoded to find the other damaged images.
            else:
                first = first or (row[2], row[0])
                images.check_size(row[2], row[0], *first)
            name, label, pixels = row
            if pixels.shape[-1] > shape[-1]:
                raise Color
            if number <= count:
                yield name, label, np.ascontiguousarray(np.broadcast_to(pixels, shape))
        if number != count:
            raise expected("dataset", f"{count} {part} examples, as it announces", number)
    if damaged and not encoded.skip_bad:
        raise _refusal(encoded, damaged)


def _refusal(encoded: Encoded, damaged: list[DamagedFileError]) -> InputError:
    named = "; ".join(f"{error.where}: {error.reason}" for error in damaged[:_NAMED])
    more = f"; and {len(damaged) - _NAMED:,} more" if len(damaged) > _NAMED else ""
    remedy = "" if encoded.skip_bad is None else ", or dataset.skip_bad=true to leave others out"
    return expected(
        "dataset",
        f"images that can be decoded{remedy}",
        f"{len(damaged):,} of {encoded.total:,} in {encoded.folder} that cannot: {named}{more}",
    )


def _decoded(encoded: Encoded, part: str, image_bytes: int) -> Iterator[tuple | DamagedFileError]:
    """Yields decoded items in their order; a few batches are ahead of the one asked for."""
    size = max(1, min(_BATCH, _BATCH_BYTES // image_bytes))
    items = encoded.items(part)
    threads = machine.available_cores()
    ahead = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        while batch := list(itertools.islice(items, size)):
            ahead.append(pool.submit(lambda batch: [_attempt(encoded, i) for i in batch], batch))
            if len(ahead) > 2 * threads:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()


def _attempt(encoded: Encoded, item: object) -> tuple | DamagedFileError:
    try:
        return encoded.decode(item)
    except DamagedFileError as error:
        return error
