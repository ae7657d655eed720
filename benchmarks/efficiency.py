r"""What few runs are worth: how many runs the papers' estimator needs for the same error.

  python -m benchmarks.efficiency [--npz=mnist.npz] [--classes=10] [--epochs=40] [--peak=0.1]
  python -m benchmarks.efficiency --workdir=out/digits

A world is 60 images of each of ten classes, scikit-learn's digits or those of an npz file, with 8%
of the labels flipped, and perceptrons of 32 hidden units. Every score is computed from disjoint
studies of 20 balanced runs. The papers' estimator is the mean of right answers in random subsets of
70%, minus that outside of them. The truth is its value from 900 runs that share none with either,
and the variance of the truth is subtracted from every squared error. Rank correlations are
Spearman's, with the same truth on both sides.

With --workdir, each score of one half of a study's runs is compared with the raw score of the other
half, whose variance is subtracted. The standard error of how many times smaller the squared error
of the pooled score is comes from a jackknife over groups of examples.
"""

import concurrent.futures
import dataclasses
import pathlib
import sys
import tempfile
from collections.abc import Iterator

import numpy as np
from absl import app, flags

from benchmarks import interleave, small_studies
from memkit import analysis, estimators, studies, subsets, tables
from memkit.estimators.pooled import Posterior, posterior


class Flags:
    """The flags of a benchmark that trains worlds.

    Args:
      module: `__name__` of the benchmark. Tests import several into one process, where their flags
        would clash.
    """

    def __init__(self, module: str):
        self.values = flags.FLAGS if module == "__main__" else flags.FlagValues()
        options = dict(flag_values=self.values)
        self.npz = flags.DEFINE_string("npz", "", "images instead of the digits", **options)
        self.classes = flags.DEFINE_integer("classes", 10, "use the first labels", **options)
        self.epochs = flags.DEFINE_integer("epochs", 40, "epochs of a run", **options)
        self.peak = flags.DEFINE_float("peak", 0.1, "highest learning rate", **options)
        self.out = flags.DEFINE_string("out", None, "JSON file for the numbers", **options)
        self.tiny = flags.DEFINE_boolean("tiny", False, "see that everything works", **options)

    def train(self, case: "Case") -> "World":
        """Trains the runs of a world on the digits, or on the first classes of the npz file."""
        epochs = 2 if self.tiny.value else self.epochs.value
        case = dataclasses.replace(case, epochs=epochs, peak=self.peak.value)
        with tempfile.TemporaryDirectory() as folder:
            if self.npz.value:
                path = subset(
                    self.npz.value, self.classes.value, case.per_class, pathlib.Path(folder)
                )
                case = dataclasses.replace(case, npz=path)
            return train(case)


_FLAGS = Flags(__name__)
_STUDIES = flags.DEFINE_integer("studies", 30, "studies of 20 runs", flag_values=_FLAGS.values)
_WORKDIR = flags.DEFINE_string(
    "workdir", "", "a finished study whose halves are compared instead", flag_values=_FLAGS.values
)

PROCESSES, RUNS, PACK = 2, 20, 20
PLANTED, FRACTION = 0.08, 0.7
RECORDED = ("train_correct", "train_logodds", "prob_mean", "margin_mean")
GROUPS = 20  # of examples, for standard errors
PAPER_RUNS = (20, 30, 40, 60, 80, 100, 150, 200)
BINS = (0.05, 0.2, 0.6)  # of the truth


@dataclasses.dataclass(frozen=True)
class Case:
    """A world and its numbers of runs; see the flags.

    Attributes:
      fraction: of the examples that each run trains on.
      truth: runs behind the truth.
      paper: further random runs, from which the papers' estimator draws.
      studies: studies of RUNS balanced runs.
    """

    npz: str = ""
    per_class: int = 60
    epochs: int = 40
    peak: float = 0.1
    fraction: float = FRACTION
    truth: int = 900
    paper: int = 400
    studies: int = 30


