"""Loads the outcomes of a point's runs as arrays, each record once."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging
from etils import epy

from memkit import big_arrays, estimators, proxies, records, studies
from memkit.analysis import joined, noise_free
from memkit.analysis.noise_free import NoiseFree
from memkit.estimators import Estimate, audit, units
from memkit.estimators.pooled import Posterior, posterior
from memkit.studies import Point, Study
from memkit.typing import Array, BoolArray, FloatArray, IntArray, Json

with epy.lazy_imports():  # Slow to import.
    import scipy.special

RECORDED = ("train_correct", "train_logodds", "train_predicted", "test_correct", "test_logodds")
CURVE = ("curve",)
HISTORY = ("label_probability", "area_under_margin")  # proxies that the pooled score uses
MAX_PROXY_RUNS = 40  # More runs make proxies no better, and they take much memory.


@dataclasses.dataclass(frozen=True, eq=False)
class PointOutcomes:
    """Outcomes of the usable runs of one point; diverged runs are left out.

    Runs that leave one example out are joined, see `joined`: the R rows are then fewer than the Q
    runs. In all other studies R = Q, and `mask` is `test_mask`.

    Attributes:
      point: Point.
      index: [R] int, numbers of the runs; of the first of the runs that are joined.
      unit: [R] int, the sampling unit of each row, see `estimators.units`.
      mask: [R, N] bool, True where a run trained on an example.
      correct: [R, N] bool, the prediction equals the given label.
      prob: [R, N] float32, probability of the given label.
      logodds: [R, N] float16, log-odds of the given label.
      predicted: [R, N] int, the predicted class.
      runs: [Q] int, numbers of all usable runs.
      test_mask: [Q, N] bool, True where a run trained on an example.
      test_unit: [Q] int, the sampling unit of each run.
      test_correct: [Q, T] bool.
      test_prob: [Q, T] float32, probability of the label of a test example.
      curve: [Q, epochs, 3] float32, see `records.SCHEMA`; [0] without `with_training`.
      proxy_index: [H] int, numbers of the runs that proxies are computed from, the first of
        `index`; [0] without `with_training`.
      proxies: {proxy: [H, N] float32}, in the units of `proxies.PROXIES`.
      features: [N, L] float, of images and labels alone, for the pooled score; see
        `image_features`.
      infos: the info of every valid record, including diverged runs.
      left_out: {run: why its file is not a valid record}.
    """

    point: Point
    index: IntArray
    unit: IntArray
    mask: BoolArray
    correct: BoolArray
    prob: FloatArray
    logodds: FloatArray
    predicted: IntArray
    runs: IntArray
    test_mask: BoolArray
    test_unit: IntArray
    test_correct: BoolArray
    test_prob: FloatArray
    curve: FloatArray
    proxy_index: IntArray
    proxies: Mapping[str, FloatArray]
    features: FloatArray
    infos: tuple[Json, ...]
    left_out: Mapping[int, str]

    @property
    def source(self) -> studies.Source:
        """The records from which the estimates of this point are computed."""
        checksums = {info["run"]: info["checksum"] for info in self.infos}
        return studies.Source(self.point.fingerprint, checksums, dict(self.left_out))

    @property
    def test_accuracy(self) -> FloatArray:
        """Accuracy of each run on the test examples, [Q] float; NaN without test examples."""
        if not self.test_correct.shape[1]:
            return np.full(len(self.test_correct), np.nan)
        return self.test_correct.mean(axis=1)

    @functools.cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Memorization by each of `studies.SCORES`.

        Pooled intervals assume that the arms are independent. Where runs are paired across the
        arms, the pooled score is therefore the one by right or wrong answers.
        """
        scores = {
            name: estimators.memorization(getattr(self, name), self.mask, self.unit)
            for name in studies.OUTCOMES
        }
        return scores | {"pooled": self.posterior.estimate}

    @functools.cached_property
    def posterior(self) -> Posterior:
        """The pooled scores with the posterior distributions of both rates."""
        return self.posterior_of(np.arange(len(self.index)), np.arange(self.mask.shape[1]))

    def posterior_of(self, rows: IntArray, examples: IntArray) -> Posterior:
        """Returns the posterior that follows from some rows [r], for some examples [n]."""
        correct, logodds, mask = (
            big_arrays.take(big_arrays.take(array, rows), examples, axis=1)
            for array in (self.correct, self.logodds, self.mask)
        )
        if self.num_units < len(self.unit):
            raw = estimators.memorization(correct, mask, self.unit[rows])
            return Posterior(raw, raw, None)
        recorded = np.isin(self.proxy_index, self.index[rows])
        history = [
            proxies.average(self.proxies[name][recorded])[examples]
            for name in HISTORY
            if name in self.proxies and recorded.any()
        ]
        return posterior(
            correct,
            logodds,
            mask,
            history=np.stack(history, axis=1) if history else None,
            features=self.features[examples],
        )

    @functools.cached_property
    def noise_free(self) -> NoiseFree:
        """True memorization, as far as the runs tell."""
        return noise_free.scores(self, self.point.config["seed"])

    @functools.cached_property
    def num_units(self) -> int:
        """The number of sampling units."""
        return len(np.unique(self.unit))

    def with_copies(self, groups: Sequence[IntArray]) -> BoolArray:
        """Returns [R, N] bool, True where a run trained on an example or on an exact copy of it.

        Args:
          groups: int arrays, one for each set of identical images.
        """
        if self.num_units == len(self.unit):
            return audit.with_copies(self.mask, groups)
        in_subset = self.mask.copy()
        for group in groups:  # A run that leaves out one example trains on its copies.
            in_subset[:, group] = True
        return in_subset

    def count(self, status: str) -> int:
        """Returns how many readable records have a status."""
        return sum(info["status"] == status for info in self.infos)


