r"""How well memkit finds wrong labels, against cleanlab at equal compute.

  python -m venv cleanlab && cleanlab/bin/pip install cleanlab==2.9.0 scikit-learn
  python -m benchmarks.audit --cleanlab=cleanlab/bin/python --mnist=mnist.npz \
      --cifar100=cifar100.npz [--seeds=2] [--runs=20] [--models] [--keep=out/audit_worlds]

5% of the labels are flipped: those of scikit-learn's digits and of 2,000 images of MNIST at random,
those of the same MNIST images to the digit that looks alike, and those of the first ten classes of
CIFAR-100 at random. memkit trains the runs of an audit, with the model, the epochs and the learning
rate that `memkit audit FOLDER` chooses. cleanlab gets out-of-sample probabilities of the same
network with the same recipe from 5-fold cross-validation: once, and repeated and averaged until as
many networks are trained as by the audit, each on 80% of the images instead of 70%. That is more
compute than the audit takes, its search for a learning rate included. It also gets those of
logistic regression on pixels and of the 10 nearest neighbors. cleanlab has its defaults and an
environment of its own; memkit does not need it.

The columns are the average precision of the ranking, the precision and recall of what is called
wrong, the correct labels that are listed before 90% of the flipped ones (false alarms at equal
recall), seconds of processor time, and images times epochs, all means over the seeds of the flips.
Intervals are of 95%, from drawing images with replacement, flipped and correct ones apart. With
--models, the audit's runs are trained with its larger models as well, and rows say which of these
the search takes. With --keep, finished worlds are kept and not trained again.
"""

import dataclasses
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import numpy as np
from absl import app, flags
from sklearn.metrics import average_precision_score

from benchmarks import audit_worlds as worlds
from benchmarks import interleave
from memkit import tables
from memkit.audits import choices
from memkit.estimators import audit as auditing
from memkit.typing import BoolArray, FloatArray

# Tests import several benchmarks into one process, where their flags would clash.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_CLEANLAB = flags.DEFINE_string(
    "cleanlab", sys.executable, "a Python with cleanlab", flag_values=_FLAGS
)
_MNIST = flags.DEFINE_string("mnist", "", "npz file of MNIST", flag_values=_FLAGS)
_CIFAR = flags.DEFINE_string("cifar100", "", "npz file of CIFAR-100", flag_values=_FLAGS)
_CASES = flags.DEFINE_list("cases", [], "only rows that contain one of these", flag_values=_FLAGS)
_SEEDS = flags.DEFINE_integer("seeds", 1, "draws of flipped labels", flag_values=_FLAGS)
_RUNS = flags.DEFINE_integer("runs", 20, "of the audit", flag_values=_FLAGS)
_EPOCHS = flags.DEFINE_integer(
    "epochs", 0, "of each network; 0 = those of an audit that has time", flag_values=_FLAGS
)
_MODELS = flags.DEFINE_bool("models", False, "the larger models, too", flag_values=_FLAGS)
_KEEP = flags.DEFINE_string("keep", "", "folder for finished worlds", flag_values=_FLAGS)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers", flag_values=_FLAGS)
_EXAMPLES = flags.DEFINE_integer("examples", 0, "fewer images, to try", flag_values=_FLAGS)

OURS, PLAIN, REPEATED = "memkit", "5-fold network", "repeated 5-fold network"
NAMES = {"plain": PLAIN, "repeated": REPEATED, "logistic": "logistic regression", "knn": "kNN"}
RECALL = 0.9
DRAWS = 300  # of images, for intervals


@dataclasses.dataclass(frozen=True)
class Found:
    """What a method finds among N images.

    Attributes:
      suspicion: [N] float, higher = more suspect.
      called: [N] bool, what it calls wrong.
      cpu: seconds of processor time, training included.
      example_epochs: images times epochs that it trains, of networks only.
    """

    suspicion: FloatArray
    called: BoolArray
    cpu: float
    example_epochs: float


