"""Exports a study in the file layouts of other tools; `studies.exports` writes the files."""

import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from absl import logging
from etils import epy

from memkit import studies
from memkit.analysis.outcomes import PointOutcomes, read_outcomes
from memkit.errors import expected
from memkit.studies import Point, Study, exports
from memkit.typing import BoolArray, FloatArray, IntArray, Path

with epy.lazy_imports():  # Slow to import.
    import scipy.special

FORMATS = ("feldman_zhang", "aux_arrays", "cleanlab", *exports.TABLE_FORMATS)
NEED_ESTIMATES = ("feldman_zhang", *exports.TABLE_FORMATS)
_RUNS_IN_MEMORY = 8


def export(study: Study, points: Sequence[Point], layout: str, out: Path) -> list[os.PathLike[str]]:
    """Writes points of a study into a folder, in one of `FORMATS`.

    Args:
      study: Study.
      points: list of Point.
      layout: "feldman_zhang" (index, class-wise influence matrices and high-influence pairs, all
        on 0/1 outcomes), "aux_arrays" (a tree with the outcomes of every run), "cleanlab" (given
        labels and out-of-sample probabilities of every class; approximate ones, see
        `label_and_vote`, if the records lack those of other classes), "csv" or "parquet" (the
        table of `memkit estimate`).
      out: folder.

    Returns:
      The paths written.

    Raises:
      InputError: the study lacks what the format needs; the message names the command that
        computes it.
    """
    if layout in exports.TABLE_FORMATS:
        return [exports.export_table(study, point, layout, out) for point in points]
    write = {"feldman_zhang": _feldman_zhang, "aux_arrays": _aux_arrays, "cleanlab": _cleanlab}[
        layout
    ]
    return [path for point in points for path in write(study, point, out)]


def _feldman_zhang(study: Study, point: Point, out: Path) -> list[os.PathLike[str]]:
    pairs = studies.read_arrays(study, "influence", point=point)
    if pairs is None:
        raise expected("--workdir", "a study with influence (run `memkit estimate`)", point.name)
    memorization = studies.read_estimates(study, point)["correct"].value
    return [
        exports.export_index(study, point, memorization, out),
        exports.export_pairs(study, point, pairs, out),
        exports.export_matrices(study, point, memorization, _classes(study, point), out),
    ]


def _classes(study: Study, point: Point) -> Iterator[tuple[int, IntArray, IntArray, FloatArray]]:
    """Yields (class, train columns, test columns, influence) of classes that have both."""
    outcomes = _outcomes(study, point)
    mask = outcomes.test_mask
    for label in range(study.sizes.classes):
        train = np.flatnonzero(study.examples.given_labels == label)
        test = np.flatnonzero(study.examples.test_labels == label)
        if len(train) and len(test):
            yield label, train, test, matrix(outcomes.test_correct[:, test], mask[:, train])


def _outcomes(study: Study, point: Point) -> PointOutcomes:
    outcomes = read_outcomes(study, point)
    if not len(outcomes.index):
        raise expected("--points", "points with usable runs", point.name)
    return outcomes


def matrix(test_outcome: BoolArray, train_mask: BoolArray) -> FloatArray:
    """Returns the influence of n train examples on t test examples, [n, t] float32.

    influence[i, j] = mean outcome of test example j over the runs that trained on i, minus the
    mean over the other runs (Feldman & Zhang 2020); higher = helps more.

    Args:
      test_outcome: [M, t] bool.
      train_mask: [M, n] bool.

    Returns:
      NaN in the rows of examples that all runs or no run trained on.
    """
    outcome, mask = test_outcome.astype(np.float32), train_mask.astype(np.float32)
    # Sums of 0/1 are exact in float32; from here on float64 keeps equal estimates equal.
    in_sum = (mask.T @ outcome).astype(np.float64)
    out_sum = outcome.sum(axis=0, dtype=np.float64) - in_sum
    num_in = mask.sum(axis=0, dtype=np.float64)[:, None]
    num_out = len(mask) - num_in
    in_mean = in_sum / np.where(num_in > 0, num_in, np.nan)
    return (in_mean - out_sum / np.where(num_out > 0, num_out, np.nan)).astype(np.float32)


