"""Distilled students against models of their size trained on the labels, over the same runs.

Lukasik et al. (2024): distillation lowers memorization, most of all for examples whose memorization
grows with size. An example whose one-hot score came out high by chance is more often called
increasing, and its change then comes out too low: regression to the mean imitates the finding. So
changes per class of trajectory are also measured with classes from the other half of the runs.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from memkit import big_arrays, estimators, seeds, studies, trajectories
from memkit.analysis import noise_free
from memkit.analysis.common_runs import CommonRuns, common_runs
from memkit.analysis.distillation.result import (
    ClassChange,
    Distillation,
    SeriesDistillation,
    SizeChange,
)
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.analysis.trajectories.result import ALPHAS
from memkit.estimators import DatasetMeans, paired, units
from memkit.studies import Study
from memkit.typing import Array, BoolArray, FloatArray, IntArray

ONE_HOT = "one_hot"
DISTILLED = "distilled"  # prefix of every series of students


@dataclasses.dataclass(frozen=True)
class Pair:
    """A one-hot and a distilled point of the same size, with the runs that both have.

    Attributes:
      one_hot: PointOutcomes.
      distilled: PointOutcomes.
      common: the runs that both have.
    """

    one_hot: PointOutcomes
    distilled: PointOutcomes
    common: CommonRuns

    def rows(self, name: str, runs: CommonRuns | None = None) -> tuple[Array, Array]:
        """Returns an array of both points, such as "correct", of the common runs or of `runs`."""
        runs = self.common if runs is None else runs
        return runs.take(self.one_hot, name), runs.take(self.distilled, name)


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> Distillation:
    """Returns the changes by distillation in every distilled series.

    Every change is distilled minus one-hot: negative memorization = distillation lowers it.
    """
    changes: dict[str, SeriesDistillation] = {}
    histograms: dict[str, Array] = {}
    for series in study.config["series"]:
        pairs = _pairs(outcomes, series) if series.startswith(DISTILLED) else []
        if not pairs:
            continue
        common = common_runs([point for pair in pairs for point in (pair.one_hot, pair.distilled)])
        changes[series] = SeriesDistillation(
            sizes=tuple(_of_size(pair) for pair in pairs),
            num_runs=common.num_units,
            classes=_of_classes(study, pairs, common),
        )
        for name in studies.OUTCOMES:
            both = [_joint(pair, name) for pair in pairs]
            histograms[f"{series}/{name}"] = np.stack([counts for counts, _ in both])
            histograms["edges"] = both[0][1]
    return Distillation(changes, histograms)


def _pairs(outcomes: Sequence[PointOutcomes], series: str) -> list[Pair]:
    """Returns the Pairs of a distilled series along the axis that have at least two runs."""
    pairs = []
    for distilled in (o for o in outcomes if o.point.series == series):
        for one_hot in outcomes:
            position = one_hot.point.series, one_hot.point.axis_value
            if position != (ONE_HOT, distilled.point.axis_value):
                continue
            common = common_runs([one_hot, distilled])
            if common.num_units > 1:
                pairs.append(Pair(one_hot, distilled, common))
    return pairs


def _of_size(pair: Pair) -> SizeChange:
    """Returns the changes at one size."""
    mask, unit, num_units = pair.common.mask, pair.common.unit, pair.common.num_units
    before, after = pair.rows("correct")
    (change,) = paired.change_of_means(before, after, mask, unit=unit)
    (prob,) = paired.change_of_means(*pair.rows("prob"), mask, unit=unit)
    tests = _test_accuracies(pair)
    point = pair.distilled.point
    return SizeChange(
        name=point.name,
        series=point.series,
        axis_value=point.axis_value,
        one_hot=pair.one_hot.point.name,
        teacher=point.teacher,
        num_runs=num_units,
        memorization=change.memorization,
        memorization_prob=prob.memorization,
        in_mean=change.in_mean,
        out_mean=change.out_mean,
        test_accuracy=paired.paired_mean(*tests),
        shape=noise_free.change(
            pair.one_hot.noise_free, pair.distilled.noise_free, np.ones(mask.shape[1], bool)
        ),
    )


def _test_accuracies(pair: Pair) -> list[FloatArray]:
    """Returns the mean test accuracy [U] of the runs of each common unit, of both points."""
    accuracies = []
    for point in (pair.one_hot, pair.distilled):
        chosen = np.isin(point.test_unit, pair.common.unit)
        accuracy = point.test_accuracy[chosen]
        accuracies.append(units.means(accuracy, point.test_unit[chosen]))
    return accuracies


def _joint(pair: Pair, outcome: str) -> tuple[IntArray, FloatArray]:
    one_hot, distilled = (_values(rows, pair.common.mask) for rows in pair.rows(outcome))
    return paired.joint_histogram(distilled, one_hot)


def _values(outcome: Array, mask: BoolArray) -> FloatArray:
    """Returns memorization [N] without its intervals."""
    return estimators.replicate_memorization(outcome, mask, np.ones((1, len(mask))))[0]


def _of_classes(
    study: Study, pairs: Sequence[Pair], common: CommonRuns
) -> dict[float, dict[str, ClassChange]]:
    """Returns {alpha: {class: ClassChange}} for the classes of the one-hot trajectories."""
    if len(pairs) < 2 or common.num_units < 4:
        return {}
    same = _changes(study, pairs, select=common, measure=common)
    order = np.unique(common.unit)
    order = order[seeds.stream(study.config["seed"], "distillation_halves").permutation(len(order))]
    halves = [
        common.among(common.index[np.isin(common.unit, half)])
        for half in (order[: len(order) // 2], order[len(order) // 2 :])
    ]
    crossed = [_changes(study, pairs, select=a, measure=b) for a, b in (halves, halves[::-1])]
    total = sum(row[-1].num_examples for row in same.values()) / len(ALPHAS)
    classes: dict[float, dict[str, ClassChange]] = {}
    for (alpha, name), changes in same.items():
        *at_sizes, mean = changes
        share = mean.num_examples / total if total else np.nan
        of_halves = [half[alpha, name][-1] for half in crossed]
        classes.setdefault(alpha, {})[name] = ClassChange(
            count=mean.num_examples,
            share=share,
            change=mean.memorization,
            disjoint=paired.combine([(half.memorization, half.num_examples) for half in of_halves]),
            disjoint_count=sum(half.num_examples for half in of_halves) / 2,
            contribution=share * mean.memorization.value if mean.num_examples else 0.0,
            by_size=tuple(at_size.memorization for at_size in at_sizes),
        )
    return classes


def _changes(
    study: Study, pairs: Sequence[Pair], *, select: CommonRuns, measure: CommonRuns
) -> dict[tuple[float, str], list[DatasetMeans]]:
    """Measures changes in some runs for classes of trajectory from others.

    Returns:
      {(alpha, class): [DatasetMeans at each size, then of the mean over sizes]}.
    """
    one_hot = [pair.rows("correct", select)[0] for pair in pairs]
    value = np.stack([_values(rows, select.mask) for rows in one_hot], axis=1)
    test = trajectories.change_test(one_hot, select.mask, ALPHAS, seed=study.config["seed"])
    keys, members = [], []
    for alpha in ALPHAS:
        classes = trajectories.classify(value, alpha, test.p)
        for code, name in enumerate(trajectories.CLASSES):
            keys.append((alpha, name))
            members.append(classes == code)
    outcomes = [pair.rows("correct", measure) for pair in pairs]
    before, after = (big_arrays.mean(list(rows)) for rows in zip(*outcomes, strict=True))
    groups = np.stack(members, axis=1)
    changes = [
        paired.change_of_means(one_hot, distilled, measure.mask, groups, unit=measure.unit)
        for one_hot, distilled in (*outcomes, (before, after))
    ]
    return {key: [at_size[k] for at_size in changes] for k, key in enumerate(keys)}