@dataclasses.dataclass(frozen=True)
class World:
    """The runs of a world, M in all.

    Attributes:
      case: Case.
      mask: [M, N] bool; the runs for the truth, then those of the papers, then the studies.
      arrays: {name of RECORDED: [M, N]}.
      features: [N, 1], see `estimators.left_out_margins`.
      planted: [N] bool.
    """

    case: Case
    mask: np.ndarray
    arrays: dict[str, np.ndarray]
    features: np.ndarray
    planted: np.ndarray

    def raw(self, runs: np.ndarray) -> estimators.Estimate:
        return estimators.memorization(self.arrays["train_correct"][runs], self.mask[runs])

    def prob(self, runs: np.ndarray) -> estimators.Estimate:
        logodds = self.arrays["train_logodds"][runs].astype(np.float64)
        return estimators.memorization(1 / (1 + np.exp(-logodds)), self.mask[runs])

    def pooled(self, runs: np.ndarray, *, with_images: bool = True) -> estimators.Estimate:
        return self.posterior(runs, with_images=with_images).estimate

    def posterior(self, runs: np.ndarray, *, with_images: bool = True) -> Posterior:
        mask = self.mask[runs]
        seen = [np.where(mask, self.arrays[name][runs], np.nan) for name in RECORDED[2:]]
        return posterior(
            self.arrays["train_correct"][runs],
            self.arrays["train_logodds"][runs],
            mask,
            history=np.stack([np.nanmean(values, axis=0) for values in seen], axis=1),
            features=self.features if with_images else None,
        )

    def study(self, number: int) -> np.ndarray:
        """Returns the runs of a study."""
        return self.case.truth + self.case.paper + RUNS * number + np.arange(RUNS)


SCORES = {
    "right or wrong": World.raw,
    "label probability": World.prob,
    "pooled, records alone": lambda world, runs: world.pooled(runs, with_images=False),
    "pooled": World.pooled,
}


def train(case: Case) -> World:
    """Trains all runs of a world in two processes."""
    setup, environments = interleave.workers("jax", PROCESSES)
    setup = dataclasses.replace(setup, packing="vmap", runs_per_program=PACK)
    ways = [
        interleave.Way(_runs, dict(case=case, setup=setup, first=first), (environment,))
        for first, environment in enumerate(environments)
    ]
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        parts = list(pool.map(interleave.once, ways))
    records = dict(sorted((run, record) for part in parts for run, record in part.items()))
    study, _ = small_studies.draft(_config(case))
    images = small_studies.images.load_dataset(study.config).train_images
    labels = study.examples.given_labels
    return World(
        case=case,
        mask=_masks(case, labels),
        arrays={name: np.stack([r[name] for r in records.values()]) for name in RECORDED},
        features=estimators.left_out_margins(images, labels, study.sizes.classes)[:, None],
        planted=study.examples.planted,
    )


def _config(case: Case) -> dict:
    dataset = dict(name="digits", mean=[0.3], std=[0.37], train_per_class=case.per_class)
    if case.npz:
        with np.load(case.npz) as file:
            pixels = file["x_train"].reshape(-1, file["x_train"].shape[3]) / 255
        mean, std = (moment(pixels, axis=0).tolist() for moment in (np.mean, np.std))
        dataset = dict(name="npz", path=case.npz, mean=mean, std=std)
    schedule = dict(name="cosine", peak=case.peak, warmup_epochs=1.0)
    perceptron = dict(name="mlp", hidden=[32])
    config = small_studies.config(
        dataset=dataset,
        model=perceptron,
        num_runs=RUNS,
        epochs=case.epochs,
        batch_size=40,
        schedule=schedule,
    )
    config["labels"]["planted_fraction"] = PLANTED
    config["record"]["history_runs"] = 10**6
    return config


def _masks(case: Case, labels: np.ndarray) -> np.ndarray:
    options = dict(labels=labels, train_fraction=case.fraction)
    masks = [
        subsets.design("balanced", num_runs=RUNS, seed=2 + k, **options)
        for k in range(case.studies)
    ]
    if num_random := case.truth + case.paper:
        masks.insert(0, subsets.design("random", num_runs=num_random, seed=1, **options))
    return np.concatenate(masks)


