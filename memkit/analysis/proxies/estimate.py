"""Estimates the agreement of proxies with memorization at each size and across sizes."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from memkit import big_arrays, estimators, proxies, trajectories
from memkit.analysis.common_runs import CommonRuns, common_runs
from memkit.analysis.outcomes import PointOutcomes, num_proxy_runs
from memkit.analysis.proxies.result import (
    Leaderboard,
    PointProxies,
    Proxies,
    ProxyAgreement,
    SeriesProxies,
)
from memkit.analysis.summary import Results
from memkit.analysis.trajectories.result import TrajectoryClasses
from memkit.estimators import WithError, grouped, units
from memkit.proxies import canaries, correlations, leaderboard
from memkit.studies import Study
from memkit.typing import BoolArray, FloatArray, IntArray

ALPHA = 0.1  # threshold of the classes of trajectory
NUM_SPLITS = 4
NUM_REPLICATES = 50
_LEAST = 4  # runs of a point


def analyze(study: Study, outcomes: Sequence[PointOutcomes], results: Results) -> Proxies:
    """Returns agreement with memorization, detection of planted labels, and averaged proxies."""
    num_runs = max((num_proxy_runs(study, o.point) for o in outcomes), default=0)
    num_units, seed = units.count(study.unit), study.config["seed"]
    splits = leaderboard.halves(num_units, num_runs, seed, NUM_SPLITS)[:, study.unit]
    classes = results[TrajectoryClasses]
    by_series: dict[str, SeriesProxies] = {}
    usable = [o for o in outcomes if o.proxies and o.num_units >= _LEAST]
    for series in study.config["series"]:
        along = [o for o in usable if o.point.series == series]
        if len(along) >= 2:
            codes = _codes(study, series, classes)
            by_series[series] = _of_series(study, codes, along, splits)
    return Proxies(
        num_runs=num_runs,
        points={o.point.name: _of_point(study, o, splits) for o in usable},
        series=by_series,
        planted_classes=_planted_classes(study, classes),
        averaged={
            o.point.name: {
                name: proxies.average(values).astype(np.float32)
                for name, values in o.proxies.items()
            }
            for o in outcomes
            if o.proxies
        },
    )


def _of_point(study: Study, outcomes: PointOutcomes, splits: BoolArray) -> PointProxies:
    index, history, planted = outcomes.index, outcomes.proxy_index, study.examples.planted
    values = {name: [of_point] for name, of_point in outcomes.proxies.items()}
    statistics = correlations.AT_ONE_SIZE
    runs = _Runs(common_runs([outcomes]), history)
    groups = {"clean": ~planted, "planted": planted} if planted.any() else {"all": ~planted}
    detection = {}
    if planted.any():
        weights = estimators.run_weights(
            len(index), study.config["seed"], NUM_REPLICATES, unit=outcomes.unit
        )
        detection = canaries.scores(
            outcomes.correct,
            outcomes.prob,
            outcomes.mask,
            planted,
            weights,
            num_units=outcomes.num_units,
        ) | canaries.proxy_aurocs(
            {name: proxies.hardness(name, v) for name, v in outcomes.proxies.items()},
            planted,
            weights[:, np.searchsorted(index, history)],
        )
    return PointProxies(
        board=_board(study, values, [outcomes.correct], runs, splits, statistics),
        means={
            name: {group: _mean_over_runs(v[:, member]) for group, member in groups.items()}
            for name, v in outcomes.proxies.items()
        },
        canaries=detection,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Runs:
    """M runs, and the numbers [H] of those among them that have proxies."""

    runs: CommonRuns
    history: IntArray


def _of_series(
    study: Study, classes: IntArray, along: Sequence[PointOutcomes], splits: BoolArray
) -> SeriesProxies:
    """Compares along the axis, over the runs that all points have; classes [N] of trajectory."""
    common = common_runs(along)
    shared = np.intersect1d(along[0].proxy_index, common.index)
    for point in along:
        shared = np.intersect1d(shared, point.proxy_index)
    names = [n for n in along[0].proxies if all(n in point.proxies for point in along)]
    rows = [np.isin(point.proxy_index, shared) for point in along]
    values = {
        name: [big_arrays.take(p.proxies[name], of) for p, of in zip(along, rows, strict=True)]
        for name in names
    }
    correct = [common.take(p, "correct") for p in along]
    changing = ~np.isin(classes, [trajectories.CLASSES.index(c) for c in ("constant", "undefined")])
    planted = study.examples.planted
    statistics = correlations.across_sizes(changing, np.ones_like(planted))
    if planted.any():
        statistics |= correlations.across_sizes(changing, ~planted, "_clean")
    runs = _Runs(common, shared)
    return SeriesProxies(
        points=tuple(p.point.name for p in along),
        num_nonconstant=int(changing.sum()),
        num_nonconstant_clean=int((changing & ~planted).sum()),
        board=_board(study, values, correct, runs, splits, statistics),
    )


def _board(
    study: Study,
    values: Mapping[str, Sequence[FloatArray]],
    outcomes: Sequence[BoolArray],
    of_board: _Runs,
    splits: BoolArray,
    statistics: Mapping[str, Callable[[FloatArray, FloatArray], float]],
) -> Leaderboard:
    """Returns the Leaderboard of proxies {proxy: [A][H, N]} and outcomes [A][M, N]."""
    runs = of_board.runs
    first, history = splits[:, runs.index], np.searchsorted(runs.index, of_board.history)
    result = leaderboard.board(
        values, outcomes, runs.mask, first=first, history=history, statistics=statistics
    )
    group = grouped.run_groups(runs.num_units, study.config["seed"], num_first=len(history))
    group = group[units.numbered(runs.unit, len(runs.unit))]
    errors, ceiling_errors = leaderboard.standard_errors(
        values,
        outcomes,
        runs.mask,
        first=first,
        group=group,
        history=history,
        statistics=statistics,
    )
    df = len(np.unique(group)) - 1
    return Leaderboard(
        num_runs=runs.num_units,
        num_proxy_runs=len(history),
        reliability=result.reliability,
        ceiling={s: WithError(result.ceiling[s], ceiling_errors[s], df) for s in statistics},
        proxies={
            name: {
                s: ProxyAgreement(
                    averaged=WithError(result.averaged[name][s], errors[name][s], df),
                    single=result.single[name][s],
                    single_deviation=result.single_deviation[name][s],
                )
                for s in statistics
            }
            for name in values
        },
    )


def _mean_over_runs(values: FloatArray) -> WithError:
    """Returns the mean over runs of each run's mean over examples; values [H, n]."""
    means = proxies.average(values.T)
    return estimators.mean_over_runs(means[~np.isnan(means)])


def _codes(study: Study, series: str, classes: TrajectoryClasses) -> IntArray:
    """Returns the class of trajectory of every example [N], "undefined" without trajectories."""
    if series not in classes.series:
        return np.full(study.sizes.train, trajectories.CLASSES.index("undefined"))
    return classes.of_series(series).classes[ALPHA]


def _planted_classes(
    study: Study, classes: TrajectoryClasses
) -> dict[str, dict[str, dict[str, float]]]:
    planted = study.examples.planted
    if not planted.any():
        return {}
    return {
        series: {
            "clean": trajectories.shares(_codes(study, series, classes)[~planted]),
            "planted": trajectories.shares(_codes(study, series, classes)[planted]),
        }
        for series in classes.series
    }
