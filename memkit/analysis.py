"""From run records to estimates, trajectories and the summary of a study."""

import dataclasses

import numpy as np
import scipy.special
from absl import logging

from memkit import estimators, records, studies, trajectories
from memkit import summary as summary_lib

ALPHAS = (0.1, 0.2, 0.3)
RECORDED = ("train_correct", "train_logodds", "test_correct")


@dataclasses.dataclass(frozen=True)
class PointOutcomes:
    """What the usable runs of one point say; diverged runs are left out.

    Attributes:
      point: Point.
      index: [R] int, which runs.
      correct: [R, N] bool, the prediction equals the given label.
      prob: [R, N] float32, probability of the given label.
      test_correct: [R, T] bool.
      infos: the info of every readable record, diverged ones too.
    """

    point: studies.Point
    index: np.ndarray
    correct: np.ndarray
    prob: np.ndarray
    test_correct: np.ndarray
    infos: tuple

    def count(self, status):
        """Returns how many readable records have a status."""
        return sum(info["status"] == status for info in self.infos)


def estimate(study):
    """Estimates every point with at least two usable runs, and the trajectories; writes both.

    Args:
      study: Study.

    Returns:
      The summary without the times of the command: points, trajectory classes, reliability.
    """
    outcomes = [read_outcomes(study, point) for point in study.points]
    axis = study.config["axis"]
    summary = {"axis": axis if axis["field"] else None, "points": [], "split_half": {}}
    counts = ("train_copies", "groups_with_different_labels", "test_in_train")
    summary["duplicates"] = {name: studies.duplicates(study)[name] for name in counts}
    summary["train_seconds"] = sum(i["seconds"] for o in outcomes for i in o.infos)
    for point_outcomes in outcomes:
        mask = study.train_mask[point_outcomes.index]
        found = {
            name: estimators.memorization(getattr(point_outcomes, name), mask)
            for name in studies.OUTCOMES
        }
        studies.write_estimates(study, point_outcomes.point, found)
        summary["points"].append(summary_lib.of_point(study, point_outcomes, found))
        half = estimators.split_half(point_outcomes.correct, mask, study.config["seed"])
        summary["split_half"][point_outcomes.point.name] = dataclasses.asdict(half)
    found = _trajectories(study, outcomes)
    studies.write_trajectories(study, {name: arrays for name, (arrays, _) in found.items()})
    for key in ("", "_null", "_nonconstant"):
        summary[f"trajectory_classes{key}"] = {
            name: {str(alpha): shares[alpha][key] for alpha in ALPHAS}
            for name, (_, shares) in found.items()
        }
    return summary


def read_outcomes(study, point):
    """Reads a point's records; warns of each file that is not a record and of diverged runs."""
    runs = studies.read_runs(study, point, RECORDED)
    for name, reason in runs.problems.items():
        logging.warning("%s is left out: %s; `memkit train` makes it again", name, reason)
    status = np.array([info["status"] for info in runs.infos], dtype=str)
    for bad in ("diverged", "blocked", "collapsed"):
        consequence = "kept" if bad in records.USABLE else "left out"
        if (status == bad).any():
            numbers = ", ".join(map(str, runs.index[status == bad]))
            logging.warning("%s: runs %s are %s and %s", point.name, numbers, bad, consequence)
    usable = np.isin(status, records.USABLE)
    sizes = study.sizes
    arrays = {
        name: runs.arrays[name][usable] if runs.arrays else np.empty((0, length), dtype)
        for name, length, dtype in (
            ("train_correct", sizes.train, bool),
            ("train_logodds", sizes.train, np.float16),
            ("test_correct", sizes.test, bool),
        )
    }
    return PointOutcomes(
        point=point,
        index=runs.index[usable],
        correct=arrays["train_correct"],
        prob=scipy.special.expit(arrays["train_logodds"].astype(np.float32)),
        test_correct=arrays["test_correct"],
        infos=runs.infos,
    )


def _trajectories(study, outcomes):
    """Returns {series: (arrays of trajectories.npz, {alpha: {"": shares, "_null": ...}})}."""
    found = {}
    for series in study.config["series"]:
        along = [o for o in outcomes if o.point.series == series and len(o.index)]
        if len(along) < 2:
            continue
        common = sorted(set.intersection(*(set(o.index) for o in along)))
        rows = [o.correct[np.isin(o.index, common)] for o in along]
        if len(common) < 2:
            continue
        found[series] = _series_trajectories(study, along, np.stack(rows), study.train_mask[common])
    return found


def _series_trajectories(study, along, correct, mask):
    """Trajectories over the runs that every point of a series has."""
    stacked = trajectories.stack([estimators.memorization(rows, mask) for rows in correct])
    test = trajectories.permutation_null(correct, mask, ALPHAS, seed=study.config["seed"])
    arrays = {
        "points": np.array([o.point.name for o in along]),
        "values": np.array([o.point.axis_value for o in along]),
        "runs": len(mask),
        **vars(stacked),
        "p": test.p,
    }
    shares = {}
    for alpha in ALPHAS:
        classes = trajectories.classify(stacked.value, alpha, test.p)
        arrays[f"classes_{alpha}"] = classes
        shares[alpha] = {
            "": trajectories.shares(classes),
            "_null": test.null_shares[alpha],
            "_nonconstant": trajectories.shares_among_nonconstant(classes),
        }
    return arrays, shares