def cases() -> list[worlds.Case]:
    """Returns the cases whose files are given."""
    found = [worlds.Case("digits, random")]
    if _MNIST.value:
        few = {"npz": _MNIST.value, "examples": 2000}
        found.append(worlds.Case("MNIST, random", **few))
        found.append(worlds.Case("MNIST, alike", **few, confused=True))
    if _CIFAR.value:
        found.append(worlds.Case("CIFAR-100, ten classes", npz=_CIFAR.value, classes=10))
    if _EXAMPLES.value:
        found = [dataclasses.replace(case, examples=_EXAMPLES.value) for case in found]
    return [c for c in found if not _CASES.value or any(word in c.name for word in _CASES.value)]


def ours(world: worlds.Flipped, trained: worlds.Trained, runs: int) -> Found:
    """Returns what the audit finds from its runs, which are the first of those trained."""
    arrays = {name: array[:runs] for name, array in trained.arrays.items()}
    mask, num = trained.mask[:runs], len(world.labels)
    prob = 1 / (1 + np.exp(-arrays["train_logodds"].astype(np.float64)))
    result = auditing.audit(
        arrays["train_predicted"].astype(np.int64),
        prob,
        mask,
        world.labels,
        int(world.labels.max()) + 1,
        copied=np.zeros(num, bool),
    )
    searched = trained.search_epochs * choices.TRAIN_FRACTION * num
    return Found(
        suspicion=result.score,
        called=result.kind == auditing.MISLABELED,
        cpu=float(trained.cpu[:runs].sum()) + trained.search_cpu,
        example_epochs=float(mask.sum()) * trained.epochs + searched,
    )


def cross_validated(trained: worlds.Trained, rows: slice) -> FloatArray:
    """Returns [N, K], mean probabilities of the networks of `rows` that left an image out."""
    outside = ~trained.mask[rows]
    probs = trained.arrays["train_probs"][rows].astype(np.float64)
    mean = (probs * outside[..., None]).sum(axis=0) / outside.sum(axis=0)[:, None]
    return mean / mean.sum(axis=1, keepdims=True)


def theirs(
    world: worlds.Flipped, trained: worlds.Trained, runs: int, folder: pathlib.Path
) -> tuple[dict[str, Found], str]:
    """Returns what cleanlab finds with each kind of probabilities, and its versions."""
    rows = {"plain": slice(runs, runs + worlds.FOLDS), "repeated": slice(runs, None)}
    probs = {f"probs_{name}": cross_validated(trained, part) for name, part in rows.items()}
    source, target = folder / "in.npz", folder / "out.npz"
    np.savez(source, images=world.images, labels=world.labels, **probs)
    script = pathlib.Path(__file__).with_name("audit_cleanlab.py")
    subprocess.run([_CLEANLAB.value, script, source, target], check=True)
    found = {}
    with np.load(target) as file:
        for key, name in NAMES.items():
            part = rows[key] if key in rows else slice(0)
            found[name] = Found(
                suspicion=-file[f"quality_{key}"],
                called=file[f"called_{key}"],
                cpu=float(file[f"cpu_{key}"] + trained.cpu[part].sum()),
                example_epochs=float(trained.mask[part].sum()) * trained.epochs,
            )
        return found, ", ".join(file["versions"].tolist())


def false_alarms(suspicion: FloatArray, flipped: BoolArray) -> float:
    """Returns the correct labels that come before RECALL of the flipped ones; ties count half."""
    needed = int(np.ceil(RECALL * flipped.sum()))
    threshold = np.sort(suspicion[flipped])[::-1][needed - 1]
    correct = suspicion[~flipped]
    return float((correct > threshold).sum() + 0.5 * (correct == threshold).sum())


def measures(found: Found, flipped: BoolArray, rows: slice | FloatArray = slice(None)) -> list:
    """Returns average precision, precision and recall of what is called, and false alarms."""
    suspicion, called, truth = found.suspicion[rows], found.called[rows], flipped[rows]
    hits = float((called & truth).sum())
    precision = hits / called.sum() if called.any() else np.nan
    ranking = float(average_precision_score(truth, suspicion))
    return [ranking, precision, hits / truth.sum(), false_alarms(suspicion, truth)]