def _runs(case: Case, setup, *, first: int):
    """Returns a function that trains every second pack and returns {run: arrays}."""
    from memkit.training.runner import Runner

    runner = Runner(setup)
    runner.configure()
    study, point = small_studies.draft(_config(case))
    study = dataclasses.replace(study, train_mask=_masks(case, study.examples.given_labels))

    def work() -> dict[int, dict[str, np.ndarray]]:
        records = {}
        for start in range(first * PACK, len(study.train_mask), PROCESSES * PACK):
            runs = list(range(start, min(start + PACK, len(study.train_mask))))
            for run, arrays, _ in runner.train_runs(study, point, runs):
                records[run] = {name: arrays[name] for name in RECORDED}
        return records

    return work


def subset(path: str, classes: int, per_class: int, folder: pathlib.Path) -> str:
    """Writes some images of each of the first classes of an npz file; returns the new file."""
    with np.load(path) as file:
        arrays = {key: file[key] for key in ("x_train", "y_train", "x_test", "y_test")}
    rng, chosen = np.random.default_rng(0), {}
    for part, count in (("train", per_class), ("test", 20)):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        images = images[..., None] if images.ndim == 3 else images
        members = [np.flatnonzero(labels == k) for k in range(classes)]
        rows = np.sort(np.concatenate([rng.choice(m, count, replace=False) for m in members]))
        chosen |= {f"x_{part}": images[rows], f"y_{part}": labels[rows]}
    np.savez(folder / "subset.npz", **chosen)
    return str(folder / "subset.npz")


@dataclasses.dataclass(frozen=True)
class Truth:
    """The papers' estimator from many runs.

    Attributes:
      value: [N].
      noise: mean variance of `value`.
    """

    value: np.ndarray
    noise: float

    def errors(self, value: np.ndarray) -> tuple[float, float]:
        """Returns (squared error without the noise of the truth, Spearman correlation)."""
        known = np.where(np.isnan(value), np.nanmean(value), value)
        squared = np.mean((known - self.value) ** 2) - self.noise
        return float(squared), estimators.spearman(known, self.value)


def truth(world: World) -> Truth:
    estimate = world.raw(np.arange(world.case.truth))
    return Truth(estimate.value, float(np.mean(estimate.stderr**2)))


