r"""What chance alone finds in simulated studies without any effect, and the power of the tests.

  python -m benchmarks.null_worlds [--studies=80] [--out=null_worlds.json]

False changes: the share of the examples whose trajectory has p <= 0.05, and the share given a class
of trajectory other than constant at the threshold alpha, where the memorization of no example
changes along the axis. `WORLDS` says what does change.

Power: the share of the examples with p <= 0.05, and the share given the right class at alpha 0.2,
where the memorization of half of the examples changes by 0.5 along five points: their out-of-sample
rates move between 0.3 and 0.8, and they are always right in-sample. The accuracy of the other half
rises along the axis.

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
TRAJECTORY_STUDIES = 8  # of each row of the tables of trajectories
RUNS, POINTS = (20, 40, 100), (2, 5)
WORLDS = {
    "middling": "rates of 0.5 to 1 in-sample and 0.1 to 0.9 out; nothing changes",
    "easy": "0.99 in-sample, 0.9 to 1 out; nothing changes",
    "saturated": "always right in-sample, 0.05 to 0.95 out; nothing changes",
    "learned": "no memorization; accuracy rises from 0.1 to 0.6 to 0.7 to 1",
    "moving": "memorization 0 to 0.6; accuracy rises or falls, differently for every example",
    "edges": "memorization 0.1 to 0.5; from never right out-of-sample to always right in-sample",
    "bad runs": "as moving, but 30% of the runs are right a third as often at all points",
    "bad points": "as moving, but at every point 30% of the runs are right a third as often",
}
# Shapes of the out-of-sample rate, from 0 to 1 along five points, and the class that results.
SHAPES = {
    "line": ((0, 0.25, 0.5, 0.75, 1), "decreasing"),
    "falling line": ((1, 0.75, 0.5, 0.25, 0), "increasing"),
    "step in the middle": ((0, 0, 1, 1, 1), "decreasing"),
    "step at the end": ((0, 0, 0, 0, 1), "decreasing"),
    "triangle": ((0, 0.5, 1, 0.5, 0), "u_shaped"),
    "single point": ((0, 0, 1, 0, 0), "u_shaped"),
}
BAD = ((0.0, 1), (0.1, 3), (0.3, 3), (0.1, 20), (0.3, 20))  # share of the runs, times less often
INFLUENCES = (0.02, 0.15)


def null_world(
    world: str, num_points: int, num_runs: int, *, study: int = 0, num_examples: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """Returns outcomes [A, M, N] bool without any change of memorization, and the mask [M, N].

    Args:
      world: a key of `WORLDS`.
      num_points: A.
      num_runs: M.
      study: seed.
      num_examples: N.
    """
    draw = seeds.stream(study, f"benchmarks/null_world/{world}", num_points, num_runs)
    mask = subsets.balanced(np.zeros(num_examples, int), num_runs, 0.7, study)
    in_rate, out_rate = _null_rates(world, draw, num_points, num_examples)
    rate = np.where(mask, in_rate[:, None], out_rate[:, None])
    if world.startswith("bad"):
        bad_points = num_points if world == "bad points" else 1
        is_bad = draw.permuted(np.tile(np.arange(num_runs), (bad_points, 1)), axis=1)
        rate = np.where((is_bad < 0.3 * num_runs)[:, :, None], rate / 3, rate)
    return draw.random(rate.shape) < rate, mask


def _null_rates(
    world: str, draw: seeds.Generator, num_points: int, num_examples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rates of right answers in-sample and out-of-sample, [A, N] each."""

    def uniform(low: float, high: float) -> np.ndarray:
        return draw.uniform(low, high, num_examples)

    along = np.linspace(0, 1, num_points)[:, None]
    flat = np.ones((num_points, 1))
    match world:
        case "middling":
            return flat * uniform(0.5, 1), flat * uniform(0.1, 0.9)
        case "easy":
            return flat * uniform(0.99, 0.99), flat * uniform(0.9, 1)
        case "saturated":
            return flat * uniform(1, 1), flat * uniform(0.05, 0.95)
        case "learned":
            rate = (1 - along) * uniform(0.1, 0.6) + along * uniform(0.7, 1)
            return rate, rate
        case "edges":
            memorization = uniform(0.1, 0.5)
            rate = along * (1 - memorization)
        case _:
            memorization = uniform(0, 0.6)
            rate = ((1 - along) * uniform(0, 1) + along * uniform(0, 1)) * (1 - memorization)
    return rate + memorization, rate