def image_features(study: Study) -> FloatArray:
    """Returns how well the other examples predict each given label, [N, 1], from the thumbnails.

    [N, 0] in studies of more than 100,000 examples, whose thumbnails are not read at once.
    """
    pictures = studies.read_thumbnails(study)
    if pictures is None:
        return np.empty((study.sizes.train, 0))
    labels, num_classes = study.examples.given_labels, study.sizes.classes
    return estimators.left_out_margins(pictures[0], labels, num_classes)[:, None]


def read_outcomes(
    study: Study,
    point: Point,
    *,
    with_training: bool = False,
    features: FloatArray | None = None,
) -> PointOutcomes:
    """Reads a point's records; warns of files that are not valid records and of diverged runs.

    Args:
      study: Study.
      point: Point.
      with_training: whether to read the training curves and to compute proxies, too.
      features: `image_features` of the study for the pooled score; None for none.

    Examples:
      >>> study = studies.load(workdir)
      >>> outcomes = read_outcomes(study, study.points[0])
      >>> outcomes.correct.shape, outcomes.test_prob.shape
      ((20, 60), (20, 21))
    """
    of_proxies = _Proxies(study, point) if with_training else None
    names = (*RECORDED, *CURVE) if with_training else RECORDED
    runs = studies.read_runs(study, point, names, each=of_proxies.add if of_proxies else None)
    for name, reason in runs.problems.items():
        logging.warning("%s is left out: %s; `memkit train` trains this run again", name, reason)
    status = np.array([info["status"] for info in runs.infos], dtype=str)
    for failure in ("diverged", "blocked", "collapsed"):
        consequence = "kept" if failure in records.USABLE else "left out"
        if (status == failure).any():
            numbers = ", ".join(map(str, runs.index[status == failure]))
            logging.warning("%s: runs %s are %s and %s", point.name, numbers, failure, consequence)
    usable = np.isin(status, records.USABLE)
    index, sizes = runs.index[usable], study.sizes
    arrays = {name: big_arrays.take(array, usable) for name, array in runs.arrays.items()}
    train, test = (0, sizes.train), (0, sizes.test)
    if not arrays:
        arrays = {
            "train_correct": np.empty(train, bool),
            "train_logodds": np.empty(train, np.float16),
            "train_predicted": np.empty(train, np.uint8),
            "test_correct": np.empty(test, bool),
            "test_logodds": np.empty(test, np.float16),
        }
    mask = big_arrays.take(study.train_mask, index)
    rows = joined.rows(study, point, index)
    return PointOutcomes(
        point=point,
        index=index[rows.first],
        unit=study.unit[index[rows.first]],
        mask=rows.take(mask),
        correct=rows.take(arrays["train_correct"]),
        prob=_probabilities(rows.take(arrays["train_logodds"])),
        logodds=rows.take(arrays["train_logodds"]),
        predicted=rows.take(arrays["train_predicted"]),
        runs=index,
        test_mask=mask,
        test_unit=study.unit[index],
        test_correct=arrays["test_correct"],
        test_prob=_probabilities(arrays["test_logodds"]),
        curve=arrays["curve"] if "curve" in arrays else np.empty((0, 0, 3), np.float32),
        proxy_index=of_proxies.index if of_proxies else np.empty(0, int),
        proxies=of_proxies.values if of_proxies else {},
        features=np.empty((sizes.train, 0)) if features is None else features,
        infos=runs.infos,
        left_out=runs.damaged,
    )


