"""Measures what subsets cost: memorization from 50, 70 and 90% subsets against leaving one out.

  python -m benchmarks.subset_fractions [--examples=300] [--hidden=64] [--draw=0]

Perceptrons on digits, 8% of whose labels are flipped. The truth leaves out every single example, in
8 seeds that are paired with runs on all examples. Each fraction has a study of 400 runs on balanced
subsets. The table has bias (score minus truth) and rank correlation with half the widths of 95%
intervals over the runs of all studies, the RMSE, and the same for two extrapolations to leaving out
one example: `shared` is that of memkit.estimators.extrapolation, `separate` a line per example.
--draw chooses other digits.
"""

import time

import numpy as np
from absl import app, flags

from benchmarks import perceptrons
from memkit import comparisons, estimators, seeds, subsets
from memkit.estimators import extrapolation

FRACTIONS = (0.5, 0.7, 0.9)
_EXAMPLES = flags.DEFINE_integer("examples", 300, "train digits.")
_HIDDEN = flags.DEFINE_integer("hidden", 64, "hidden units.")
_DRAW = flags.DEFINE_integer("draw", 0, "which random digits.")
_TINY = flags.DEFINE_bool("tiny", False, "small studies, to test the program.")
_REPLICATES = 100


def of_subsets(images, labels, fraction, *, num_runs, num_epochs, batch_size):
    """Returns {outcome: [M, N]} of runs on balanced subsets, and their train mask [M, N]."""
    draw, number = _DRAW.value, round(100 * fraction)
    mask = subsets.balanced(labels, num_runs, fraction, draw)
    used = int(mask[0].sum()) // batch_size * batch_size
    index = [
        [
            seeds.stream(draw, "order/subsets", number, run, epoch).permutation(
                np.flatnonzero(row)
            )[:used]
            for epoch in range(num_epochs)
        ]
        for run, row in enumerate(mask)
    ]
    batches = np.array(index).reshape(num_runs, -1, batch_size)
    first = 10**7 * (1 + draw) + 10**5 * number
    starts = [perceptrons.initial(first + run, _HIDDEN.value) for run in range(num_runs)]
    prob, correct = perceptrons.outcomes(images, labels, starts, batches)
    return {"prob": prob, "correct": correct}, mask


def left_out(images, labels, *, num_seeds, num_epochs, batch_size):
    """Returns {outcome: [2S, N]} of pairs of runs, and their mask and unit."""
    num, rows = len(labels), np.arange(len(labels))
    found = {"prob": [], "correct": []}
    for seed in range(1000 * _DRAW.value, 1000 * _DRAW.value + num_seeds):
        full, without = perceptrons.paired_batches(
            "replaced", seed, num_examples=num, num_epochs=num_epochs, batch_size=batch_size
        )
        starts = [perceptrons.initial(seed, _HIDDEN.value)] * (num + 1)
        batches = np.concatenate([full[None], without])
        for name, values in zip(
            found, perceptrons.outcomes(images, labels, starts, batches), strict=True
        ):
            found[name] += [values[0], values[1 + rows, rows]]
    mask = np.tile(np.array([[True], [False]]), (num_seeds, num))
    stacked = {name: np.stack(values) for name, values in found.items()}
    return stacked, mask, np.repeat(np.arange(num_seeds), 2)


def replicated(outcome, mask, place, unit=None):
    """Returns memorization [1 + R, N]: of all runs, then from each weighting of the runs."""
    weights = estimators.run_weights(len(mask), place, _REPLICATES, unit=unit)
    weights = np.vstack([np.ones((1, len(mask))), weights])
    return estimators.replicate_memorization(outcome, mask, weights)


def separate(scores):
    """Returns the ends [N] of a line through the scores [F, N] of each example."""
    distance = 1 - np.array(FRACTIONS)
    return np.linalg.pinv(np.stack([np.ones_like(distance), distance], axis=1))[0] @ scores


def show(name, scores, truth, num_units):
    """Prints a row of the table; scores and truth [1 + R, N]."""
    bias = estimators.over_replicates(np.nanmean(scores - truth, axis=1), num_units)
    ranks = [comparisons.spearman(*pair) for pair in zip(scores, truth, strict=True)]
    spearman = estimators.over_replicates(ranks, num_units)
    rmse = np.sqrt(np.mean((scores[0] - truth[0]) ** 2))
    print(
        f"  {name:10s} bias {bias.value:+.4f} +/- {bias.margin:.4f}  Spearman "
        f"{spearman.value:.4f} +/- {spearman.margin:.4f}  RMSE {rmse:.4f}",
        flush=True,
    )


def main(_):
    num, num_seeds, num_runs = (40, 3, 20) if _TINY.value else (_EXAMPLES.value, 8, 400)
    options = dict(num_epochs=2 if _TINY.value else 30, batch_size=8 if _TINY.value else 50)
    started = time.monotonic()
    images, labels = perceptrons.digits(num, _DRAW.value)
    studies = [of_subsets(images, labels, f, num_runs=num_runs, **options) for f in FRACTIONS]
    pairs, mask, unit = left_out(images, labels, num_seeds=num_seeds, **options)
    print(f"{num} digits, {_HIDDEN.value} hidden units, {time.monotonic() - started:.0f} s")
    for name in pairs:
        truth = replicated(pairs[name], mask, 0, unit)
        half = estimators.split_half(pairs[name], mask, 0, unit)
        ceiling = comparisons.ceiling(half.spearman_brown)
        print(f"{name}: mean of the truth {truth[0].mean():.4f}, ceiling {ceiling:.3f}")
        scores = [replicated(of[name], m, 1 + k) for k, (of, m) in enumerate(studies)]
        errors = [estimators.memorization(of[name], m).stderr for of, m in studies]
        for fraction, score in zip(FRACTIONS, scores, strict=True):
            show(f"{fraction:.0%}", score, truth, num_seeds)
        by_replicate = list(zip(*scores, strict=True))
        shared = [extrapolation.to_leaving_one_out(s, errors, FRACTIONS) for s in by_replicate]
        show("shared", np.stack(shared), truth, num_seeds)
        show("separate", np.stack([separate(np.stack(s)) for s in by_replicate]), truth, num_seeds)


if __name__ == "__main__":
    app.run(main)
