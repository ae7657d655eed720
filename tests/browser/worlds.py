"""Synthetic studies for the browser tests."""

import dataclasses

import numpy as np

from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.influence.result import Influence
from memkit.analysis.similar_images.result import FEATURES, SimilarExamples, SimilarImages
from memkit.analysis.trajectories.result import TrajectoryClasses
from memkit.seeds import stream
from tests import simulated

DIGITS = 1_797


def large(count, num_test=10_000):
    """Returns a Content of `count` examples: simulated digits, drawn again with some noise."""
    base, draw = simulated.build(count=DIGITS), stream(0, "tests/browser")
    rows = draw.integers(0, DIGITS, count)
    test = draw.integers(0, DIGITS, num_test)

    def drawn(arrays):
        per_example = {name for name, array in arrays.items() if np.shape(array)[:1] == (DIGITS,)}
        return {name: a[rows] if name in per_example else a for name, a in arrays.items()}

    def noisy(estimate):
        parts = drawn(vars(estimate))
        for key in ("in_mean", "out_mean"):
            parts[key] = np.clip(parts[key] + 0.02 * draw.standard_normal(count), 0, 1)
        parts["value"] = parts["in_mean"] - parts["out_mean"]
        parts |= {"lower": parts["value"] - 0.1, "upper": parts["value"] + 0.1}
        return dataclasses.replace(estimate, **parts)

    accuracy, trajectories = base.results[Accuracy], base.results[TrajectoryClasses]
    predictions = {point: drawn(arrays) for point, arrays in accuracy.predictions.items()}
    content = dataclasses.replace(
        base,
        ids=np.array([f"train/{i:06d}.png" for i in range(count)]),
        labels=base.labels[rows],
        given_labels=base.given_labels[rows],
        thumbnails=base.thumbnails[rows],
        test_ids=np.array([f"test/{i:05d}.png" for i in range(num_test)]),
        test_labels=base.labels[test],
        test_thumbnails=base.thumbnails[test],
        scores={p: {k: noisy(e) for k, e in s.items()} for p, s in base.scores.items()},
    )
    content = simulated.with_results(
        content,
        Accuracy(accuracy.points, predictions),
        TrajectoryClasses(trajectories.series, drawn(trajectories.arrays)),
    )
    return with_influence(content, per_example=10)


def with_influence(content, *, per_example):
    """Returns a Content with strongest influences of every example, the first listed with q."""
    draw, shape = stream(0, "tests/browser/influence"), (len(content.ids), per_example)
    arrays = {}
    for point in content.summary.points:
        index = draw.integers(0, len(content.test_ids), shape).astype(np.int32)
        infl = -np.sort(-draw.beta(2, 20, shape).astype(np.float32), axis=1)
        # The last example acts on nothing.
        index[-1], infl[-1] = -1, np.nan
        arrays[point.name] = {
            "train_top_idx": index,
            "train_top_infl": infl,
            "tr_idx": np.arange(0, 40, 2),
            "tt_idx": index[:40:2, 0],
            "q": np.linspace(0, 0.2, 20),
        }
    return simulated.with_results(content, Influence(points={}, arrays=arrays))


def with_similar(content):
    """Returns a Content in which the nearest neighbors of an example are those after it."""
    count, none = len(content.ids), np.empty(0, int)
    neighbors = (np.arange(count)[:, None] + 1 + np.arange(8)) % count
    similarity = np.tile(np.float32(1 - np.arange(8) / 8), (count, 1))
    examples = SimilarExamples(
        neighbors=neighbors,
        similarity=similarity,
        test_neighbors=neighbors[:0],
        test_similarity=similarity[:0],
        first=none,
        second=none,
        in_test=none.astype(bool),
        likeness=none.astype(np.float32),
        different_labels=none.astype(bool),
    )
    return simulated.with_results(
        content, SimilarImages(content.summary.points[-1].name, FEATURES, 4, 0, 0, 0, 0, examples)
    )
