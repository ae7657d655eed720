"""Whether the runs suffice: agreement between halves, and how many runs a target width takes."""

from collections.abc import Sequence

from memkit import estimators, studies
from memkit.analysis.convergence.result import (
    Convergence,
    HalfWidths,
    Halves,
    PointConvergence,
    Quantiles,
)
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.estimators import convergence
from memkit.studies import Study

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
    return PointConvergence(num_runs, agreement, half_widths)


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