def num_proxy_runs(study: Study, point: Point) -> int:
    """Returns how many units of a point proxies are computed from, one run each, at most."""
    history = point.config["record"]["history_runs"]
    return min(units.count(study.unit), MAX_PROXY_RUNS, history or MAX_PROXY_RUNS)


class _Proxies:
    """Computes the proxies of a point while its records are read, one run at a time."""

    def __init__(self, study: Study, point: Point) -> None:
        asked = study.sizes_at(point, 0).asked
        recorded = [n for n, field in records.SCHEMA.items() if field.where in ("", *asked)]
        self._names = proxies.available([*recorded, "given_labels"])
        self._study, self._limit = study, num_proxy_runs(study, point)
        self._runs: list[int] = []
        self._stack: FloatArray | None = None  # [proxies, H, N]

    def add(self, run: int, arrays: Mapping[str, Array], info: Json) -> None:
        """Adds a run if it is usable and among the first runs, which record their history."""
        if not self._study.leads_unit(run, self._limit) or info["status"] not in records.USABLE:
            return
        needed = {need for name in self._names for need in proxies.PROXIES[name].needs}
        of_run = {need: arrays[need][None] for need in needed - {"given_labels"}}
        of_run["given_labels"] = self._study.examples.given_labels
        mask = self._study.train_mask[run : run + 1]
        if self._stack is None:
            shape = (len(self._names), self._limit, mask.shape[1])
            self._stack = big_arrays.empty(shape, np.float32)
        for place, name in enumerate(self._names):
            self._stack[place, len(self._runs)] = proxies.in_sample(name, of_run, mask)[0]
        self._runs.append(run)

    @property
    def index(self) -> IntArray:
        """[H] int, numbers of the runs."""
        return np.array(self._runs, int)

    @property
    def values(self) -> dict[str, FloatArray]:
        """{proxy: [H, N] float32}; {} without runs."""
        if self._stack is None:
            return {}
        return {name: of[: len(self._runs)] for name, of in zip(self._names, self._stack)}


def _probabilities(logodds: FloatArray) -> FloatArray:
    """Returns [R, n] float32 of [R, n] float16 log-odds."""
    prob = big_arrays.empty(logodds.shape, np.float32)
    for rows in big_arrays.row_blocks(prob):
        scipy.special.expit(logodds[rows].astype(np.float32), out=prob[rows])
    return prob
