r"""What intervals over runs cover, and how often runs are called outliers, in simulated studies.

  python -m benchmarks.coverage [--studies=400] [--worlds=normal,heavy] [--out=coverage.json]

A run answers example i rightly with a probability whose logit is that of the example, in-sample or
out-of-sample, plus the run's quality. Qualities are normal (standard deviation 0.25), of heavy
tails (0.25 times Student's t with 5 degrees of freedom) or skewed (-0.3 times an exponential).
`easy` has normal qualities and examples of which few are memorized; `saturated` has an in-sample
accuracy of 0.999. A share of the runs is bad: a failed run answers by chance among ten classes, a
worse one answers 30% of the examples by chance. The truth is the mean over all kinds of runs, bad
ones included. Columns: coverage of 95% intervals of mean memorization with the normal quantile
1.96 and with Student's t, which memkit uses; coverage of the latter in studies with and without a
bad run among their runs; share of all studies, and of those with a bad run, with outlying runs
(`memkit.estimators.outliers`, whose constants were chosen on `normal`, `heavy` and `skewed`).
"""

import dataclasses
import json
import pathlib

import numpy as np
from absl import app, flags
from scipy import special

from memkit import seeds, subsets, tables
from memkit.estimators import jackknife_mean, outliers

# Tests import several benchmarks into one process, where their flags would clash.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_STUDIES = flags.DEFINE_integer(
    "studies", 400, "studies per row; a quarter from 400 runs on", flag_values=_FLAGS
)
_WORLDS = flags.DEFINE_list("worlds", None, "which worlds; all by default", flag_values=_FLAGS)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers", flag_values=_FLAGS)

NUM_EXAMPLES, CHANCE, FRACTION = 300, 0.1, 0.7
RUNS = (10, 20, 40, 100, 400)
SHARE_OF_BAD = 0.05
BAD = {"none": 0.0, "worse": 0.3, "failed": 1.0}  # share of answers by chance


@dataclasses.dataclass(frozen=True)
class World:
    """What the runs of a simulated study are like.

    Attributes:
      quality: "normal", "heavy" or "skewed", the distribution of the runs' quality.
      in_rate: in-sample accuracy of an average run.
      out_shape: parameters of the Beta distribution of the examples' out-of-sample accuracy.
    """

    quality: str = "normal"
    in_rate: float = 0.99
    out_shape: tuple[float, float] = (0.6, 0.5)


WORLDS = {
    "normal": World(),
    "heavy": World(quality="heavy"),
    "skewed": World(quality="skewed"),
    "easy": World(out_shape=(2.0, 0.3)),
    "saturated": World(in_rate=0.999),
}


def study(
    world: World, num_runs: int, *, by_chance: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simulates a study.

    Args:
      world: World.
      num_runs: int M.
      by_chance: share of the answers of a bad run that are given by chance; 0 = no bad runs.
      seed: int.

    Returns:
      (outcome [M, N] bool, train_mask [M, N] bool, is_bad [M] bool).
    """
    rng = seeds.stream(seed, "benchmarks/coverage", num_runs, round(100 * by_chance))
    labels = np.zeros(NUM_EXAMPLES, int)
    mask = subsets.balanced(labels, max(20, num_runs), FRACTION, seed)[:num_runs]
    examples = seeds.stream(0, "benchmarks/coverage/examples")
    out_rate = np.clip(examples.beta(*world.out_shape, NUM_EXAMPLES), 0.005, 0.995)
    rate = np.where(mask, world.in_rate, out_rate)
    rate = special.expit(special.logit(rate) + _quality(world.quality, rng, num_runs)[:, None])
    is_bad = (rng.random(num_runs) < SHARE_OF_BAD) & (by_chance > 0)
    share = by_chance * is_bad[:, None]
    return rng.random(mask.shape) < (1 - share) * rate + share * CHANCE, mask, is_bad


def _quality(name, rng, num_runs):
    if name == "heavy":
        return 0.25 * rng.standard_t(5, num_runs)
    if name == "skewed":
        return -0.3 * rng.exponential(1, num_runs)
    return 0.25 * rng.standard_normal(num_runs)


def outlying(outcome: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Returns [M] bool, the runs of a study [M, N] that are called outliers."""
    in_accuracy, out_accuracy = (
        np.count_nonzero(outcome & arm, axis=1) / np.count_nonzero(arm, axis=1)
        for arm in (mask, ~mask)
    )
    num_in = np.count_nonzero(mask[0])
    return outliers.outlying_runs(
        in_accuracy, out_accuracy, num_in=num_in, num_out=mask.shape[1] - num_in
    )


def measure(name: str, bad: str, studies: int) -> list[dict]:
    """Returns one dict per number of runs of `RUNS`.

    Args:
      name: of WORLDS.
      bad: of BAD.
      studies: how many are simulated with up to 100 runs.
    """
    found = {runs: [] for runs in RUNS}
    for runs, rows in found.items():
        for seed in range(studies if runs < 400 else -(-studies // 4)):
            outcome, mask, is_bad = study(WORLDS[name], runs, by_chance=BAD[bad], seed=seed)
            mean = jackknife_mean(outcome, mask).memorization
            warned = outlying(outcome, mask).any()
            rows.append([mean.value, mean.stderr, mean.margin, is_bad.any(), warned])
    whole = [(runs, row[0]) for runs, rows in found.items() for row in rows]
    truth = np.average([value for _, value in whole], weights=[runs for runs, _ in whole])
    return [_row(name, bad, runs, np.array(rows, float), truth) for runs, rows in found.items()]


def _row(name, bad, runs, rows, truth):
    value, stderr, margin, has_bad, warned = rows.T
    has_bad, missed = has_bad > 0, np.abs(value - truth)
    covered = missed <= margin
    return {
        "world": name,
        "bad runs": bad,
        "runs": runs,
        "studies": len(rows),
        "normal": float(np.mean(missed <= 1.96 * stderr)),
        "t": float(np.mean(covered)),
        "t, with bad": _mean(covered[has_bad]),
        "t, without": _mean(covered[~has_bad]),
        "warned": float(np.mean(warned)),
        "warned, with bad": _mean(warned[has_bad]),
    }


def _mean(values):
    return float(np.mean(values)) if len(values) else None


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    if unknown := set(_WORLDS.value or ()) - set(WORLDS):
        raise app.UsageError(f"--worlds: expected some of {list(WORLDS)}, received {unknown}")
    rows = []
    for name in _WORLDS.value or WORLDS:
        for bad in BAD:
            rows += measure(name, bad, _STUDIES.value)
    print(tables.text(list(rows[0]), [list(row.values()) for row in rows]))
    if _OUT.value:
        pathlib.Path(_OUT.value).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    app.run(main)
