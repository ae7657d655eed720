r"""How wide pooled intervals are, against the number of runs, and how well that is predicted.

  python -m benchmarks.half_widths [--npz=mnist.npz] [--classes=10] [--epochs=40] [--peak=0.1]
  python -m benchmarks.half_widths --workdir=out/digits

The worlds are those of `benchmarks.efficiency`: images of ten classes with 8% flipped labels and
perceptrons of 32 hidden units, here with several numbers of images and fractions of subsets. A row
of the table has M runs, as means over disjoint studies of M balanced runs each:

  median, 95%   half widths of the pooled intervals that this share of the examples do not exceed
  worth         the answers without training on an example that the other examples are worth
  from 20 runs  the number of runs (and the range) that `memkit plan --halfwidth` predicts for this
                half width from the half width of 20 runs
  reference     what it predicts before anything is trained

With --workdir, the points of a finished study take the place of the worlds.
"""

import sys
from collections.abc import Iterator

import numpy as np
from absl import app, flags

from benchmarks import efficiency, interleave
from memkit import tables
from memkit.estimators import intervals, precision

_FLAGS = efficiency.Flags(__name__)
_WORKDIR = flags.DEFINE_string(
    "workdir", "", "a finished study whose points are measured instead", flag_values=_FLAGS.values
)

FEWEST = efficiency.RUNS
RUNS = (20, 40, 80, 160, 320)
WORLDS = ((60, 0.7), (20, 0.7), (140, 0.7), (60, 0.5), (60, 0.9))  # images of a class, fraction
MOST_STUDIES = 4


def rows(name: str, world: efficiency.World) -> list[dict]:
    """Returns one row per number of runs."""
    by_runs = {
        runs: np.mean(widths, axis=0)
        for runs in (*RUNS, len(world.mask))
        if (widths := [_widths(world, chosen) for chosen in _studies(world, runs)])
    }
    fraction, num_examples = world.case.fraction, world.mask.shape[1]
    first = dict(num_runs=FEWEST, train_fraction=fraction)
    return [
        {
            "world": name,
            "runs": runs,
            "median": median,
            "95%": high,
            "worth": precision.worth(high, num_runs=runs, train_fraction=fraction),
            "from 20 runs": _text(precision.needed(high, by_runs[FEWEST][1], **first)),
            "reference": _text(
                precision.needed_before(high, num_examples, train_fraction=fraction)
            ),
        }
        for runs, (median, high) in by_runs.items()
    ]


def _text(needed: precision.Needed) -> str:
    return f"{needed.likely} ({needed.least} to {needed.most})"


def _studies(world: efficiency.World, runs: int) -> list[np.ndarray]:
    count = min(MOST_STUDIES, len(world.mask) // runs)
    return [first * runs + np.arange(runs) for first in range(count)]


def _widths(world: efficiency.World, runs: np.ndarray) -> np.ndarray:
    """Returns two quantiles of the half widths of the pooled intervals from some runs."""
    estimate = world.pooled(runs)
    halves = intervals.half_widths(estimate.lower, estimate.upper)
    return np.quantile(halves, (0.5, 0.95))


def worlds() -> Iterator[tuple[str, efficiency.World]]:
    """Trains the worlds one after another and yields their names and runs."""
    count = 2 if _FLAGS.tiny.value else RUNS[-1] // efficiency.RUNS
    sizes = [(12, 0.7)] if _FLAGS.tiny.value else WORLDS[: 1 if _FLAGS.npz.value else None]
    for per_class, fraction in sizes:
        case = efficiency.Case(
            per_class=per_class,
            fraction=fraction,
            truth=0,
            paper=0,
            studies=count,
        )
        yield f"{10 * per_class} images, {fraction:.0%}", _FLAGS.train(case)


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    printed = []
    for name, world in efficiency.points(_WORKDIR.value) if _WORKDIR.value else worlds():
        printed += rows(name, world)
    print(tables.text(list(printed[0]), [list(row.values()) for row in printed]))
    interleave.finish(_FLAGS.out.value, {"rows": printed})


if __name__ == "__main__":
    sys.exit(app.run(main))
