"""Results of questions in which the tests of charts choose every number."""

import numpy as np

from memkit import studies
from memkit.analysis.accuracy.result import PointAccuracy
from memkit.analysis.convergence.result import Halves, PointConvergence
from memkit.analysis.distillation.result import ClassChange
from memkit.analysis.distribution.result import Shape
from memkit.analysis.planted.result import PointPlanted
from memkit.analysis.proxies.result import (
    Leaderboard,
    PointProxies,
    ProxyAgreement,
    SeriesProxies,
)
from memkit.analysis.size_changes.result import Numbers, Restricted, SeriesChanges, SizeChanges
from memkit.analysis.trajectories.result import ALPHAS, ClassShares
from memkit.estimators import DatasetMeans
from memkit.estimators.convergence import POOLED_SCORES, SCORES, Agreement
from memkit.proxies.canaries import Detection
from memkit.trajectories import CLASSES
from tests.numbers import UNDEFINED, number

ACCURACY = PointAccuracy(train_in=number(), train_out=number(), test=number(), outlying_runs=())
MEANS = DatasetMeans(number(), number(), number(), num_examples=5)
PLANTED = PointPlanted(count=5, means=MEANS, auroc=number(), auroc_out_prob=number())


def each(points, entry):
    """Returns {point name: the same entry}."""
    return {point.name: entry for point in points}


def names_of(points):
    """Returns {series: names of its points}."""
    names = {}
    for point in points:
        names.setdefault(point.series, []).append(point.name)
    return names


def class_shares(points):
    """Returns {series: {threshold alpha: ClassShares}} with equal shares of all classes."""
    shares = dict.fromkeys(CLASSES, 1 / len(CLASSES))
    classes = ClassShares(shares=shares, stderr=shares, margin=shares, null=shares, nonconstant={})
    return {series: dict.fromkeys(ALPHAS, classes) for series in names_of(points)}


def size_changes(points, unsaturated=UNDEFINED):
    """Returns SizeChanges whose numbers are 0.1, 0.2, ... along each series.

    Args:
      points: points of a study.
      unsaturated: every number of the unsaturated examples.
    """
    series = {}
    for name, names in names_of(points).items():
        everything = {point: _numbers(number(0.1 * n)) for n, point in enumerate(names, 1)}
        restricted = {
            "all": Restricted(5, everything, None, {}),
            "unsaturated_examples": Restricted(
                0, dict.fromkeys(names, _numbers(unsaturated)), None, {}
            ),
        }
        outcomes = dict.fromkeys(studies.OUTCOMES, restricted)
        series[name] = SeriesChanges(tuple(names), num_runs=4, outcomes=outcomes)
    return SizeChanges(series)


def _numbers(every):
    means = DatasetMeans(every, every, every, num_examples=5)
    return Numbers(means, Shape(every, every, every, every, every))


def convergence(points, pearson):
    """Returns {point name: PointConvergence}; pearson is {runs in a half: correlation}."""
    halves = tuple(
        Halves(Agreement(runs, np.nan, correlation, 9), np.nan, np.nan)
        for runs, correlation in pearson.items()
    )
    by_score = dict.fromkeys(SCORES, halves)
    agreement = dict.fromkeys(studies.OUTCOMES, by_score)
    agreement["pooled"] = dict.fromkeys(POOLED_SCORES, halves)
    return each(points, PointConvergence(40, agreement, {}))


def class_change(change, disjoint, count=3):
    """Returns the ClassChange of a class with `count` examples."""
    return ClassChange(
        count=count,
        share=0.1,
        change=change,
        disjoint=disjoint,
        disjoint_count=count,
        contribution=0.0,
        by_size=(),
    )


def leaderboard(statistics, agreements):
    """Returns the Leaderboard of {proxy: its agreement by every statistic}; the ceiling is 0.9."""
    return Leaderboard(
        num_runs=20,
        num_proxy_runs=10,
        reliability=dict.fromkeys(statistics, 0.81),
        ceiling=dict.fromkeys(statistics, number(0.9, 0.02)),
        proxies={
            proxy: dict.fromkeys(statistics, ProxyAgreement(number(value, 0.02), value - 0.2, 0.05))
            for proxy, value in agreements.items()
        },
    )


def point_proxies(agreements, groups):
    """Returns PointProxies of {proxy: agreement}; canaries if a group is "planted"."""
    canaries = {"memorization": Detection(number(0.9))}
    canaries |= dict.fromkeys(agreements, Detection(number(0.9), 0.7))
    return PointProxies(
        board=leaderboard(("spearman", "pearson"), agreements),
        means={proxy: dict.fromkeys(groups, number(2.5, 0.1)) for proxy in agreements},
        canaries=canaries if "planted" in groups else {},
    )


def series_proxies(statistics, agreements):
    """Returns SeriesProxies of {proxy: agreement}."""
    return SeriesProxies((), 5, 4, leaderboard(statistics, agreements))
