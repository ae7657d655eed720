"""Finds near-duplicates and the nearest neighbors of every image."""

from collections.abc import Sequence

import numpy as np

from memkit import big_arrays, records, studies
from memkit.analysis import results as storage
from memkit.analysis.audit.estimate import default_point
from memkit.analysis.copies import copies_of
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.similar_images.result import (
    FEATURES,
    PIXELS,
    SimilarExamples,
    SimilarImages,
)
from memkit.analysis.summary import Results
from memkit.errors import InputError
from memkit.estimators import near_duplicates
from memkit.studies import Point, Study
from memkit.typing import Array, BoolArray, FloatArray, IntArray

NAME = "similar_images"
NEIGHBORS = 8
MOST_RUNS = 10  # whose features are compared; each adds 64 numbers per image
_PROPOSED = 3  # neighbors by features that are compared as possible near-duplicates


def analyze(study: Study, _: Sequence[PointOutcomes], __: Results) -> SimilarImages:
    """Compares the images of a study, at its default point.

    Studies of more than 100,000 examples, whose thumbnails are not read at once, are not compared.
    """
    point = default_point(study)
    pictures = studies.read_thumbnails(study)
    if pictures is None or study.sizes.train < 2:
        return nothing(point.name)
    images = np.concatenate([part for part in pictures if len(part)])
    coarse = near_duplicates.coarse(images)
    if not coarse.any():  # Placeholders of examples that are no images.
        return nothing(point.name)
    features, held_out = _recorded(study, point)
    if num_runs := len(held_out):
        keys, weights = features, _weights(held_out, len(images))
    else:
        keys, weights = coarse, np.ones((len(images), 1), np.float32)
    neighbors = _neighbors(keys, weights, study.sizes.train)
    near = near_duplicates.find(
        images, study.sizes.train, more=_proposed(neighbors[0]) if num_runs else None
    )
    compared = (point.name, FEATURES if num_runs else PIXELS, num_runs)
    return _result(study, compared, neighbors, near)


def nothing(point: str) -> SimilarImages:
    """Returns the result of a study whose images are not compared."""
    return SimilarImages(point, "", 0, 0, 0, 0, 0, examples=None)


def of_study(study: Study) -> SimilarImages:
    """Returns what `memkit estimate` stored if it is up to date, and otherwise computes it."""
    try:
        studies.check_sources(study, with_removals=False)
        stored = studies.read_summary(study)
    except InputError:
        stored = {}
    if NAME in stored:
        return storage.read(study, NAME, SimilarImages, stored[NAME])
    return analyze(study, (), Results({}))


def columns(study: Study, examples: SimilarExamples) -> dict[str, Array]:
    """Returns the columns of the table of near-duplicates, {name: array [P]}."""
    labels = np.concatenate([study.examples.given_labels, study.examples.test_labels])
    ids = np.concatenate([study.examples.train_ids, study.examples.test_ids])
    names = np.asarray(study.examples.class_names).astype(str)
    second = examples.second + np.where(examples.in_test, study.sizes.train, 0)
    return {
        "train_id": ids[examples.first],
        "other_id": ids[second],
        "other_part": np.where(examples.in_test, "test", "train"),
        "train_label": names[labels[examples.first]],
        "other_label": names[labels[second]],
        "different_labels": examples.different_labels,
        "likeness": examples.likeness,
    }


def _recorded(study: Study, point: Point) -> tuple[FloatArray, BoolArray]:
    """Returns the features of the first runs [N + T, R * D], of the same length for each image.

    Returns:
      (features float32, held_out [R, N] bool); without columns and rows if no run has features.
    """
    runs = [
        run
        for run in range(len(study.train_mask))
        if "features_runs" in study.sizes_at(point, run).asked
    ]
    names = ("train_features", "test_features")
    found = studies.read_runs(study, point, names, among=runs[:MOST_RUNS])
    usable = [
        place
        for place, info in enumerate(found.infos)
        if info["status"] in records.USABLE and np.isfinite(found.arrays[names[0]][place]).all()
    ]
    width, count = records.FEATURES, study.sizes.train + study.sizes.test
    features = big_arrays.empty((count, width * len(usable)), np.float32)
    for column, place in enumerate(usable):
        of_run = np.concatenate([found.arrays[name][place] for name in names], dtype=np.float32)
        length = np.linalg.norm(of_run, axis=1, keepdims=True)
        unit = np.where(length > 0, of_run / np.where(length > 0, length, 1), width**-0.5)
        features[:, column * width : (column + 1) * width] = unit / np.sqrt(len(usable))
    return features, ~study.train_mask[found.index[usable].astype(int)]


