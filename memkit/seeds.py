"""Named random streams, from which every random number in memkit is drawn.

A stream is `SeedSequence(root, spawn_key=(crc32(purpose), *index))`, so it is the same on every
machine and with every Python version. Streams of different purposes or runs are independent by
construction, and a new purpose never changes an existing stream.
"""

import zlib
from typing import SupportsInt, TypeAlias

import numpy as np

Generator: TypeAlias = np.random.Generator


def stream(root: SupportsInt, purpose: str, *index: SupportsInt) -> Generator:
    """Returns the random generator for one purpose.

    Args:
      root: the study's `seed`, at least 0.
      purpose: what the random numbers are used for, such as "order" or "init/distilled".
      *index: integers of at least 0 that number the stream within its purpose, such as run and
        epoch.

    Returns:
      A new generator; equal arguments give equal random numbers.
    """
    key = (zlib.crc32(purpose.encode()), *(int(i) for i in index))
    return np.random.default_rng(np.random.SeedSequence(int(root), spawn_key=key))
