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

from benchmarks import interleave, rare_worlds
from benchmarks.rare_worlds import World
from memkit import seeds, studies, tables
from memkit.audits import choices
from memkit.data.dataset import ImageDataset
from memkit.estimators import audit as auditing
from memkit.estimators.audit import Audit
from memkit.training import engines
from memkit.training.images import load_dataset
from memkit.training.runner import Runner
from memkit.typing import BoolArray, FloatArray, Json

# Tests import several benchmarks into one process, where their flags would clash.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_NPZ = flags.DEFINE_string(
    "npz", "", "file with gray images of digits; scikit-learn's if none", flag_values=_FLAGS
)
_MODEL = flags.DEFINE_enum("model", "mlp", ["mlp", "resnet"], "what is trained", flag_values=_FLAGS)
_WORLDS = flags.DEFINE_integer(
    "worlds", 5, "number of worlds with and without rare images", flag_values=_FLAGS
)
_FIRST = flags.DEFINE_integer("first", 1, "seed of the first world", flag_values=_FLAGS)
_RUNS = flags.DEFINE_integer("runs", 40, "runs per world", flag_values=_FLAGS)
_EPOCHS = flags.DEFINE_integer("epochs", 25, "epochs of a run", lower_bound=1, flag_values=_FLAGS)
_PEAK = flags.DEFINE_float("peak", 0.03, "learning rate", flag_values=_FLAGS)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers", flag_values=_FLAGS)

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
        section = {"name": "npz", "path": str(file)}
        dataset = load_dataset({"dataset": section})
        study = studies.draft(_config(section, dataset, seed), dataset)
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


def _config(section: Json, dataset: ImageDataset, seed: int) -> Json:
    amount = choices.Amount(num_runs=_RUNS.value, epochs=_EPOCHS.value, seconds=0)
    config = choices.with_amount(choices.config(section, dataset, title="", seed=seed), amount)
    config = choices.with_recipe(config, peak=_PEAK.value, augment="none")
    if _MODEL.value == "mlp":
        config["model"] = {"name": "mlp", "hidden": (128,)}
        pixels = np.asarray(dataset.train_images) / 255  # It has no batch normalization.
        config["dataset"]["mean"] = [float(pixels.mean())] * 3
        config["dataset"]["std"] = [float(pixels.std())] * 3
    return config


def separation(worlds: Sequence[Audited], chosen: Sequence[BoolArray]) -> str:
    """Returns the AUROC of rarity for chosen rare images against wrong labels, with its interval.

    Args:
      chosen: for each world [N] bool, the images that are compared.
    """
    rare, wrong = [], []
    for each, compared in zip(worlds, chosen, strict=True):
        rarity = np.where(each.is_suspect, np.nan_to_num(each.audit.rarity, nan=1), 1)
        rare.append(rarity[compared & each.is_rare])
        wrong.append(rarity[compared & each.world.is_wrong])
    above = np.array([[_pairs_above(mine, others) for others in wrong] for mine in rare])
    pairs = np.outer([len(mine) for mine in rare], [len(others) for others in wrong])
    return with_interval(lambda draws: np.einsum("da,ab,db->d", draws, above, draws), pairs)


def _pairs_above(rare: FloatArray, wrong: FloatArray) -> float:
    """Returns the number of pairs in which the rare image has more rarity; a tie counts half."""
    ordered = np.sort(wrong)
    sides = [np.searchsorted(ordered, rare, side) for side in ("left", "right")]
    return float(np.sum(sides)) / 2


def with_interval(number: Callable[[FloatArray], FloatArray], base: FloatArray) -> str:
    """Returns a ratio with its bootstrap interval over worlds, as text; "-" if it is undefined.

    Args:
      number: returns the numerators [D] of D weightings [D, worlds].
      base: denominators of single worlds [worlds] or of pairs of worlds [worlds, worlds].
    """
    count = len(base)
    draws = seeds.stream(0, "benchmarks/rare_or_wrong").integers(0, count, (_DRAWS, count))
    weights = np.concatenate(
        [np.ones((1, count)), (draws[:, :, None] == np.arange(count)).sum(axis=1)]
    )
    below = np.einsum("da,ab,db->d", weights, base, weights) if base.ndim == 2 else weights @ base
    ratios = number(weights)[below > 0] / below[below > 0]
    if not below[0]:
        return "-"
    low, high = np.quantile(ratios[1:], (0.025, 0.975))
    return f"{ratios[0]:.3f} ({low:.3f} to {high:.3f})"


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
    compared = [members(each) | each.world.is_wrong for each in worlds]
    suspects = [each.is_suspect for each in worlds]
    disputed = [chosen & suspect for chosen, suspect in zip(compared, suspects, strict=True)]
    is_listed = [members(each) & (each.audit.kind == auditing.RARE) for each in worlds]
    return [
        sum(int(members(each).sum()) for each in worlds),
        separation(worlds, compared),
        sum(int((members(each) & each.is_suspect).sum()) for each in worlds),
        separation(worlds, disputed),
        sum(int(listed.sum()) for listed in is_listed),
    ]


def found(worlds: Sequence[Audited]) -> list[list[tables.Cell]]:
    """Returns recall and precision of the mislabeled, by votes alone and without rare images."""
    lists = {
        "votes alone": [each.is_outvoted for each in worlds],
        "without rare images": [each.audit.kind == auditing.MISLABELED for each in worlds],
    }
    wrong = np.array([each.world.is_wrong.sum() for each in worlds])
    rows: list[list[tables.Cell]] = []
    for name, called in lists.items():
        hits = np.array([(c & w.world.is_wrong).sum() for c, w in zip(called, worlds, strict=True)])
        sizes = np.array([each.sum() for each in called])
        recall, precision = (
            with_interval(lambda w, h=hits: w @ h, base) for base in (wrong, sizes)
        )
        rows.append([name, int(wrong.sum()), recall, precision])
    return rows


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