def changing_world(
    shape: str, num_runs: int, *, study: int = 0, num_examples: int = 1000
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns outcomes [5, M, N], the mask [M, N], and whether memorization changes by 0.5 [N].

    Args:
      shape: a key of `SHAPES`.
      num_runs: M.
      study: seed.
      num_examples: N, of which every second changes.
    """
    draw = seeds.stream(study, f"benchmarks/changing_world/{shape}", num_runs)
    mask = subsets.balanced(np.zeros(num_examples, int), num_runs, 0.7, study)
    changes = np.arange(num_examples) % 2 == 0
    in_rate, out_rate = _null_rates("learned", draw, 5, num_examples)
    in_rate = np.where(changes, 1, in_rate)
    out_rate = np.where(changes, 0.3 + 0.5 * np.array(SHAPES[shape][0])[:, None], out_rate)
    rate = np.where(mask, in_rate[:, None], out_rate[:, None])
    return draw.random(rate.shape) < rate, mask, changes


def false_changes(world: str, num_points: int, num_runs: int) -> dict:
    """Returns the shares of examples with p <= 0.05 and of false classes, by alpha."""
    p_values, classes = [], {alpha: [] for alpha in ALPHAS}
    for study in range(TRAJECTORY_STUDIES):
        outcomes, mask = null_world(world, num_points, num_runs, study=study)
        test = trajectories.change_test(outcomes, mask, ALPHAS, seed=study)
        value = trajectories.stack([memorization(rows, mask) for rows in outcomes]).value
        p_values.append(test.p)
        for alpha, of_studies in classes.items():
            of_studies.append(trajectories.classify(value, alpha, test.p))
    found = {"world": world, "points": num_points, "runs": num_runs}
    found["p <= 0.05"] = float(np.mean(np.concatenate(p_values) <= 0.05))
    for alpha, of_studies in classes.items():
        called = trajectories.shares(np.concatenate(of_studies))
        found[f"false, alpha {alpha}"] = 1 - called["constant"]
    return found


def power(shape: str, num_runs: int) -> dict:
    """Returns the shares of changing examples with p <= 0.05 and with the right class."""
    significant, right = [], []
    for study in range(TRAJECTORY_STUDIES):
        outcomes, mask, changes = changing_world(shape, num_runs, study=study)
        p = trajectories.change_test(outcomes, mask, ALPHAS, seed=study).p
        value = trajectories.stack([memorization(rows, mask) for rows in outcomes]).value
        classes = trajectories.classify(value, 0.2, p)
        significant.append(p[changes] <= 0.05)
        right.append(classes[changes] == trajectories.CLASSES.index(SHAPES[shape][1]))
    return {
        "change": shape,
        "runs": num_runs,
        "p <= 0.05": float(np.mean(significant)),
        "right class, alpha 0.2": float(np.mean(right)),
    }


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
    worlds = itertools.product(WORLDS, POINTS, RUNS)
    changes = [false_changes(*world) for world in worlds]
    powers = [power(*each) for each in itertools.product(SHAPES, RUNS)]
    worlds = itertools.product(("correct", "prob"), BAD, INFLUENCES)
    pair_rows = [false_pairs(kind, *bad, least, _STUDIES.value) for kind, bad, least in worlds]
    for rows in (changes, powers, pair_rows):
        print(tables.text(list(rows[0]), [list(row.values()) for row in rows]))
        print()
    if _OUT.value:
        numbers = {"changes": changes, "power": powers, "pairs": pair_rows}
        pathlib.Path(_OUT.value).write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    app.run(main)
