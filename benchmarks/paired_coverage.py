"""Measures the coverage of intervals of leave-one-out memorization from 8 units of runs.

  python -m benchmarks.paired_coverage

Perceptrons on 200 digits, 8% of whose labels are flipped, and 64 units of runs, in which every
digit is left out once. Each 8 units give an interval per digit, which covers if it holds the mean
of the other 56 units; half the widths are multiplied by the square root of 1 + 8/56 before, because
this mean is noisy, too. Printed are the coverage of all intervals and in bins of this mean, and the
median of half the widths (without the factor).
"""

import numpy as np
from absl import app, flags

from benchmarks import perceptrons
from memkit import estimators

BINS = (-1, 0.02, 0.1, 0.4, 1.01)
UNITS, OF_STUDY, FIRST = 64, 8, 500
_TINY = flags.DEFINE_bool("tiny", False, "a few examples, to test the program.")


def unit_outcomes(seed, images, labels, *, num_epochs, batch_size):
    """Returns probabilities and 0/1 outcomes of one unit, [2, N] each: in, then left out."""
    num, rows = len(labels), np.arange(len(labels))
    full, without = perceptrons.paired_batches(
        "replaced", seed, num_examples=num, num_epochs=num_epochs, batch_size=batch_size
    )
    starts = [perceptrons.initial(seed, 24)] * (num + 1)
    batches = np.concatenate([full[None], without])
    found = perceptrons.outcomes(images, labels, starts, batches)
    return [np.stack([values[0], values[1 + rows, rows]]) for values in found]


def coverage(outcome):
    """Returns (covered [K, N], means of the other units [K, N], half widths [K, N]).

    Args:
      outcome: [U, 2, N] of all units.
    """
    num = outcome.shape[-1]
    mask = np.tile(np.array([[True], [False]]), (OF_STUDY, num))
    found = []
    for first in range(0, len(outcome), OF_STUDY):
        chosen = np.isin(np.arange(len(outcome)), np.arange(first, first + OF_STUDY))
        rows = outcome[chosen].reshape(-1, num)
        estimate = estimators.memorization(rows, mask, np.repeat(np.arange(OF_STUDY), 2))
        others = outcome[~chosen].astype(float)
        truth = (others[:, 0] - others[:, 1]).mean(axis=0)
        half = (estimate.upper - estimate.lower) / 2
        center = (estimate.upper + estimate.lower) / 2
        wider = half * np.sqrt(1 + OF_STUDY / len(others))
        found.append([np.abs(center - truth) <= wider, truth, half])
    return np.swapaxes(np.array(found), 0, 1)


def main(_):
    num, num_units, num_epochs = (24, 16, 2) if _TINY.value else (200, UNITS, 20)
    images, labels = perceptrons.digits(num, 8)
    options = dict(num_epochs=num_epochs, batch_size=8 if _TINY.value else 32)
    units = [unit_outcomes(FIRST + u, images, labels, **options) for u in range(num_units)]
    for name, outcome in zip(("prob", "correct"), map(np.stack, zip(*units)), strict=True):
        covered, truth, half = coverage(outcome)
        bins = [
            f"{low:g} to {high:g}: {covered[chosen].mean():.3f} ({np.count_nonzero(chosen)})"
            for low, high in zip(BINS[:-1], BINS[1:], strict=True)
            if (chosen := (truth >= low) & (truth < high)).any()
        ]
        print(f"{name}: coverage {covered.mean():.3f}, half width {np.median(half):.3f}")
        print("  by the mean of the others:", ", ".join(bins))


if __name__ == "__main__":
    app.run(main)
