"""A study of as many runs as fit a given time: data in, records, scores and correlations out."""

import json
import time

import numpy as np
import scipy.special
import scipy.stats

from benchmarks import small_studies
from memkit import estimators, seeds, studies
from memkit.errors import expected
from memkit.training.runner import Runner

KEYS = ("x_train", "y_train", "x_test", "y_test")


def join_parts(folder, target):
    """Writes the data set in the `cifar_*.npz` parts of a folder to one file.

    A part has some rows of x_train, y_train, x_test and y_test, each key in one part or in many;
    they are joined in the order of the parts' names.

    Raises:
      InputError: the folder has no part, or a key is in none.
    """
    files = sorted(folder.glob("cifar_*.npz"))
    if not files:
        raise expected("--data", "a folder with files cifar_*.npz", folder)
    found = {key: [] for key in KEYS}
    for file in files:
        with np.load(file, allow_pickle=False) as part:
            for key in set(KEYS) & set(part.files):
                found[key].append(part[key])
    missing = [key for key in KEYS if not found[key]]
    if missing:
        raise expected("--data", f"the keys {', '.join(KEYS)} in the parts", f"no {missing[0]}")
    np.savez(target, **{key: np.concatenate(parts) for key, parts in found.items()})


def write_noise(target, *, size, num_classes, num_train, num_test):
    """Writes a data set of random pixels: it takes as long as a real one and measures nothing."""
    rng = seeds.stream(0, "noise")
    arrays = {}
    for part, count in (("train", num_train), ("test", num_test)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (count, size, size, 3), np.uint8)
        arrays[f"y_{part}"] = np.arange(count, dtype=np.int32) % num_classes
    np.savez(target, **arrays)


def read_scores(file, labels):
    """Returns the `scores` [N] of a file, checked against its `labels` [N].

    Raises:
      InputError: the file has other labels than the data set has, so its rows are others.
    """
    with np.load(file, allow_pickle=False) as scores:
        if not np.array_equal(scores["labels"], labels):
            raise expected("--scores", f"the labels of the {len(labels)} train images", file)
        return scores["scores"].astype(np.float64)


def train(number, barrier, study, point, setup, *, count, end):
    """Trains packs of runs while another one fits; a pack is on disk when its seconds are yielded.

    Args:
      number: of this process among those that train the study.
      barrier: of these processes; unused.
      study: Study with a workdir.
      point: its Point.
      setup: engines.Setup.
      count: number of processes; this one trains every `count`-th pack.
      end: `time.monotonic()` after which nothing is to run.

    Yields:
      Seconds of each pack; the first one compiles.
    """
    runner = Runner(setup)
    runner.configure()
    size, seconds = setup.runs_per_program, 0.0
    for first in range(number * size, len(study.train_mask) - size + 1, count * size):
        # The next pack takes no longer than the last one, which may have compiled.
        started = time.monotonic()
        if started + 1.05 * seconds > end:
            break
        small_studies.train(study, point, range(first, first + size), runner)
        seconds = time.monotonic() - started
        yield seconds


def score(study, point, given=None):
    """Reads the records back and estimates memorization and consistency from them.

    Args:
      study: Study with records.
      point: its Point.
      given: [N] scores of somebody else to correlate with, or None.

    Returns:
      (records, scores, numbers): {name: array} of all records, {name: [N]} of the estimates,
      {name: number} to print.
    """
    names = ("train_correct", "test_correct", "train_logodds")
    runs = studies.read_runs(study, point, names)
    mask = study.train_mask[runs.index]
    correct = runs.arrays["train_correct"]
    prob = scipy.special.expit(runs.arrays["train_logodds"].astype(np.float32))
    scores, numbers = {}, {"runs": len(runs.index), "problems": len(runs.problems)}
    for outcome, values in (("correct", correct), ("prob", prob)):
        estimate = estimators.memorization(values, mask)
        scores[f"{outcome}_memorization"] = estimate.value
        scores[f"{outcome}_consistency"] = estimators.consistency(values, mask).value
    scores |= {"num_in": estimate.num_in, "num_out": estimate.num_out}
    numbers |= _accuracies(runs.arrays, mask)
    defined = np.isfinite(scores["correct_memorization"])
    numbers["undefined"] = int((~defined).sum())
    for name in [name for name in scores if not name.startswith("num_")]:
        numbers[f"mean_{name}"] = _mean(scores[name][defined])
        if given is not None:
            numbers[f"spearman_{name}"] = _spearman(scores[name], given)
    records = {
        "runs": runs.index,
        "train_mask": np.packbits(mask, axis=1),
        "train_correct": np.packbits(correct, axis=1),
        "test_correct": np.packbits(runs.arrays["test_correct"], axis=1),
        "train_logodds": runs.arrays["train_logodds"],
        "infos": np.array(json.dumps(runs.infos)),
    }
    return records, scores, numbers


def _accuracies(arrays, mask):
    correct = arrays["train_correct"]
    return {
        "accuracy_in": _mean(correct[mask]),
        "accuracy_out": _mean(correct[~mask]),
        "accuracy_test": _mean(arrays["test_correct"]),
    }


def _mean(values):
    return float(values.mean()) if values.size else float("nan")


def _spearman(ours, theirs):
    """Returns the rank correlation over the examples that both have a score for."""
    both = np.isfinite(ours) & np.isfinite(theirs)
    if min(len(np.unique(ours[both])), len(np.unique(theirs[both]))) < 2:
        return float("nan")
    return float(scipy.stats.spearmanr(ours[both], theirs[both]).statistic)
