r"""How well the audit tells planted rare images from planted wrong labels.

  python -m benchmarks.rare_or_wrong [--npz=mnist.npz] [--model=resnet] [--worlds=5] [--runs=40]

Every world (`benchmarks.rare_worlds`) has 1,437 of scikit-learn's digits, or 2,000 images of the
file, 61 to 65 of them in rare groups and 5% with wrong labels. Models are trained on subsets and
the labels are audited as `memkit audit` does, with perceptrons of 128 units or its ResNet-8.

  AUROC       for planted rare images against planted wrong labels, by `estimators.rarity`; images
              that the audit does not suspect are above all others
  outvoted    rare images that the audit lists as mislabeled, rare or ambiguous, and their AUROC
              against the wrong labels that it lists so
  listed      those of them that it lists as rare

Intervals are 95% intervals of the bootstrap over worlds. The last table compares the list of
mislabeled images with that of the votes alone, also in worlds without rare groups.
"""

import dataclasses
import pathlib
import sys
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
from absl import app, flags
from sklearn import metrics

from benchmarks import interleave, rare_worlds
from benchmarks.rare_worlds import World
from memkit import seeds, studies, tables
from memkit.audits import choices
from memkit.estimators import audit as auditing
from memkit.estimators.audit import Audit
from memkit.training import engines
from memkit.training.images import load_dataset
from memkit.training.runner import Runner
from memkit.typing import BoolArray, Json

_NPZ = flags.DEFINE_string("npz", "", "file with gray images of digits; scikit-learn's if none")
_MODEL = flags.DEFINE_enum("model", "mlp", ["mlp", "resnet"], "what is trained")
_WORLDS = flags.DEFINE_integer("worlds", 5, "number of worlds with and without rare images")
_FIRST = flags.DEFINE_integer("first", 1, "seed of the first world")
_RUNS = flags.DEFINE_integer("runs", 40, "runs per world")
_EPOCHS = flags.DEFINE_integer("epochs", 25, "epochs of a run", lower_bound=1)
_PEAK = flags.DEFINE_float("peak", 0.03, "learning rate")
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")

_PACK = 20  # perceptrons that are trained at the same time
_DRAWS = 1000
_SUSPECTS = (auditing.MISLABELED, auditing.RARE, auditing.AMBIGUOUS)


@dataclasses.dataclass(frozen=True, eq=False)
class Audited:
    """A world with the audit of its labels."""

    world: World
    audit: Audit

    @property
    def is_rare(self) -> BoolArray:
        """[N] bool, in a planted group."""
        return self.world.size > 0

    @property
    def is_suspect(self) -> BoolArray:
        """[N] bool, taken for mislabeled, rare or ambiguous."""
        return np.isin(self.audit.kind, _SUSPECTS)

    @property
    def is_outvoted(self) -> BoolArray:
        """[N] bool, the votes alone call it mislabeled."""
        return auditing.rival_wins(self.audit.votes)


