"""Loads the outcomes of a point's runs as arrays."""

import dataclasses

import numpy as np
import scipy.special
from absl import logging

from memkit import big_arrays, records, studies
from memkit.studies import Point, Study
from memkit.typing import BoolArray, FloatArray, IntArray, Json

RECORDED = ("train_correct", "train_logodds", "test_correct", "test_logodds")


@dataclasses.dataclass(frozen=True)
class PointOutcomes:
    """Outcomes of the usable runs of one point; diverged runs are left out.

    Attributes:
      point: Point.
      index: [R] int, numbers of the runs.
      correct: [R, N] bool, the prediction equals the given label.
      prob: [R, N] float32, probability of the given label.
      test_correct: [R, T] bool.
      test_prob: [R, T] float32, probability of the label of a test example.
      infos: the info of every valid record, including diverged runs.
      left_out: {run: why its file is not a valid record}.
    """

    point: Point
    index: IntArray
    correct: BoolArray
    prob: FloatArray
    test_correct: BoolArray
    test_prob: FloatArray
    infos: tuple[Json, ...]
    left_out: dict[int, str] = dataclasses.field(default_factory=dict)

    @property
    def source(self) -> studies.Source:
        """The records from which the estimates of this point are computed."""
        records = {info["run"]: info["checksum"] for info in self.infos}
        return studies.Source(self.point.fingerprint, records, self.left_out)

    def count(self, status: str) -> int:
        """Returns how many readable records have a status."""
        return sum(info["status"] == status for info in self.infos)


def read_outcomes(study: Study, point: Point) -> PointOutcomes:
    """Reads a point's records; warns of files that are not valid records and of diverged runs."""
    runs = studies.read_runs(study, point, RECORDED)
    for name, reason in runs.problems.items():
        logging.warning("%s is left out: %s; `memkit train` trains this run again", name, reason)
    status = np.array([info["status"] for info in runs.infos], dtype=str)
    for failure in ("diverged", "blocked", "collapsed"):
        consequence = "kept" if failure in records.USABLE else "left out"
        if (status == failure).any():
            numbers = ", ".join(map(str, runs.index[status == failure]))
            logging.warning("%s: runs %s are %s and %s", point.name, numbers, failure, consequence)
    usable = np.isin(status, records.USABLE)
    sizes = study.sizes
    arrays = {
        name: big_arrays.take(runs.arrays[name], usable)
        if runs.arrays
        else np.empty((0, length), dtype)
        for name, length, dtype in (
            ("train_correct", sizes.train, bool),
            ("train_logodds", sizes.train, np.float16),
            ("test_correct", sizes.test, bool),
            ("test_logodds", sizes.test, np.float16),
        )
    }
    return PointOutcomes(
        point=point,
        index=runs.index[usable],
        correct=arrays["train_correct"],
        prob=_probabilities(arrays["train_logodds"]),
        test_correct=arrays["test_correct"],
        test_prob=_probabilities(arrays["test_logodds"]),
        infos=runs.infos,
        left_out=runs.damaged,
    )


def _probabilities(logodds: FloatArray) -> FloatArray:
    """Returns [R, n] float32 of [R, n] float16 log-odds."""
    prob = big_arrays.empty(logodds.shape, np.float32)
    for rows in big_arrays.row_blocks(prob):
        scipy.special.expit(logodds[rows].astype(np.float32), out=prob[rows])
    return prob
