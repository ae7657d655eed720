"""The numbers of one point that summary.json holds, and their table for the terminal."""

import numpy as np

from memkit import estimators, matrices, tables
from memkit.estimators import WithError, arms


def of_point(study, outcomes, found):
    """Returns one entry of summary["points"]; every `<key>_stderr` is over runs.

    Args:
      study: Study.
      outcomes: its `analysis.PointOutcomes`.
      found: {outcome: Estimate} of them.
    """
    mask = matrices.take(study.train_mask, outcomes.index)
    correct, planted = outcomes.correct, study.examples.planted
    weights = estimators.run_weights(len(mask), study.config["seed"])
    replicates = _replicates(correct, mask, weights)
    value = found["correct"].value
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
        **_with_stderr("mean_memorization_prob", _mean(outcomes.prob, mask)),
    }
    for key, statistic in (
        ("share_above_0.25", lambda v: estimators.share_above(v, 0.25)),
        ("share_above_0.9", lambda v: estimators.share_above(v, 0.9)),
        ("share_below_0.1", lambda v: 1 - estimators.share_above(v, np.nextafter(0.1, 0))),
    ):
        row[key] = statistic(value)
        row[f"{key}_stderr"] = estimators.standard_error(statistic, replicates)
    row["clean"] = {"count": int((~planted).sum()), **_means(correct, mask, ~planted)}
    row["planted"] = None
    if planted.any():
        row["planted"] = {
            "count": int(planted.sum()),
            **_means(correct, mask, planted),
            **_detection(outcomes, mask, found, planted, weights, replicates),
        }
    return row


def _replicates(outcome, mask, weights):
    if not len(mask):
        return np.full((len(weights), mask.shape[1]), np.nan)
    return estimators.replicate_memorization(outcome, mask, weights)


def _means(outcome, mask, examples):
    means = estimators.jackknife_mean(outcome, mask, examples)
    named = {
        "mean_memorization": means.memorization,
        "mean_in": means.in_mean,
        "mean_out": means.out_mean,
    }
    return {k: v for name, error in named.items() for k, v in _with_stderr(name, error).items()}


def _mean(outcome, mask):
    return estimators.jackknife_mean(outcome, mask).memorization


def _with_stderr(name, error: WithError):
    return {name: error.value, f"{name}_stderr": error.stderr}


def _accuracy(outcomes, mask):
    """Accuracy inside and outside of the subset and on the test set, mean over runs."""
    per_run = {
        "train_in_accuracy": [c[m].mean() for c, m in zip(outcomes.correct, mask, strict=True)],
        "train_out_accuracy": [c[~m].mean() for c, m in zip(outcomes.correct, mask, strict=True)],
        "test_accuracy": list(outcomes.test_correct.mean(axis=1)),
    }
    row = {}
    for name, values in per_run.items():
        number = len(values)
        row[name] = np.mean(values) if number else np.nan
        row[f"{name}_stderr"] = np.std(values, ddof=1) / np.sqrt(number) if number > 1 else np.nan
    return row


def _detection(outcomes, mask, found, planted, weights, replicates):
    """How well scores find the planted labels: AUROC, 1 = all planted ones rank first.

    `auroc` ranks by memorization on `correct`, `auroc_out_prob` by one minus the out-of-sample
    probability of the given label.
    """
    doubt = 1 - found["prob"].out_mean
    out_weights = weights.astype(np.float32)
    doubts = np.empty((len(weights), mask.shape[1]), np.float32)
    for columns in arms.blocks(*mask.shape):
        out = ~mask[:, columns]
        with np.errstate(invalid="ignore"):
            part = (out_weights @ (outcomes.prob[:, columns] * out)) / (out_weights @ out)
        doubts[:, columns] = 1 - part

    def auroc(score):
        return estimators.auroc(score, planted)

    return {
        "auroc": auroc(found["correct"].value),
        "auroc_stderr": estimators.standard_error(auroc, replicates),
        "auroc_out_prob": auroc(doubt),
        "auroc_out_prob_stderr": estimators.standard_error(auroc, doubts),
    }


def table(summary):
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


def removal_table(found):
    """Returns the marginal utilities of one point as a table for the terminal."""
    header = ["removed", "examples", "tests", "without", "random", "difference", "stderr"]
    rows = []
    for tests, part in (("all", found["all"]), ("influenced", found["influenced"])):
        for row in part:
            paired = row["kind"] == "influential"
            what = "influential" if paired else f"memorization >= {row['threshold']:g}"
            numbers = [row[k] for k in ("without", "random", "difference", "difference_stderr")]
            rows.append([what, row["removed"], tests, *numbers])
    return tables.text(header, rows)
