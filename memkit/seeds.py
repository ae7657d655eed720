"""Named random streams: every draw in memkit comes from one of these.

A stream is `SeedSequence(root, spawn_key=(crc32(purpose), *index))`, so it is the same on every
machine and Python version, streams of different purposes or runs are independent by
construction, and a new purpose never disturbs an existing one.
"""

import zlib

import numpy as np


def stream(root, purpose, *index):
    """Returns the random generator of one purpose.

    Args:
      root: int >= 0, the study's `seed`.
      purpose: what the numbers are for, such as "order" or "init/distilled".
      *index: ints >= 0 that number the stream within the purpose, such as run and epoch.

    Returns:
      A fresh `numpy.random.Generator`; equal arguments give equal draws.
    """
    key = (zlib.crc32(purpose.encode()), *(int(i) for i in index))
    return np.random.default_rng(np.random.SeedSequence(int(root), spawn_key=key))
