r"""Runs needed for the precision of the plain estimator: random subsets, right or wrong.

  python -m benchmarks.efficiency [--minutes=10] [--per_class=40] [--out=efficiency.json]

Many separate studies of 100 perceptrons (64 hidden units) each, on 40 digits of each class with
10% of the labels flipped, for two designs: random subsets of exactly 70%, as the papers draw them,
and the balanced ones of memkit. The noise of an estimate is its spread over the studies, around
its own mean: every estimand is compared with itself. Variance falls as 1 / runs, so a variance of
x times the plain one needs x times the runs. Beside it, the rank correlation of one study's scores
with the truth of the plain estimand: the mean over all other studies of memorization by right or
wrong.
With --per_class=60 every given label has 50 examples, from where balanced subsets balance classes.
"""

import concurrent.futures
import dataclasses
import sys

import numpy as np
import scipy.stats
from absl import app, flags

from benchmarks import efficiency_variants, interleave
from memkit import tables

_MINUTES = flags.DEFINE_float("minutes", 10, "time after which no study starts", lower_bound=0)
_PER_CLASS = flags.DEFINE_integer("per_class", 40, "train digits of each class", lower_bound=20)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")
_TINY = flags.DEFINE_boolean("tiny", False, "small studies, to see that everything works")

TINY = efficiency_variants.Case(
    per_class=6, hidden=8, epochs=2, batch=20, num_runs=60, pack=30, replicates=4
)
PLAIN = ("random", "correct")
OUTCOMES = {"correct": "right or wrong", "prob": "label probability"}
PROCESSES = 2


def variance(values):
    """Returns the mean over examples of the variance over studies [R, N] (ddof 1)."""
    return float(np.nanmean(np.var(values, axis=0, ddof=1)))


def cost(values, plain):
    """Returns (ratio of variances, lower, upper): runs needed, in units of the plain estimator's.

    Args:
      values: [R, N] estimates of one design and outcome in R studies.
      plain: [R, N] estimates of the plain one. The same study is deleted from both in the jackknife
        of the logarithm that gives the 95% bounds: outcomes of one design share their studies.
    """
    num, ratio = len(values), variance(values) / variance(plain)
    kept = [np.arange(num) != study for study in range(num)]
    logs = np.log([variance(values[rows]) / variance(plain[rows]) for rows in kept])
    error = np.sqrt((num - 1) * np.var(logs))
    return ratio, *(float(ratio * np.exp(sign * 1.96 * error)) for sign in (-1, 1))


def rank_correlation(found, design, outcome):
    """Returns the mean Spearman correlation of a study with the truth from all other studies.

    Args:
      found: {(replicate, design): {"correct": [N], ...}}.
      design: of the studies.
      outcome: whose memorization is ranked; the truth is that of the outcome `correct`.
    """
    total = sum(study["correct"] for study in found.values())
    each = [
        scipy.stats.spearmanr(
            study[outcome], (total - study["correct"]) / (len(found) - 1)
        ).statistic
        for (_, name), study in found.items()
        if name == design
    ]
    return float(np.mean(each))


def measure(case, seconds):
    """Returns {(replicate, design): memorization of both outcomes}, from two processes."""
    setup, environments = interleave.workers("jax", PROCESSES)
    setup = dataclasses.replace(setup, packing="vmap", runs_per_program=case.pack)
    ways = [
        interleave.Way(
            efficiency_variants.studies,
            dict(case=case, setup=setup, first=first, step=PROCESSES, seconds=seconds),
            (environment,),
        )
        for first, environment in enumerate(environments)
    ]
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        parts = list(pool.map(interleave.once, ways))
    return dict(sorted((key, study) for part in parts for key, study in part.items()))


def results(found):
    """Returns one dict per design and outcome."""
    stacks = {
        (design, outcome): np.stack([s[outcome] for (_, d), s in found.items() if d == design])
        for design in efficiency_variants.DESIGNS
        for outcome in OUTCOMES
    }
    rows = []
    for (design, outcome), values in stacks.items():
        ratio, lower, upper = cost(values, stacks[PLAIN])
        rows.append(
            {
                "design": design,
                "outcome": outcome,
                "studies": len(values),
                "mean": float(np.nanmean(values)),
                "deviation": variance(values) ** 0.5,
                "runs_needed": ratio,
                "lower": lower,
                "upper": upper,
                "rank_correlation": rank_correlation(found, design, outcome),
            }
        )
    return rows


def _row(row):
    interval = f"{row['lower']:.2f} to {row['upper']:.2f}"
    numbers = (row["mean"], row["deviation"], row["runs_needed"])
    name = OUTCOMES[row["outcome"]]
    return [row["design"], name, row["studies"], *numbers, interval, row["rank_correlation"]]


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    case = TINY if _TINY.value else efficiency_variants.Case(per_class=_PER_CLASS.value)
    found = measure(case, 60 * _MINUTES.value)
    if len(found) < 6:
        raise app.UsageError(f"--minutes: {len(found)} studies are too few; allow more time")
    rows = results(found)
    header = ["subsets", "outcome", "studies", "mean", "standard deviation"]
    header += ["runs needed", "95%", "rank correlation with 0/1 truth"]
    print(tables.text(header, [_row(row) for row in rows]))
    accuracy = np.mean([study["in_accuracy"] for study in found.values()])
    digits = 10 * case.per_class
    print(f"\n{len(found)} studies of {case.num_runs} runs on {digits} digits")
    print(f"in-sample accuracy {accuracy:.3f}")
    interleave.finish(_OUT.value, {"case": dataclasses.asdict(case), "rows": rows})


if __name__ == "__main__":
    sys.exit(app.run(main))
