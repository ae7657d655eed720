"""Proxies: their agreement with memorization at each size and across sizes, and canaries.

The numbers of summary["proxies"]:
  num_runs: the most runs per point that proxies are computed from (the first runs).
  points: {point: {"num_runs", "num_proxy_runs", "reliability", "ceiling", "board", "means",
    "canaries"}}; ceiling is {statistic: ..., "<statistic>_stderr", "<statistic>_margin"}, board is
    {proxy: {the same, "<statistic>_single", "<statistic>_single_deviation"}}, means is {proxy:
    {group: {"mean", "stderr", "margin"}}} in the proxy's own unit, canaries {score or
    proxy: {"auroc", "auroc_stderr", "auroc_margin"}} or None without planted labels.
  series: {series: {"points", "num_runs", "num_nonconstant", "num_nonconstant_clean",
    "reliability", "ceiling", "board"}}, with statistics across sizes, those named *_clean without
    the planted labels.
  planted_classes: {series: {"clean" or "planted": {class of trajectory: share}}}.
The arrays of a point are the proxies averaged over its runs, [N], in their own units.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from memkit import big_arrays, estimators, proxies, records, studies, trajectories
from memkit.analysis.outcomes import PointOutcomes
from memkit.estimators import grouped
from memkit.proxies import canaries, correlations, leaderboard
from memkit.studies import Study
from memkit.typing import BoolArray, Config, FloatArray, IntArray, Json

ALPHA = 0.1  # threshold of the classes of trajectory
MAX_RUNS = 40
NUM_SPLITS = 4
NUM_REPLICATES = 50


def analyze(study: Study, outcomes: Sequence[PointOutcomes]) -> Json:
    """Returns the numbers of summary["proxies"] and writes each point's averaged proxies.

    Args:
      study: Study.
      outcomes: PointOutcomes of all points.
    """
    num_runs = _num_runs(study.config, study)
    numbers: Json = {"num_runs": num_runs, "points": {}, "series": {}}
    numbers["planted_classes"] = _planted_classes(study)
    splits = leaderboard.halves(len(study.train_mask), num_runs, study.config["seed"], NUM_SPLITS)
    for series in study.config["series"]:
        measured = [_measure(study, o) for o in outcomes if o.point.series == series]
        measured = [m for m in measured if m.values and len(m.outcomes.index) >= 4]
        for point in measured:
            numbers["points"][point.outcomes.point.name] = _of_point(study, point, splits)
        if len(measured) >= 2:
            numbers["series"][series] = _of_series(study, series, measured, splits)
    return numbers


@dataclasses.dataclass(frozen=True)
class _Measured:
    """A point's outcomes, and {proxy: [H, N]} of the runs `history` [H], in the proxies' units."""

    outcomes: PointOutcomes
    history: IntArray
    values: dict[str, FloatArray]


def _num_runs(config: Config, study: Study) -> int:
    return min(len(study.train_mask), MAX_RUNS, config["record"]["history_runs"] or MAX_RUNS)


def _measure(study: Study, outcomes: PointOutcomes) -> _Measured:
    record = outcomes.point.config["record"]
    optional = [name for name in ("history_runs", "all_probs") if record[name]]
    names = [n for n, field in records.SCHEMA.items() if field.where in ("", *optional)]
    known = proxies.available([*names, "given_labels"])
    needed = {n for name in known for n in proxies.PROXIES[name].needs} - {"given_labels"}
    # Later runs have no history, so only the first runs are read.
    first_runs = dataclasses.replace(
        study, train_mask=study.train_mask[: _num_runs(outcomes.point.config, study)]
    )
    runs = studies.read_runs(first_runs, outcomes.point, sorted(needed))
    usable = np.isin(runs.index, outcomes.index)
    if not usable.any():
        return _Measured(outcomes, runs.index[usable], {})
    arrays = {n: a[usable] for n, a in runs.arrays.items()}
    arrays["given_labels"] = study.examples.given_labels
    index = runs.index[usable]
    values = {n: proxies.in_sample(n, arrays, study.train_mask[index]) for n in known}
    averaged = {n: proxies.average(v).astype(np.float32) for n, v in values.items()}
    studies.write_arrays(study, "proxies", averaged, point=outcomes.point)
    return _Measured(outcomes, index, values)


def _of_point(study: Study, measured: _Measured, splits: BoolArray) -> Json:
    outcomes, index = measured.outcomes, measured.outcomes.index
    values = {n: proxies.hardness(n, v)[None] for n, v in measured.values.items()}
    mask, planted = big_arrays.take(study.train_mask, index), study.examples.planted
    numbers = _board(
        study, values, [outcomes.correct], index, measured, splits, correlations.AT_ONE_SIZE
    )
    groups = {"clean": ~planted, "planted": planted} if planted.any() else {"all": ~planted}
    numbers["means"] = {
        name: {g: _mean_over_runs(v[:, member]) for g, member in groups.items()}
        for name, v in measured.values.items()
    }
    numbers["canaries"] = None
    if planted.any():
        weights = estimators.run_weights(len(mask), study.config["seed"], NUM_REPLICATES)
        numbers["canaries"] = canaries.scores(
            outcomes.correct, outcomes.prob, mask, planted, weights
        ) | canaries.proxy_aurocs(
            {n: v[0] for n, v in values.items()},
            planted,
            weights[:, np.searchsorted(index, measured.history)],
        )
    return numbers


def _of_series(study: Study, series: str, measured: Sequence[_Measured], splits: BoolArray) -> Json:
    """Compares along the axis, over the runs that all points have."""
    common = sorted(set.intersection(*(set(m.outcomes.index.tolist()) for m in measured)))
    shared = sorted(set.intersection(*(set(m.history.tolist()) for m in measured)))
    names = [n for n in measured[0].values if all(n in m.values for m in measured)]
    values = {
        n: proxies.hardness(
            n, np.stack([m.values[n][np.isin(m.history, shared)] for m in measured])
        )
        for n in names
    }
    correct = [
        big_arrays.take(m.outcomes.correct, np.isin(m.outcomes.index, common)) for m in measured
    ]
    classes = _classes(study, series)
    changing = ~np.isin(classes, [trajectories.CLASSES.index(c) for c in ("constant", "undefined")])
    with_shared_history = dataclasses.replace(measured[0], history=np.array(shared, int))
    planted = study.examples.planted
    statistics = correlations.across_sizes(changing, np.ones_like(planted))
    if planted.any():
        statistics |= correlations.across_sizes(changing, ~planted, "_clean")
    return {
        "points": [m.outcomes.point.name for m in measured],
        "num_nonconstant": int(changing.sum()),
        "num_nonconstant_clean": int((changing & ~planted).sum()),
        **_board(
            study, values, correct, np.array(common, int), with_shared_history, splits, statistics
        ),
    }


def _board(
    study: Study,
    values: Mapping[str, FloatArray],
    outcomes: Sequence[BoolArray],
    index: IntArray,
    measured: _Measured,
    splits: BoolArray,
    statistics: Mapping[str, Callable[[FloatArray, FloatArray], float]],
) -> Json:
    """Returns reliability, ceiling and board of the runs `index`, which include `history`."""
    mask, first = big_arrays.take(study.train_mask, index), splits[:, index]
    history = np.searchsorted(index, measured.history)
    result = leaderboard.board(
        values, outcomes, mask, first=first, history=history, statistics=statistics
    )
    group = grouped.run_groups(len(mask), study.config["seed"], num_first=len(history))
    errors, ceiling_errors = leaderboard.standard_errors(
        values,
        outcomes,
        mask,
        first=first,
        group=group,
        history=history,
        statistics=statistics,
    )
    df = len(np.unique(group)) - 1
    board = {
        name: {
            **_with_errors(result.averaged[name], errors[name], df),
            **{f"{s}_single": result.single[name][s] for s in statistics},
            **{f"{s}_single_deviation": result.single_deviation[name][s] for s in statistics},
        }
        for name in values
    }
    return {
        "num_runs": len(mask),
        "num_proxy_runs": len(history),
        "reliability": result.reliability,
        "ceiling": _with_errors(result.ceiling, ceiling_errors, df),
        "board": board,
    }


def _with_errors(
    values: Mapping[str, float], stderrs: Mapping[str, float], df: int
) -> dict[str, float]:
    """Returns {statistic, "<statistic>_stderr", "<statistic>_margin": float}."""
    errors = {s: estimators.WithError(value, stderrs[s], df) for s, value in values.items()}
    return {k: v for s, error in errors.items() for k, v in error.named(s).items()}


def _mean_over_runs(values: FloatArray) -> dict[str, float]:
    """Returns the mean over runs of each run's mean over examples, and its errors."""
    means = proxies.average(values.T)
    mean = estimators.mean_over_runs(means[~np.isnan(means)])
    return {"mean": mean.value, "stderr": mean.stderr, "margin": mean.margin}


def _classes(study: Study, series: str) -> IntArray:
    by_series = studies.read_trajectories(study)
    if series not in by_series:
        return np.full(len(study.examples.train_ids), trajectories.CLASSES.index("undefined"))
    return by_series[series][f"classes_{ALPHA}"]


def _planted_classes(study: Study) -> Json:
    planted = study.examples.planted
    if not planted.any():
        return {}
    return {
        series: {
            "clean": trajectories.shares(arrays[f"classes_{ALPHA}"][~planted]),
            "planted": trajectories.shares(arrays[f"classes_{ALPHA}"][planted]),
        }
        for series, arrays in studies.read_trajectories(study).items()
    }