def audited(world: World, runner: Runner, *, seed: int) -> Audited:
    """Trains the runs of a world and audits its labels."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "world.npz"
        world.save(file)
        dataset = load_dataset({"dataset": {"name": "npz", "path": str(file)}})
        config = _config({"name": "npz", "path": str(file)}, dataset, seed)
        study = studies.draft(config, dataset)
        runs = list(runner.train_runs(study, study.points[0], range(_RUNS.value)))
    predicted = np.stack([arrays["train_predicted"] for _, arrays, _ in runs])
    logodds = np.stack([arrays["train_logodds"] for _, arrays, _ in runs]).astype(np.float64)
    result = auditing.audit(
        predicted,
        1 / (1 + np.exp(-logodds)),
        study.train_mask[[run for run, _, _ in runs]],
        world.given,
        study.sizes.classes,
        copied=np.zeros(len(world.given), bool),
        images=world.train_images,
    )
    return Audited(world, result)


def _config(dataset: Json, images: object, seed: int) -> Json:
    amount = choices.Amount(num_runs=_RUNS.value, epochs=_EPOCHS.value, seconds=0)
    config = choices.with_amount(choices.config(dataset, images, title="", seed=seed), amount)
    config = choices.with_recipe(config, peak=_PEAK.value, augment="none")
    if _MODEL.value == "mlp":
        config["model"] = {"name": "mlp", "hidden": (128,)}
    return config


def separation(worlds: Sequence[Audited], chosen: Callable[[Audited], BoolArray]) -> float:
    """Returns the AUROC of rarity for chosen rare images against wrong labels; NaN without both.

    Args:
      chosen: returns [N] bool, the images of a world that are compared.
    """
    is_rare, rarity = [], []
    for each in worlds:
        compared = chosen(each) & (each.is_rare | each.world.is_wrong)
        is_rare.append(each.is_rare[compared])
        suspected = np.nan_to_num(each.audit.rarity, nan=1)
        rarity.append(np.where(each.is_suspect, suspected, 1)[compared])
    joined = np.concatenate(is_rare)
    if joined.all() or not joined.any():
        return np.nan
    return float(metrics.roc_auc_score(joined, np.concatenate(rarity)))


def with_interval(worlds: Sequence[Audited], number: Callable[[Sequence[Audited]], float]) -> str:
    """Returns a number of worlds with its bootstrap interval over worlds, as text."""
    rng = seeds.stream(0, "benchmarks/rare_or_wrong")
    draws = [
        number([worlds[i] for i in rng.integers(0, len(worlds), len(worlds))])
        for _ in range(_DRAWS if len(worlds) > 1 else 0)
    ]
    value, draws = number(worlds), [draw for draw in draws if not np.isnan(draw)]
    if np.isnan(value) or not draws:
        return "-" if np.isnan(value) else f"{value:.3f}"
    low, high = np.quantile(draws, (0.025, 0.975))
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def rows(worlds: Sequence[Audited]) -> list[list[tables.Cell]]:
    """Returns a row per kind of rarity, per size of a group, and one for all."""
    groups: dict[str, Callable[[Audited], BoolArray]] = {
        kind: (lambda each, kind=kind: each.world.rare == kind) for kind in rare_worlds.KINDS
    }
    for size in rare_worlds.SIZES:
        groups[f"groups of {size}"] = lambda each, size=size: each.world.size == size
    groups["all"] = lambda each: each.is_rare
    return [[name, *_row(worlds, members)] for name, members in groups.items()]


def _row(worlds: Sequence[Audited], members: Callable[[Audited], BoolArray]) -> list[tables.Cell]:
    def compared(each: Audited) -> BoolArray:
        return members(each) | each.world.is_wrong

    def disputed(each: Audited) -> BoolArray:
        return compared(each) & each.is_suspect

    suspects = sum(int((members(each) & each.is_suspect).sum()) for each in worlds)
    listed = sum(int((members(each) & (each.audit.kind == auditing.RARE)).sum()) for each in worlds)
    return [
        sum(int(members(each).sum()) for each in worlds),
        with_interval(worlds, lambda some: separation(some, compared)),
        suspects,
        with_interval(worlds, lambda some: separation(some, disputed)),
        listed,
    ]


def found(worlds: Sequence[Audited]) -> list[list[tables.Cell]]:
    """Returns rows about the list of mislabeled images: by votes alone, and without rare ones."""
    lists: dict[str, Callable[[Audited], BoolArray]] = {
        "votes alone": lambda each: each.is_outvoted,
        "without rare images": lambda each: each.audit.kind == auditing.MISLABELED,
    }
    return [
        [
            name,
            sum(int(each.world.is_wrong.sum()) for each in worlds),
            with_interval(worlds, lambda some, called=called: _share(some, called, "is_wrong")),
            with_interval(worlds, lambda some, called=called: _share(some, called, "")),
        ]
        for name, called in lists.items()
    ]


def _share(worlds: Sequence[Audited], called: Callable[[Audited], BoolArray], among: str) -> float:
    """Returns recall (among wrong labels) or precision (among those that are called)."""
    hits = sum(int((called(each) & each.world.is_wrong).sum()) for each in worlds)
    base = [each.world.is_wrong if among else called(each) for each in worlds]
    return hits / max(1, sum(int(each.sum()) for each in base))


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    is_packed = _MODEL.value == "mlp"
    packing = {"packing": "vmap", "runs_per_program": _PACK} if is_packed else {}
    printed = {}
    for has_rare in (True, False):
        worlds = []
        for seed in range(_FIRST.value, _FIRST.value + _WORLDS.value):
            runner = Runner(engines.Setup(engine="jax", **packing))
            runner.configure()
            world = rare_worlds.world(_NPZ.value, seed, rare=has_rare)
            worlds.append(audited(world, runner, seed=seed))
        if has_rare:
            header = ["rare images", "images", "AUROC", "outvoted", "AUROC of these", "listed"]
            printed["rare"] = rows(worlds)
            print(tables.text(header, printed["rare"]))
        name = "with rare groups" if has_rare else "without"
        printed[name] = found(worlds)
        header = [f"mislabeled, {name}", "wrong", "recall", "precision"]
        print(tables.text(header, printed[name]), flush=True)
    interleave.finish(_OUT.value, printed, f"{_WORLDS.value} worlds, {_RUNS.value} runs each, ")


if __name__ == "__main__":
    sys.exit(app.run(main))
