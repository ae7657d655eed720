"""The numbers of one point that summary.json holds, and their table for the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from memkit.estimators import Estimate
from memkit.studies import Study
from memkit.typing import Array, BoolArray, FloatArray, IntArray, Json

if TYPE_CHECKING:
    from memkit.analysis import PointOutcomes

import numpy as np

from memkit import big_arrays, estimators, tables
from memkit.estimators import arms, outliers

_MOST_NAMED = 5  # the most outlying runs that a sentence names


def of_point(study: Study, outcomes: "PointOutcomes", estimates: Mapping[str, Estimate]) -> Json:
    """Returns one entry of summary["points"].

    `<key>_stderr` is the standard error of `<key>` over runs, and `<key>_margin` half the width of
    the 95% interval that follows from it.

    Args:
      study: Study.
      outcomes: its `analysis.PointOutcomes`.
      estimates: {outcome: Estimate} of these outcomes.
    """
    mask = big_arrays.take(study.train_mask, outcomes.index)
    correct, planted = outcomes.correct, study.examples.planted
    weights = estimators.run_weights(len(mask), study.config["seed"])
    replicates = _replicates(correct, mask, weights)
    value = estimates["correct"].value
    row = {
        "name": outcomes.point.name,
        "series": outcomes.point.series,
        "axis_value": outcomes.point.axis_value,
        "num_runs": len(mask),
        "diverged": outcomes.count("diverged"),
        "blocked": outcomes.count("blocked"),
        "collapsed": outcomes.count("collapsed"),
        **_accuracy(outcomes, mask),
        **_means(correct, mask, None),
        **estimators.jackknife_mean(outcomes.prob, mask).memorization.named(
            "mean_memorization_prob"
        ),
    }
    for key, statistic in (
        ("share_above_0.25", lambda v: estimators.share_above(v, 0.25)),
        ("share_above_0.9", lambda v: estimators.share_above(v, 0.9)),
        ("share_below_0.1", lambda v: 1 - estimators.share_above(v, np.nextafter(0.1, 0))),
    ):
        numbers = [statistic(v) for v in (value, *replicates)]
        row |= estimators.over_replicates(numbers, len(mask)).named(key)
    row["clean"] = {"count": int((~planted).sum()), **_means(correct, mask, ~planted)}
    row["planted"] = None
    if planted.any():
        row["planted"] = {
            "count": int(planted.sum()),
            **_means(correct, mask, planted),
            **_detection(outcomes, mask, estimates, planted, weights, replicates),
        }
    return row


def _replicates(outcome: Array, mask: BoolArray, weights: IntArray) -> FloatArray:
    if not len(mask):
        return np.full((len(weights), mask.shape[1]), np.nan)
    return estimators.replicate_memorization(outcome, mask, weights)


def _means(outcome: Array, mask: BoolArray, examples: BoolArray | None) -> dict[str, float]:
    means = estimators.jackknife_mean(outcome, mask, examples)
    named = {
        "mean_memorization": means.memorization,
        "mean_in": means.in_mean,
        "mean_out": means.out_mean,
    }
    return {k: v for name, error in named.items() for k, v in error.named(name).items()}


def _accuracy(outcomes: "PointOutcomes", mask: BoolArray) -> Json:
    """Returns mean accuracy over runs inside and outside of the subset and on the test set."""
    per_run = {
        "train_in_accuracy": [c[m].mean() for c, m in zip(outcomes.correct, mask, strict=True)],
        "train_out_accuracy": [c[~m].mean() for c, m in zip(outcomes.correct, mask, strict=True)],
        "test_accuracy": list(outcomes.test_correct.mean(axis=1)),
    }
    row: Json = {"outlying_runs": _outlying(outcomes, mask, per_run)}
    for name, values in per_run.items():
        row |= estimators.mean_over_runs(values).named(name)
    return row


def _outlying(
    outcomes: "PointOutcomes", mask: BoolArray, per_run: Mapping[str, Sequence[float]]
) -> list[int]:
    """Returns the numbers of the runs whose accuracy is an outlier, see `estimators.outliers`."""
    num_in = np.count_nonzero(mask) / max(1, len(mask))
    is_outlying = outliers.outlying_runs(
        np.array(per_run["train_in_accuracy"]),
        np.array(per_run["train_out_accuracy"]),
        num_in=num_in,
        num_out=mask.shape[1] - num_in,
    )
    return [int(run) for run in np.asarray(outcomes.index)[is_outlying]]


def _detection(
    outcomes: "PointOutcomes",
    mask: BoolArray,
    estimates: Mapping[str, Estimate],
    planted: BoolArray,
    weights: IntArray,
    replicates: FloatArray,
) -> dict[str, float]:
    """Returns how well scores find the planted labels: AUROC, 1 = all planted labels rank first.

    `auroc` ranks by memorization on `correct`, `auroc_out_prob` by one minus the out-of-sample
    probability of the given label.
    """
    doubt = 1 - estimates["prob"].out_mean
    out_weights = weights.astype(np.float32)
    doubts = np.empty((len(weights), mask.shape[1]), np.float32)
    for columns in arms.blocks(*mask.shape):
        out = ~mask[:, columns]
        with np.errstate(invalid="ignore"):
            out_prob = (out_weights @ (outcomes.prob[:, columns] * out)) / (out_weights @ out)
        doubts[:, columns] = 1 - out_prob

    def auroc(name: str, scores: Sequence[FloatArray]) -> dict[str, float]:
        numbers = [estimators.auroc(score, planted) for score in scores]
        return estimators.over_replicates(numbers, len(mask)).named(name)

    return auroc("auroc", [estimates["correct"].value, *replicates]) | auroc(
        "auroc_out_prob", [doubt, *doubts]
    )


def table(summary: Json) -> str:
    """Returns the headline numbers of a summary as text, a row per point."""
    header = ["point", "runs", "train in", "train out", "test", "memorization", "clean", "planted"]
    header.append("AUROC")
    rows = []
    for row in summary["points"]:
        planted = row["planted"] or {"mean_memorization": None, "auroc": None}
        accuracy = [float(row[f"{k}_accuracy"]) for k in ("train_in", "train_out", "test")]
        memorized = [row["mean_memorization"], row["clean"]["mean_memorization"]]
        rows.append(
            [
                row["name"],
                row["num_runs"],
                *accuracy,
                *map(float, memorized),
                planted["mean_memorization"],
                planted["auroc"],
            ]
        )
    return tables.text(header, rows)


def outlying(summary: Json) -> list[str]:
    """Returns a sentence per point whose intervals over runs rest on a few outlying runs."""
    return [_outlying_text(row) for row in summary["points"] if row["outlying_runs"]]


def _outlying_text(row: Json) -> str:
    runs = row["outlying_runs"]
    named = ", ".join(map(str, runs[:_MOST_NAMED])) + (", ..." if len(runs) > _MOST_NAMED else "")
    return (
        f"{row['name']}: the accuracy of {len(runs)} of {row['num_runs']} runs ({named}) is far "
        "from that of the others, and most of the spread of the runs comes from them. Its "
        "intervals over runs may hold the true value less often than 95%: look at these runs, and "
        "train more runs if such runs belong to the recipe"
    )


def removal_table(utilities: Json) -> str:
    """Returns the marginal utilities of one point as a table for the terminal."""
    header = ["removed", "examples", "tests", "without", "random", "difference", "stderr"]
    rows = []
    for tests, removals in (("all", utilities["all"]), ("influenced", utilities["influenced"])):
        for row in removals:
            is_influential = row["kind"] == "influential"
            kind = "influential" if is_influential else f"memorization >= {row['threshold']:g}"
            numbers = [row[k] for k in ("without", "random", "difference", "difference_stderr")]
            rows.append([kind, row["removed"], tests, *numbers])
    return tables.text(header, rows)
