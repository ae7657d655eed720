"""Images as a source stores them, decoded one by one by all cores in bounded memory."""

import collections
import concurrent.futures
import dataclasses
import itertools
import math
import os
from collections.abc import Callable

import numpy as np

from memkit.data import images
from memkit.errors import expected

_BATCH_BYTES = 2**20  # pixels that a thread decodes in one go, and
_BATCH = 16  # images at most: small ones are not worth a task each


class Color(Exception):
    """An RGB image among images that were taken for gray ones."""


@dataclasses.dataclass(frozen=True, eq=False)
class Encoded:
    """A data set whose images are still to be decoded.

    Attributes:
      items: function of "train" or "test" that returns an iterator of whatever `decode` takes;
        every call gives the same items in the same order, which may be any.
      decode: function of an item that returns (id, label, [H, W, C] uint8 pixels); called in
        threads. An id is a str or an int.
      counts: {"train": N, "test": T}.
      class_names: one str per class.
      key: function that returns, as JSON has it, all that decides what `items` and `decode` give;
        only called where decoded images are kept in files.
      folder: where the encoded images lie.
    """

    items: Callable
    decode: Callable
    counts: dict
    class_names: tuple
    key: Callable
    folder: str

    @property
    def total(self):
        """N + T."""
        return sum(self.counts.values())


def first_shape(encoded):
    """Returns (H, W, C) of the first image."""
    return encoded.decode(next(encoded.items("train")))[2].shape


def rows(encoded, shape):
    """Yields the decoded examples: all train, then all test items, in the order of the items.

    Args:
      encoded: Encoded.
      shape: (H, W, C) of every image; gray ones become RGB where C = 3.

    Yields:
      (id, label, [H, W, C] uint8 pixels).

    Raises:
      InputError: an image of another size (names it and the first) or one that cannot be read;
        more or fewer items than the source announced.
      Color: an RGB image where C = 1.
    """
    first = None
    for part, count in encoded.counts.items():
        number = 0
        for own, label, pixels in _decoded(encoded, part, math.prod(shape)):
            number += 1
            first = first or (pixels, own)
            images.check_size(pixels, own, *first)
            if pixels.shape[-1] > shape[-1]:
                raise Color
            if number <= count:
                yield own, label, np.ascontiguousarray(np.broadcast_to(pixels, shape))
        if number != count:
            raise expected("dataset", f"{count} {part} examples, as it announces", number)


def _decoded(encoded, part, image_bytes):
    """Yields decoded items in their order; a few batches are ahead of the one asked for."""
    size = max(1, min(_BATCH, _BATCH_BYTES // image_bytes))
    items = encoded.items(part)
    threads = os.cpu_count() or 1
    ahead = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        while batch := list(itertools.islice(items, size)):
            ahead.append(pool.submit(lambda batch: [encoded.decode(item) for item in batch], batch))
            if len(ahead) > 2 * threads:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()