def _weights(held_out: BoolArray, count: int) -> FloatArray:
    """Returns the weight [count, R] of each run for each image, with a mean of 1 over runs.

    The runs that held an image out count. All do for test images, and for images that none held
    out.

    Args:
      held_out: [R, N] bool.
      count: N + T.
    """
    num_runs, num_train = held_out.shape
    weights = np.ones((count, num_runs), np.float32)
    some = held_out.any(axis=0)
    weights[:num_train][some] = held_out.T[some]
    return weights / weights.mean(axis=1, keepdims=True)


def _neighbors(
    keys: FloatArray, weights: FloatArray, num_train: int
) -> tuple[IntArray, FloatArray]:
    """Returns (neighbors [N + T, k], similarity [N + T, k]) among the train examples.

    Args:
      keys: [N + T, D], of length 1.
      weights: [N + T, R] of R parts of equal length of the keys.
      num_train: N.
    """
    queries = big_arrays.empty(keys.shape, np.float32)
    width = keys.shape[1] // weights.shape[1]
    for rows in big_arrays.row_blocks(keys):
        queries[rows] = keys[rows] * np.repeat(weights[rows], width, axis=1)
    k = min(NEIGHBORS, num_train - 1)
    index, product = near_duplicates.nearest(queries, keys[:num_train], k + 1)
    # The nearest one of a train example is itself, or one of its copies in its place.
    is_dropped = index == np.arange(len(keys))[:, None]
    is_dropped[~is_dropped.any(axis=1), -1] = True
    return index[~is_dropped].reshape(-1, k), product[~is_dropped].reshape(-1, k)


def _proposed(neighbors: IntArray) -> IntArray:
    """Returns pairs [P, 2] of images and their first neighbors, the smaller number first."""
    first = neighbors[:, :_PROPOSED]
    images = np.broadcast_to(np.arange(len(first))[:, None], first.shape)
    return np.unique(np.sort(np.stack([first.ravel(), images.ravel()], axis=1), axis=1), axis=0)


def _is_copy(study: Study, pairs: IntArray) -> BoolArray:
    """Returns [P] bool, True for pairs with identical pixels."""
    copies, num_train = copies_of(study), study.sizes.train
    identical = {(i, j) for i, others in copies.in_train.items() for j in others}
    identical |= {(i, num_train + j) for i, tests in copies.in_test.items() for j in tests}
    return np.array([(i, j) in identical for i, j in pairs.tolist()], bool)


def _result(
    study: Study,
    compared: tuple[str, str, int],
    neighbors: tuple[IntArray, FloatArray],
    near: tuple[IntArray, FloatArray],
) -> SimilarImages:
    """Returns the result of neighbors, similarities [N + T, k], pairs [P, 2] and likeness [P].

    Args:
      compared: point, space and number of runs of the result.
    """
    num_train = study.sizes.train
    is_near = ~_is_copy(study, near[0])
    (first, second), likeness = near[0][is_near].T, near[1][is_near]
    labels = np.concatenate([study.examples.given_labels, study.examples.test_labels])
    is_different = labels[first] != labels[second]
    order = np.argsort(~is_different, kind="stable")
    first, second, likeness = first[order], second[order], likeness[order]
    in_test = second >= num_train
    index, similarity = neighbors
    return SimilarImages(
        *compared,
        pairs=len(first),
        different_labels=int(is_different.sum()),
        across=int(in_test.sum()),
        test_examples=len(np.unique(second[in_test])),
        examples=SimilarExamples(
            neighbors=index[:num_train],
            similarity=similarity[:num_train],
            test_neighbors=index[num_train:],
            test_similarity=similarity[num_train:],
            first=first,
            second=second - np.where(in_test, num_train, 0),
            in_test=in_test,
            likeness=likeness,
            different_labels=is_different[order],
        ),
    )
