"""Near-duplicates: pairs of images that show the same picture, but for small changes.

The small changes are shifts, mirroring, brightness, contrast, color, noise and compression. Two
images are compared by the contrast and structure term of SSIM (Wang et al. 2004) after they have
been aligned. Pairs that are worth comparing are the nearest neighbors of coarse versions.
"""

import numpy as np
from etils import epy

from memkit.typing import Array, FloatArray, IntArray

with epy.lazy_imports():  # Slow to import.
    import scipy.ndimage
    import sklearn.neighbors

LIKENESS = 0.85  # of near-duplicates, at least
RELATIVE = 0.25  # their distance from 1, relative to that of usual nearest neighbors, at most
RELATIVE_OWN = 0.5  # the same, relative to the images' own neighbors of a rank
RANK = 5  # of an image's neighbors by likeness, which is taken for no near-duplicate
CANDIDATES = 6  # coarse neighbors of an image that are compared with it
COARSE = 0.85  # correlation of coarse versions from which images are compared
SHIFT = 2  # pixels in each direction that alignment tries
_SIDE = 16  # smaller images are enlarged
_CELLS = 8  # of a coarse version per side
_WINDOW = 7  # side of the windows of SSIM
_CONSTANT = 0.003  # of SSIM, for images with standard deviation 1
_FLAT = 2.0  # standard deviation in gray levels below which an image shows nothing
_BLOCK = 1024


