"""Matrices that may outgrow memory: large ones lie in files that have no name.

What a study's runs say of its examples is [M, N], half a gigabyte of 0/1 for 10,000 runs and
50,000 examples. The system keeps as much of such a file in memory as there is room for. The files
are in the system's folder for temporary files (TMPDIR) and vanish with the last use.
"""

import os
import tempfile

import numpy as np

IN_MEMORY = 2**26  # bytes of a matrix that lies in memory at most
_BLOCK = 2**23  # bytes copied at a time


def empty(shape, dtype):
    """Returns an array [M, ...] to be filled, in memory or in a file.

    Raises:
      OSError: there is no space for it.
    """
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    if size <= IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="memkit-") as file:
        _reserve(file.fileno(), size)
        return np.asarray(np.memmap(file, dtype, "r+", shape=tuple(shape)))


def _reserve(file, size):
    """Takes the space now: a full disk found out while writing to memory would kill the process."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, size)
        else:
            os.ftruncate(file, size)
    except OSError as error:
        raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error


def take(matrix, chosen, axis=0):
    """Returns rows of a matrix, or columns; the matrix itself where all are chosen in order.

    Args:
      matrix: [M, N].
      chosen: indices, or bool along the axis.
      axis: 0 for rows, 1 for columns.
    """
    matrix, chosen = np.asarray(matrix), np.asarray(chosen)
    index = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(int)
    if np.array_equal(index, np.arange(matrix.shape[axis])):
        return matrix
    shape = list(matrix.shape)
    shape[axis] = len(index)
    found = empty(shape, matrix.dtype)
    for rows in row_blocks(found):
        found[rows] = matrix[index[rows]] if axis == 0 else matrix[rows][:, index]
    return found


def mean(several):
    """Returns the mean [M, N] float32 of matrices of one shape."""
    found = empty(several[0].shape, np.float32)
    for rows in row_blocks(found):
        found[rows] = np.mean([matrix[rows] for matrix in several], axis=0, dtype=np.float32)
    return found


def row_blocks(matrix):
    """Yields slices of rows that are small enough to compute with."""
    step = max(1, _BLOCK // max(1, matrix[:1].nbytes))
    for start in range(0, len(matrix), step):
        yield slice(start, start + step)
