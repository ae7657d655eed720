"""Matrices that may be larger than memory, which are memory-mapped to unlinked temporary files.

The outcomes of a study's runs are matrices [M, N]: half a gigabyte of 0/1 for 10,000 runs and
50,000 examples. The operating system keeps as much of a memory-mapped file in memory as there is
room for. The files are in the folder for temporary files (TMPDIR) and vanish with their last use.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from memkit.typing import Array, FloatArray

IN_MEMORY = 2**26  # bytes up to which a matrix is kept in memory
_BLOCK = 2**23  # bytes copied at a time


def empty(shape: Sequence[int], dtype: npt.DTypeLike) -> Array:
    """Returns an uninitialized array, in memory or memory-mapped to a file.

    Raises:
      OSError: there is not enough disk space for it.
    """
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    if size <= IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="memkit-") as file:
        _reserve(file.fileno(), size)
        return np.asarray(np.memmap(file, dtype, "r+", shape=tuple(shape)))


def _reserve(descriptor: int, size: int) -> None:
    """Allocates disk space now, since a full disk would kill the process at a later write."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            os.ftruncate(descriptor, size)
    except OSError as error:
        raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error


def take(matrix: npt.ArrayLike, chosen: npt.ArrayLike, axis: Literal[0, 1] = 0) -> Array:
    """Returns some rows or columns of a matrix; the matrix itself if all are chosen in order.

    Args:
      matrix: [M, N].
      chosen: indices, or a bool for every row or column.
      axis: 0 for rows, 1 for columns.
    """
    matrix, chosen = np.asarray(matrix), np.asarray(chosen)
    index = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(int)
    if np.array_equal(index, np.arange(matrix.shape[axis])):
        return matrix
    shape = list(matrix.shape)
    shape[axis] = len(index)
    taken = empty(shape, matrix.dtype)
    for rows in row_blocks(taken):
        taken[rows] = matrix[index[rows]] if axis == 0 else matrix[rows][:, index]
    return taken


def mean(matrices: Sequence[Array]) -> FloatArray:
    """Returns the elementwise mean, float32, of matrices of the same shape [M, N]."""
    means = empty(matrices[0].shape, np.float32)
    for rows in row_blocks(means):
        means[rows] = np.mean([matrix[rows] for matrix in matrices], axis=0, dtype=np.float32)
    return means


def row_blocks(matrix: Array) -> Iterator[slice]:
    """Yields slices that divide a matrix into blocks of rows of at most about 8 MiB."""
    step = max(1, _BLOCK // max(1, matrix[:1].nbytes))
    for start in range(0, len(matrix), step):
        yield slice(start, start + step)