def papers_errors(world: World, known: Truth) -> dict[int, tuple[float, float]]:
    """Returns {runs: (squared error, rank correlation)} of the papers' estimator, mean of draws."""
    rng = np.random.default_rng(0)
    errors = {}
    for runs in PAPER_RUNS:
        if runs <= world.case.paper:
            draws = [
                world.case.truth + rng.choice(world.case.paper, runs, replace=False)
                for _ in range(max(10, 1200 // runs))
            ]
            each = [known.errors(world.raw(rows).value) for rows in draws]
            errors[runs] = tuple(np.mean(each, axis=0).tolist())
    return errors


def worth(errors: dict[int, tuple[float, float]], squared: float, rank: float) -> np.ndarray:
    """Returns the numbers of runs with which the papers' estimator has these errors.

    The squared error of K runs is a / K + b / K^2, since arms may be small; the rank correlation
    is interpolated over log K.
    """
    runs = np.array(list(errors))
    squares, ranks = np.array(list(errors.values())).T
    inverse = np.stack([1 / runs, 1 / runs**2], axis=1)
    weights = 1 / squares[:, None]
    a, b = np.linalg.lstsq(inverse * weights, np.ones(len(runs)), rcond=None)[0]
    by_error = (a + np.sqrt(a**2 + 4 * max(b, 0) * squared)) / (2 * squared)
    by_rank = np.exp(np.interp(rank, np.maximum.accumulate(ranks), np.log(runs)))
    return np.array([by_error, by_rank])


def efficiency(world: World, known: Truth) -> list[dict]:
    """Returns one row per score: errors, and what its runs are worth, with standard errors."""
    papers = papers_errors(world, known)
    rows = []
    for name, score in SCORES.items():
        values = [score(world, world.study(k)).value for k in range(world.case.studies)]
        each = np.array([known.errors(value) for value in values])
        mean, error = each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(len(each))
        runs = worth(papers, *mean)
        spread = np.abs(worth(papers, mean[0] + error[0], mean[1] - error[1]) - runs)
        bias = np.nanmean(values, axis=0) - known.value
        own_noise = np.nanvar(values, axis=0, ddof=1) / len(values)
        rms = np.mean(bias**2 - own_noise) - known.noise
        rows.append(
            {
                "score": name,
                "RMSE": mean[0] ** 0.5,
                "rank": mean[1],
                "worth, RMSE": runs[0],
                "+/-": spread[0],
                "worth, rank": runs[1],
                "+/- ": spread[1],
                "mean bias": float(np.mean(bias)),
                "RMS bias": max(rms, 0) ** 0.5,
            }
        )
    return rows


def coverage(world: World, known: Truth) -> list[dict]:
    """Returns one row per group of examples: coverage, half width and bias of the intervals."""
    place = np.digitize(known.value, BINS)
    edges = ["-1", *map(str, BINS), "1"]
    groups = {"all": np.ones(len(place), bool), "planted": world.planted}
    groups |= {f"{edges[k]} to {edges[k + 1]}": place == k for k in range(len(BINS) + 1)}
    rows = []
    for name in ("right or wrong", "pooled"):
        found = [SCORES[name](world, world.study(k)) for k in range(world.case.studies)]
        value, lower, upper = (
            np.stack([getattr(estimate, field) for estimate in found])
            for field in ("value", "lower", "upper")
        )
        covered = (lower <= known.value) & (known.value <= upper)
        rows += [
            {
                "score": name,
                "truth": group,
                "examples": int(members.sum()),
                "coverage": float(covered[:, members].mean()),
                "half width": float(np.nanmean((upper - lower)[:, members]) / 2),
                "bias": float(np.nanmean((value - known.value)[:, members])),
            }
            for group, members in groups.items()
            if members.any()
        ]
    return rows


def points(workdir: str) -> Iterator[tuple[str, World]]:
    """Yields the name of each point of a finished study, and its runs."""
    study = studies.load(workdir)
    features = analysis.image_features(study)
    case = Case(fraction=study.config["subsets"]["train_fraction"])
    for point in study.points:
        runs = studies.read_runs(study, point, RECORDED)
        mask = study.train_mask[runs.index]
        yield point.name, World(case, mask, dict(runs.arrays), features, study.examples.planted)


def halves(workdir: str) -> list[dict]:
    """Returns one row per point of a finished study: squared errors from half the runs."""
    rows = []
    for name, world in points(workdir):
        half = len(world.mask) // 2
        first, second = slice(half), slice(half, 2 * half)
        halved = [_differences(world, first, second), _differences(world, second, first)]
        errors = np.mean(halved, axis=0)
        raw, alone, pooled = errors.mean(axis=1)
        group = np.arange(errors.shape[1]) % GROUPS
        without = np.array([errors[:, group != k].mean(axis=1) for k in range(GROUPS)])
        times = without[:, 0] / without[:, 2]
        rows.append(
            {
                "point": name,
                "runs": half,
                "right or wrong": raw,
                "pooled, records alone": alone,
                "pooled": pooled,
                "times smaller": raw / pooled,
                "+/-": float(np.sqrt((GROUPS - 1) * np.var(times))),
            }
        )
    return rows


def _differences(world: World, runs: slice, others: slice) -> np.ndarray:
    """Returns [3, N], squared errors without the noise of the raw score of the other runs."""
    known = world.raw(others)
    scores = (world.raw(runs), world.pooled(runs, with_images=False), world.pooled(runs))
    return np.stack([(score.value - known.value) ** 2 - known.stderr**2 for score in scores])


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    if _WORKDIR.value:
        rows = halves(_WORKDIR.value)
        print(tables.text(list(rows[0]), [list(row.values()) for row in rows]))
        return
    if _FLAGS.tiny.value:
        case = Case(per_class=12, truth=60, paper=40, studies=4)
    else:
        case = Case(studies=_STUDIES.value)
    world = _FLAGS.train(case)
    known = truth(world)
    printed = {"efficiency": efficiency(world, known), "coverage": coverage(world, known)}
    correct, mask = world.arrays["train_correct"], world.mask
    print(
        f"accuracy {correct[mask].mean():.3f} in-sample, {correct[~mask].mean():.3f} out-of-sample"
    )
    for rows in printed.values():
        print(tables.text(list(rows[0]), [list(row.values()) for row in rows]))
        print()
    interleave.finish(_FLAGS.out.value, {"case": dataclasses.asdict(world.case), **printed})


if __name__ == "__main__":
    sys.exit(app.run(main))