def nearest(queries: FloatArray, keys: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """Returns the k keys with the largest inner product with each query, the largest first.

    Args:
      queries: [Q, D] float32.
      keys: [N, D] float32 that have the same length.
      k: at most N.

    Returns:
      (index [Q, k] int, inner product [Q, k] float32).
    """
    index = np.empty((len(queries), k), np.int64)
    product = np.empty((len(queries), k), np.float32)
    search = sklearn.neighbors.NearestNeighbors(n_neighbors=k, algorithm="brute").fit(keys)
    for start in range(0, len(queries), _BLOCK):
        rows = slice(start, start + _BLOCK)
        index[rows] = search.kneighbors(queries[rows], return_distance=False)
        product[rows] = np.einsum("qd,qkd->qk", queries[rows], keys[index[rows]])
    return index, product


def find(
    images: Array, num_train: int, *, more: IntArray | None = None
) -> tuple[IntArray, FloatArray]:
    """Returns the near-duplicates within train and between train and test images.

    Two images are near-duplicates if their `likeness` is at least LIKENESS, four times as close to
    1 as that of nearest neighbors usually is in this data set, and twice as close to 1 as that of
    each one's fifth neighbor. As in the ratio test of Lowe (2004), images that have many like
    them, such as bottles or handwritten ones, are therefore near-duplicates of none of these.

    Args:
      images: [N + T, H, W, C] uint8, train then test.
      num_train: N.
      more: [Q, 2] int, other pairs that are worth comparing.

    Returns:
      (pairs [P, 2] int, the first of each < N and below the second; likeness [P] float32), the most
      alike first. Images with identical pixels are pairs as well.
    """
    pairs = coarse_pairs(images, num_train)
    proposed = pairs if more is None else np.unique(np.concatenate([pairs, more]), axis=0)
    if not len(proposed):
        return np.empty((0, 2), np.int64), np.empty(0, np.float32)
    values = likeness(images, proposed)
    first, ranked = _neighbors(proposed, values, len(images))
    limit = np.minimum(RELATIVE * (1 - first), RELATIVE_OWN * (1 - ranked[proposed].max(axis=1)))
    chosen = 1 - values <= np.minimum(limit, 1 - LIKENESS)
    order = np.lexsort((*proposed[chosen].T[::-1], -values[chosen]))
    return proposed[chosen][order], values[chosen][order]


def _neighbors(pairs: IntArray, values: FloatArray, count: int) -> tuple[float, FloatArray]:
    """Returns how alike images are to others: (usual largest likeness, RANK-th largest [count]).

    The first is the median over images, 0 for those that were compared with none because none is
    alike even coarsely. It stands for the second of images that were compared with fewer others.
    """
    images, both = pairs.T.ravel(), np.concatenate([values, values])
    order = np.lexsort((-both, images))
    images, both = images[order], both[order]
    compared = np.bincount(images, minlength=count)
    starts = np.cumsum(compared) - compared
    largest = np.zeros(count, np.float32)
    largest[compared > 0] = both[starts[compared > 0]]
    usual = float(np.median(largest))
    ranked = np.full(count, usual)
    is_known = compared >= RANK
    ranked[is_known] = both[starts[is_known] + RANK - 1]
    return usual, ranked


def coarse_pairs(images: Array, num_train: int) -> IntArray:
    """Returns pairs [P, 2] of images whose coarse versions are nearest neighbors and correlate.

    Args:
      images: [N + T, H, W, C] uint8.
      num_train: N; the first of each pair is a train image, and comes before the second.
    """
    own, mirrored = coarse(images), coarse(images[:, :, ::-1])
    k, found = min(CANDIDATES, num_train), [np.empty((0, 2), np.int64)]
    for queries in (own, mirrored):
        index, product = nearest(queries, own[:num_train], k)
        rows, places = np.nonzero(product >= COARSE)
        found.append(np.sort(np.stack([index[rows, places], rows], axis=1), axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def coarse(images: Array) -> FloatArray:
    """Returns versions of 8 x 8 gray cells, as unit vectors [N, 64] float32 without their means.

    Their inner products are the correlations of the cells. Images without any contrast are 0.

    Args:
      images: [N, H, W, C] uint8.
    """
    return np.concatenate(
        [_coarse(_gray(images[start : start + _BLOCK])) for start in range(0, len(images), _BLOCK)]
    )


def likeness(images: Array, pairs: IntArray) -> FloatArray:
    """Returns how alike the images of pairs are, [P] float32: 1 = the same picture, 0 = nothing.

    It is the mean over windows of the contrast and structure term of SSIM, of gray images with the
    same mean and standard deviation, after the shift and mirroring that align the second image
    best. Images without any contrast are like no other.

    Args:
      images: [N, H, W, C] uint8.
      pairs: [P, 2] int.

    Examples:
      >>> image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1), np.uint8)
      >>> darker = image[:, :, ::-1] // 2
      >>> bool(likeness(np.concatenate([image, darker]), np.array([[0, 1]]))[0] > 0.99)
      True
    """
    values = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), _BLOCK):
        rows = slice(start, start + _BLOCK)
        first, second = (_enlarged(_gray(images[pairs[rows, column]])) for column in (0, 1))
        is_flat = np.minimum(first.std(axis=(1, 2)), second.std(axis=(1, 2))) < _FLAT
        blurred = [scipy.ndimage.gaussian_filter(gray, (0, 0.6, 0.6)) for gray in (first, second)]
        values[rows] = np.where(is_flat, 0, _structure(*map(_standard, _aligned(*blurred))))
    return values


def _gray(images: Array) -> FloatArray:
    return images.mean(axis=-1, dtype=np.float32)


def _coarse(gray: FloatArray) -> FloatArray:
    """Returns gray images [n, H, W] as `coarse` does."""
    rows, columns = (_averages(length) for length in gray.shape[1:])
    cells = np.einsum("ih,nhw,jw->nij", rows, gray, columns, optimize=True)
    cells = cells.reshape(len(gray), -1)
    cells = cells - cells.mean(axis=1, keepdims=True)
    length = np.linalg.norm(cells, axis=1, keepdims=True)
    return (np.where(length < _FLAT, 0, cells) / np.maximum(length, _FLAT)).astype(np.float32)


def _averages(length: int) -> FloatArray:
    """Returns the matrix [CELLS, length] that averages a side in cells of equal size."""
    edges = np.linspace(0, length, _CELLS + 1)[:, None]
    covered = np.clip(edges - np.arange(length), 0, 1)  # left of each edge, of every pixel
    return (np.diff(covered, axis=0) * (_CELLS / length)).astype(np.float32)


def _enlarged(gray: FloatArray) -> FloatArray:
    factor = -(-_SIDE // min(gray.shape[1:]))
    if factor == 1:
        return gray
    enlarged: FloatArray = scipy.ndimage.zoom(gray, (1, factor, factor), order=1)
    return enlarged


def _aligned(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns the middle of the first images, and the best matching part of the second ones."""
    height, width = (length - 2 * SHIFT for length in first.shape[1:])
    middle = (slice(None), slice(SHIFT, SHIFT + height), slice(SHIFT, SHIFT + width))
    target = _standard(_without_means(first)[middle])
    best = np.full(len(first), -np.inf, np.float32)
    chosen = np.empty_like(target)
    for candidate in (second, second[:, :, ::-1]):
        detail = _without_means(candidate)
        for y in range(2 * SHIFT + 1):
            for x in range(2 * SHIFT + 1):
                part = (slice(None), slice(y, y + height), slice(x, x + width))
                match = (target * _standard(detail[part])).mean(axis=(1, 2))
                is_better = match > best
                chosen[is_better] = candidate[part][is_better]
                best = np.maximum(best, match)
    return first[middle], chosen


def _standard(gray: FloatArray) -> FloatArray:
    """Returns gray images with mean 0 and standard deviation 1."""
    centered = gray - gray.mean(axis=(1, 2), keepdims=True)
    standard: FloatArray = centered / np.maximum(centered.std(axis=(1, 2), keepdims=True), 1e-3)
    return standard


def _without_means(gray: FloatArray) -> FloatArray:
    return gray - _window_means(gray)


def _window_means(gray: FloatArray) -> FloatArray:
    means: FloatArray = scipy.ndimage.uniform_filter(gray, (0, _WINDOW, _WINDOW))
    return means


def _structure(first: FloatArray, second: FloatArray) -> FloatArray:
    """Returns the mean contrast and structure term of SSIM of images [n, H, W], [n]."""
    margin = _WINDOW // 2
    inside = (slice(None), slice(margin, -margin), slice(margin, -margin))
    means = [_window_means(gray)[inside] for gray in (first, second)]
    variances = [
        _window_means(gray * gray)[inside] - mean * mean
        for gray, mean in zip((first, second), means, strict=True)
    ]
    covariance = _window_means(first * second)[inside] - means[0] * means[1]
    ratio = (2 * covariance + _CONSTANT) / (sum(variances) + _CONSTANT)
    structure: FloatArray = ratio.mean(axis=(1, 2))
    return structure