def _aux_arrays(study: Study, point: Point, out: Path) -> list[os.PathLike[str]]:
    outcomes = _outcomes(study, point)
    if len(outcomes.runs) != len(outcomes.index):
        raise expected("--format", "another format for runs that leave one out", "aux_arrays")
    folders = {
        exports.export_run(study, point, run, correct, test_correct, out)
        for run, correct, test_correct in zip(
            outcomes.index, outcomes.correct, outcomes.test_correct, strict=True
        )
    }
    return sorted(folders)


def _cleanlab(study: Study, point: Point, out: Path) -> list[os.PathLike[str]]:
    index = _outcomes(study, point).runs
    if not point.config["record"]["all_probs"]:
        logging.info(
            "%s: its records have only the probability of the given label and the predicted class "
            "(record.all_probs was off), so the probabilities of other classes are approximate",
            point.name,
        )
    mean_probs = out_probs(_each_probs(study, point, index), study.train_mask[index])
    held_out = ~np.isnan(mean_probs).any(axis=1)
    if not held_out.all():
        logging.warning(
            "%s: %d examples that no run held out are left out", point.name, (~held_out).sum()
        )
    return exports.export_probs(study, point, np.flatnonzero(held_out), mean_probs[held_out], out)


def _each_probs(study: Study, point: Point, index: IntArray) -> Iterator[FloatArray]:
    """Yields the probabilities [N, C] of each run; only a few runs are in memory at a time."""
    has_all = point.config["record"]["all_probs"]
    names = ("train_probs",) if has_all else ("train_logodds", "train_predicted")
    for start in range(0, len(index), _RUNS_IN_MEMORY):
        runs = index[start : start + _RUNS_IN_MEMORY].tolist()
        arrays = studies.read_runs(study, point, names, among=runs).arrays
        if has_all:
            yield from arrays["train_probs"]
            continue
        labels, num_classes = study.examples.given_labels, study.sizes.classes
        for logodds, predicted in zip(*(arrays[name] for name in names), strict=True):
            yield label_and_vote(logodds, predicted, labels, num_classes)


def label_and_vote(
    logodds: FloatArray, predicted: IntArray, labels: IntArray, num_classes: int
) -> FloatArray:
    """Returns the probabilities of all classes that follow from the label's and from the vote.

    What the given label leaves goes to the predicted class, or evenly to all others if the given
    label is the prediction.

    Args:
      logodds: [N] log p - log(1 - p) of the given labels.
      predicted: [N] int, the predicted classes.
      labels: [N] int, the given labels.
      num_classes: C, at least 2.

    Returns:
      float64 [N, C], rows sum to 1.

    Examples:
      >>> label_and_vote(np.zeros(2), np.array([2, 0]), np.array([0, 0]), 3).tolist()
      [[0.5, 0.0, 0.5], [0.5, 0.25, 0.25]]
    """
    rows, rest = np.arange(len(labels)), scipy.special.expit(-logodds.astype(np.float64))
    is_right = predicted == labels
    evenly = np.where(is_right, rest / (num_classes - 1), 0)
    probs = np.repeat(evenly[:, None], num_classes, axis=1)
    probs[rows, predicted] = rest
    probs[rows, labels] = 1 - rest
    return probs


def out_probs(probs: Iterable[FloatArray], train_mask: BoolArray) -> FloatArray:
    """Returns the mean probability of each class over the runs that held an example out, [N, C].

    Args:
      probs: M arrays [N, C], the probabilities of every class by each run.
      train_mask: [M, N] bool, True where run m trained on example i.

    Returns:
      float64, rows sum to 1; NaN in the rows of examples that no run held out.
    """
    total: FloatArray = np.zeros(())
    for run_probs, mask in zip(probs, train_mask, strict=True):
        total = total + np.where(mask[:, None], 0, run_probs.astype(np.float64))
    # Probabilities in half precision sum to 1 within some thousandths only.
    mass = total.sum(axis=1, keepdims=True)
    return total / np.where(mass > 0, mass, np.nan)
