r"""How well the shapes of distributions are known: bias and coverage at 40 runs.

  python -m benchmarks.shape_coverage [--npz=mnist.npz] [--classes=10] [--epochs=40] [--peak=0.1]

The worlds are those of `benchmarks.efficiency`: images of ten classes with 8% flipped labels and
perceptrons of 32 hidden units. The truth is the shape of the distribution of the papers' estimator
from 900 runs. It is compared with the shapes that disjoint studies of 40 balanced runs report,
corrected for the noise of the scores, and with those of their noisy scores:

  coverage      share of the studies whose 95% interval contains the truth
  half width    mean of the half widths of the corrected intervals
"""

import dataclasses
import sys

import numpy as np
from absl import app, flags

from benchmarks import efficiency, interleave
from memkit import estimators, tables
from memkit.analysis import noise_free
from memkit.analysis.distribution import estimate as distribution
from memkit.estimators.distribution import STATISTICS
from memkit.estimators.pooled import Posterior

_FLAGS = efficiency.Flags(__name__)
_STUDIES = flags.DEFINE_integer("studies", 20, "studies of 40 runs", flag_values=_FLAGS.values)


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """Runs of a world, with what `analysis.noise_free` reads of the outcomes of a point."""

    world: efficiency.World
    runs: np.ndarray

    @property
    def index(self) -> np.ndarray:
        return self.runs

    @property
    def mask(self) -> np.ndarray:
        return self.world.mask[self.runs]

    @property
    def unit(self) -> np.ndarray:
        return np.arange(len(self.runs))

    @property
    def num_units(self) -> int:
        return len(self.runs)

    @property
    def posterior(self) -> Posterior:
        return self.world.posterior(self.runs)

    def posterior_of(self, rows: np.ndarray, examples: np.ndarray) -> Posterior:
        """Returns the posterior from some of the runs; the examples are always all."""
        return self.world.posterior(self.runs[rows])


def table(world: efficiency.World, num_studies: int) -> list[dict]:
    """Returns one row per statistic of the shape."""
    value = efficiency.truth(world).value
    everything = np.ones(len(value), bool)
    corrected, noisy = [], []
    for number in range(num_studies):
        runs = np.concatenate([world.study(2 * number), world.study(2 * number + 1)])
        scores = noise_free.scores(Outcomes(world, runs), number)
        corrected.append(noise_free.shape(scores, everything))
        weights = np.vstack([np.ones(len(runs)), estimators.run_weights(len(runs), number)])
        correct, mask = world.arrays["train_correct"][runs], world.mask[runs]
        replicates = estimators.replicate_memorization(correct, mask, weights)
        numbers = distribution.shape_numbers(replicates)
        noisy.append(distribution.noisy_shape(numbers, len(runs)))
    rows = []
    for name, statistic in STATISTICS.items():
        truth = statistic(value)
        ours, theirs = ([getattr(shape, name) for shape in shapes] for shapes in (corrected, noisy))
        rows.append(
            {
                "statistic": name,
                "truth": truth,
                "noisy": np.mean([n.value for n in theirs]),
                "coverage": np.mean([abs(n.value - truth) <= n.margin for n in theirs]),
                "corrected": np.mean([n.value for n in ours]),
                "coverage ": np.mean([abs(n.value - truth) <= n.margin for n in ours]),
                "half width": np.mean([n.margin for n in ours]),
            }
        )
    return rows


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    num_studies = 2 if _FLAGS.tiny.value else _STUDIES.value
    case = efficiency.Case(
        per_class=12 if _FLAGS.tiny.value else 60,
        truth=60 if _FLAGS.tiny.value else 900,
        paper=0,
        studies=2 * num_studies,
    )
    world = _FLAGS.train(case)
    rows = table(world, num_studies)
    print(tables.text(list(rows[0]), [list(row.values()) for row in rows]))
    interleave.finish(_FLAGS.out.value, {"rows": rows})


if __name__ == "__main__":
    sys.exit(app.run(main))