def drawn(flipped: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Returns rows of images that are drawn with replacement, flipped and correct ones apart."""
    parts = [np.flatnonzero(flipped), np.flatnonzero(~flipped)]
    return np.concatenate([rng.choice(part, len(part)) for part in parts])


def summary(seeds: Sequence[tuple[BoolArray, dict[str, Found]]]) -> list[dict]:
    """Returns a row per method: means over the seeds, with intervals.

    Args:
      seeds: (flipped, {method: Found}) of every draw of flipped labels.
    """
    rng = np.random.default_rng(0)
    samples = [[drawn(flipped, rng) for flipped, _ in seeds] for _ in range(DRAWS)]
    methods = list(seeds[0][1])

    def mean(name: str, rows: Sequence[slice | FloatArray]) -> FloatArray:
        each = [measures(f[name], flipped, r) for (flipped, f), r in zip(seeds, rows, strict=True)]
        return np.mean(each, axis=0)

    whole = [slice(None)] * len(seeds)
    boot = {name: np.array([mean(name, rows) for rows in samples]) for name in methods}
    rows = []
    for name in methods:
        low, high = np.nanpercentile(boot[name], [2.5, 97.5], axis=0)
        less = np.percentile(boot[OURS][:, 0] - boot[name][:, 0], [2.5, 97.5])
        ranking, precision, recall, alarms = mean(name, whole)
        found = [f[name] for _, f in seeds]
        rows.append(
            {
                "method": name,
                "average precision": ranking,
                "interval": f"{low[0]:.3f} to {high[0]:.3f}",
                "memkit is better by": "" if name == OURS else f"{less[0]:+.3f} to {less[1]:+.3f}",
                "called: precision": precision,
                "recall": recall,
                f"false alarms at recall {RECALL:g}": alarms,
                "alarms, interval": f"{low[3]:.0f} to {high[3]:.0f}",
                "CPU seconds": float(np.mean([f.cpu for f in found])),
                "thousand image epochs": float(np.mean([f.example_epochs for f in found])) / 1000,
            }
        )
    return rows


def networks(
    case: worlds.Case, seed: int, folder: pathlib.Path, model: choices.Model = choices.MODELS[0]
) -> worlds.Trained:
    """Returns the networks of a world, trained if they are not kept; folds of the first model."""
    first = model == choices.MODELS[0]
    name = f"{case.name.replace(', ', '_')}_{seed}_{_RUNS.value}_{_EPOCHS.value}"
    name += "" if first else f"_{choices.MODELS.index(model)}"
    kept = pathlib.Path(_KEEP.value) / f"{name}.npz"
    if _KEEP.value and kept.exists():
        return worlds.read(kept)
    repetitions = -(-_RUNS.value // worlds.FOLDS) if first else 0
    options = {"runs": _RUNS.value, "repetitions": repetitions, "epochs": _EPOCHS.value}
    trained = worlds.train(worlds.flip(case, seed), folder, **options, model=model)
    if _KEEP.value:
        worlds.write(kept, trained)
    return trained


def larger_models(
    case: worlds.Case, world: worlds.Flipped, seed: int, folder: pathlib.Path
) -> dict[str, Found]:
    """Returns what the audit finds with each of its models for images of up to 32 pixels."""
    found = {}
    for model in choices.MODELS[1:]:
        if model.side <= choices.MODELS[0].side:
            trained = networks(case, seed, folder, model)
            taken = "taken" if trained.is_chosen else "not taken"
            name = f"{OURS}, ResNet-{model.depth}, width {model.width} ({taken})"
            found[name] = ours(world, trained, _RUNS.value)
    return found


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    results, versions = {}, ""
    for case in cases():
        seeds = []
        for seed in range(_SEEDS.value):
            world = worlds.flip(case, seed)
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                trained = networks(case, seed, folder)
                found = {OURS: ours(world, trained, _RUNS.value)}
                found |= larger_models(case, world, seed, folder) if _MODELS.value else {}
                cleanlab, versions = theirs(world, trained, _RUNS.value, folder)
            seeds.append((world.flipped, found | cleanlab))
        rows = summary(seeds)
        print(
            f"{case.name}: {len(world.labels):,} images, {world.flipped.sum()} flipped, "
            f"{len(seeds)} seeds; {_RUNS.value} runs of {trained.epochs} epochs, {trained.recipe}"
        )
        print(tables.text(list(rows[0]), [list(row.values()) for row in rows]), flush=True)
        print()
        results[case.name] = rows
    interleave.finish(_OUT.value, {"cases": results}, f"{versions}, ")


if __name__ == "__main__":
    sys.exit(app.run(main))
