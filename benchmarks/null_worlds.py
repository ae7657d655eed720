r"""What chance alone finds in simulated studies without any effect: false classes and false pairs.

  python -m benchmarks.null_worlds [--studies=80] [--out=null_worlds.json]

False classes: the share of the examples that are given a class of trajectory other than constant,
and the share whose range has p <= 0.05, where size has no effect on any example. The threshold of
the classes is alpha. Examples are `middling` (rates of 0.5 to 1 in-sample, 0.1 to 0.9 out) or
`easy` (0.99 and 0.9 to 1: most never change).

False pairs: the share of studies with a pair at q <= 0.05, and the pairs over a threshold of
influence relative to those expected by chance, where no train example has influence. A share of the
runs, at random places, goes badly at all examples of train and test together, and answers them
rightly that many times less often than the others.
"""

import itertools
import json
import pathlib
from collections.abc import Iterator

import numpy as np
from absl import app, flags

from memkit import seeds, subsets, tables, trajectories
from memkit.estimators.influence import Pairs, pairs
from memkit.estimators.memorization import memorization

# Tests import several benchmarks into one process, where their flags would clash.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_STUDIES = flags.DEFINE_integer(
    "studies", 80, "studies per row of the table of pairs", flag_values=_FLAGS
)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers", flag_values=_FLAGS)

ALPHAS = (0.1, 0.2, 0.3)
RUNS, POINTS = (40, 100, 400), (2, 5)
BAD = ((0.0, 1), (0.1, 3), (0.3, 3), (0.1, 20), (0.3, 20))  # share of the runs, times less often
INFLUENCES = (0.02, 0.15)


def flat_world(
    kind: str, num_points: int, num_runs: int, *, num_examples: int = 3000
) -> tuple[np.ndarray, np.ndarray]:
    """Returns outcomes [A, M, N] bool that do not depend on the point, and the mask [M, N].

    Args:
      kind: "middling" or "easy".
      num_points: A.
      num_runs: M.
      num_examples: N.
    """
    rng = seeds.stream(0, f"benchmarks/flat_world/{kind}", num_points, num_runs)
    mask = subsets.balanced(np.zeros(num_examples, int), num_runs, 0.7, 0)
    out_rate = rng.uniform(*((0.1, 0.9) if kind == "middling" else (0.9, 1)), num_examples)
    in_rate = rng.uniform(0.5, 1, num_examples) if kind == "middling" else 0.99
    return rng.random((num_points, *mask.shape)) < np.where(mask, in_rate, out_rate), mask


def false_classes(kind: str, num_points: int, num_runs: int) -> dict:
    """Returns the shares of examples that are called other than constant, by alpha."""
    outcomes, mask = flat_world(kind, num_points, num_runs)
    test = trajectories.permutation_null(outcomes, mask, ALPHAS)
    value = trajectories.stack([memorization(rows, mask) for rows in outcomes]).value
    found = {"examples": kind, "points": num_points, "runs": num_runs}
    for alpha in ALPHAS:
        called = trajectories.shares(trajectories.classify(value, alpha, test.p))
        found[f"false, alpha {alpha}"] = 1 - called["constant"]
    return found | {"p <= 0.05": float(np.mean(test.p <= 0.05))}


def pair_worlds(
    kind: str,
    num_studies: int,
    *,
    num_runs: int = 100,
    real: int = 0,
    bad: float = 0.0,
    worse: float = 3,
    min_influence: float = 0.02,
) -> Iterator[tuple[Pairs, set]]:
    """Yields (pairs, set of true pairs) of studies in which few train examples have influence.

    Args:
      kind: outcome, "correct" or "prob".
      num_studies: how many.
      num_runs: runs of each study.
      real: train examples with influence, on one test example each.
      bad: share of the runs that go badly.
      worse: how many times less often a bad run answers rightly.
      min_influence: threshold of the listed pairs.
    """
    num_train, num_test, labels = 240, 120, np.arange(240) % 4
    for seed in range(num_studies):
        draw = seeds.stream(seed, f"tests/worlds/{kind}")
        mask = subsets.balanced(np.zeros(num_train, int), num_runs, 0.7, seed)
        rates = draw.choice([0.03, 0.5, 0.95], num_test)
        skill = draw.normal(0, 0.1, (num_runs, 1))
        rate = np.clip(rates + skill * rates * (1 - rates), 0, 1)
        truth = {(int(j), int(j)) for j in range(real)}
        help_ = np.zeros((num_runs, num_test))
        help_[:, :real] = mask[:, :real]
        rate = np.where(np.arange(num_test) < real, 0.15 + 0.7 * help_, rate)
        luck = np.where(draw.permutation(num_runs)[:, None] < bad * num_runs, 1 / worse, 1)
        right = draw.random(rate.shape) < rate * luck
        outcome = right
        if kind == "prob":
            outcome = np.where(
                right, 1 - 0.1 * draw.random(rate.shape), 0.2 * draw.random(rate.shape)
            )
        train_rate = np.where(mask, 0.9, draw.random(num_train))
        train_outcome = draw.random(mask.shape) < train_rate * luck
        found = pairs(
            outcome,
            mask,
            memorization=memorization(train_outcome, mask).value,
            given_labels=labels,
            test_labels=labels[:num_test],
            min_influence=min_influence,
            min_memorization=0.25,
        )
        yield found, truth


def false_pairs(kind: str, bad: float, worse: float, min_influence: float, studies: int) -> dict:
    """Returns how often studies without influence have a pair at q <= 0.05, and how many pairs."""
    options = {"bad": bad, "worse": worse, "min_influence": min_influence}
    found = [each for each, _ in pair_worlds(kind, studies, **options)]
    listed = sum(len(each.infl) for each in found)
    return {
        "outcome": kind,
        "bad runs": f"{bad:.0%}",
        "times worse": worse,
        "min_influence": min_influence,
        "with a pair at q <= 0.05": float(np.mean([(each.q <= 0.05).any() for each in found])),
        "pairs / expected": listed / sum(each.expected_by_chance for each in found),
    }


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    worlds = itertools.product(("middling", "easy"), POINTS, RUNS)
    classes = [false_classes(*world) for world in worlds]
    worlds = itertools.product(("correct", "prob"), BAD, INFLUENCES)
    pair_rows = [false_pairs(kind, *bad, least, _STUDIES.value) for kind, bad, least in worlds]
    for rows in (classes, pair_rows):
        print(tables.text(list(rows[0]), [list(row.values()) for row in rows]))
        print()
    if _OUT.value:
        numbers = {"classes": classes, "pairs": pair_rows}
        pathlib.Path(_OUT.value).write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    app.run(main)
