"""Whether the runs suffice: agreement between halves, and how many runs a target width takes."""

import math
from collections.abc import Sequence

import numpy as np

from memkit import estimators, seeds, studies
from memkit.analysis.convergence.result import (
    Convergence,
    HalfWidths,
    Halves,
    PointConvergence,
    Quantiles,
)
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.estimators import convergence, precision
from memkit.studies import Study
from memkit.typing import FloatArray, IntArray

POOLED_EXAMPLES = 2000  # whose pooled scores are compared between halves, at most
TARGETS = (0.1, 0.05)  # half widths of 95% intervals


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> Convergence:
    """Returns the convergence of every point."""
    seed = study.config["seed"]
    return Convergence(
        points={o.point.name: _of_point(o, seed) for o in outcomes if o.num_units >= 2},
        split_half={
            o.point.name: estimators.split_half(o.correct, o.mask, seed, o.unit) for o in outcomes
        },
    )


def _of_point(outcomes: PointOutcomes, seed: int) -> PointConvergence:
    num_runs = outcomes.num_units
    agreement: dict[str, dict[str, tuple[Halves, ...]]] = {}
    half_widths: dict[str, dict[str, HalfWidths]] = {}
    for name in studies.OUTCOMES:
        outcome = getattr(outcomes, name)
        by_score = convergence.agreements(outcome, outcomes.mask, seed, unit=outcomes.unit)
        agreement[name] = {
            score: tuple(_with_prediction(halves, num_runs) for halves in entries)
            for score, entries in by_score.items()
        }
        half_widths[name] = {
            "memorization": _half_widths(outcomes.estimates[name], num_runs),
            "consistency": _half_widths(estimators.consistency(outcome, outcomes.mask), num_runs),
        }
    agreement["pooled"] = _pooled_agreement(outcomes, seed)
    half_widths["pooled"] = {"memorization": _pooled_half_widths(outcomes)}
    return PointConvergence(num_runs, agreement, half_widths)


def _pooled_agreement(outcomes: PointOutcomes, seed: int) -> dict[str, tuple[Halves, ...]]:
    """Returns the agreement of pooled scores; none where runs are paired, see `estimates`."""
    if outcomes.num_units < len(outcomes.unit):
        return dict.fromkeys(convergence.POOLED_SCORES, ())
    num_examples = outcomes.mask.shape[1]
    order = seeds.stream(seed, "convergence/pooled").permutation(num_examples)
    examples = np.sort(order[:POOLED_EXAMPLES])
    by_score = convergence.pooled_agreements(
        lambda runs: _pooled_and_raw(outcomes, runs, examples), outcomes.num_units, seed
    )
    return {
        score: tuple(Halves(halves, math.nan, math.nan) for halves in entries)
        for score, entries in by_score.items()
    }


def _pooled_and_raw(
    outcomes: PointOutcomes, rows: IntArray, examples: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Returns the pooled and the raw scores of some examples from some rows of the outcomes."""
    posterior = outcomes.posterior_of(rows, examples)
    return posterior.estimate.value, posterior.raw.value


def _pooled_half_widths(outcomes: PointOutcomes) -> HalfWidths:
    """Returns the half widths of pooled intervals; runs are known for the widest ones only."""
    estimate = outcomes.estimates["pooled"]
    median, high = convergence.half_widths(estimate.lower, estimate.upper)
    runs_for = dict.fromkeys(TARGETS, Quantiles(math.nan, math.nan))
    if outcomes.num_units == len(outcomes.unit) and high > 0:
        fraction = float(outcomes.mask.mean())
        for target in TARGETS:
            needed = precision.needed(
                target, high, num_runs=outcomes.num_units, train_fraction=fraction
            )
            runs_for[target] = Quantiles(math.nan, float(needed.likely))
    return HalfWidths(Quantiles(median, high), runs_for)


def _with_prediction(halves: convergence.Agreement, num_runs: int) -> Halves:
    factor = num_runs / halves.runs
    return Halves(
        halves=halves,
        pearson_full=convergence.spearman_brown(halves.pearson.value, factor),
        spearman_full=convergence.spearman_brown(halves.spearman, factor),
    )


def _half_widths(estimate: estimators.Estimate | estimators.Mean, num_runs: int) -> HalfWidths:
    median, high = convergence.half_widths(estimate.lower, estimate.upper)

    def runs_for(target: float) -> Quantiles:
        needed = [convergence.runs_needed(width, num_runs, target) for width in (median, high)]
        return Quantiles(*needed)

    return HalfWidths(Quantiles(median, high), {target: runs_for(target) for target in TARGETS})
