"""Measures the noise of leave-one-out memorization when runs are paired in different ways.

  python -m benchmarks.pairing [--norm]

Every pairing compares a run on all examples with runs that each leave out one example. They differ
in the batches of the second run:

  masked       the batches of the first run; the example has weight zero
  replaced     an example that the epoch leaves over takes its place in its batch
  shifted      all later examples of the epoch move up by one place
  reordered    a permutation of its own, drawn from the same random stream
  independent  another permutation, and other initial values as well

For each it prints the mean memorization (by label probability) with its standard error over seeds,
the variance over seeds of the memorization of one example for both outcomes (mean over examples),
and the mean rank correlation between two seeds. --norm adds batch normalization.
"""

import itertools
import time

import numpy as np
from absl import app, flags

from benchmarks import perceptrons
from memkit.estimators import margins, spearman

PAIRINGS = ("masked", "replaced", "shifted", "reordered", "independent")
_NORM = flags.DEFINE_bool("norm", False, "whether the hidden layer has batch normalization.")
_TINY = flags.DEFINE_bool("tiny", False, "a few examples, to test the program.")


def memorization(pairing, seed, images, labels, *, hidden, num_epochs, batch_size):
    """Returns memorization by probability and by 0/1 outcomes of one seed, [2, N] float64."""
    num = len(labels)
    full, left_out = perceptrons.paired_batches(
        pairing, seed, num_examples=num, num_epochs=num_epochs, batch_size=batch_size
    )
    masked = None
    if pairing == "masked":
        left_out, masked = np.tile(full, (num, 1, 1)), np.arange(num)
    starts = [perceptrons.initial(seed + 1000 * (pairing == "independent"), hidden)] * num
    train = dict(has_norm=_NORM.value)
    inside = perceptrons.outcomes(
        images, labels, [perceptrons.initial(seed, hidden)], full[None], **train
    )
    outside = perceptrons.outcomes(images, labels, starts, left_out, masked, **train)
    rows = np.arange(num)
    return np.array([1.0 * i[0] - o[rows, rows] for i, o in zip(inside, outside, strict=True)])


def main(_):
    num, num_seeds, num_epochs, batch = (24, 3, 2, 8) if _TINY.value else (200, 16, 30, 32)
    images, labels = perceptrons.digits(num)
    options = dict(hidden=64, num_epochs=num_epochs, batch_size=batch)
    print(f"{num} digits, {num_seeds} seeds, batch normalization: {_NORM.value}")
    print("pairing       mean mem +/- stderr  var(prob)  var(0/1)  rank correlation of two seeds")
    for pairing in PAIRINGS:
        started = time.monotonic()
        runs = [memorization(pairing, s, images, labels, **options) for s in range(num_seeds)]
        values = np.stack(runs, axis=1)
        mean = margins.mean_over_runs(values[0].mean(axis=1))
        variance = values.var(axis=1, ddof=1).mean(axis=1)
        ranks = np.mean([spearman(a, b) for a, b in itertools.combinations(values[0], 2)])
        print(
            f"{pairing:12s}  {mean.value:.4f} +/- {mean.stderr:.4f}   {variance[0]:.5f}    "
            f"{variance[1]:.5f}   {ranks:.3f}   ({time.monotonic() - started:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    app.run(main)
