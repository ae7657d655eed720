"""The studies of the efficiency benchmark, trained in a process of its own."""

import dataclasses
import time

import numpy as np
import scipy.special

from memkit import estimators, subsets


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained: a perceptron on part of the digits, some labels flipped on purpose.

    Attributes:
      per_class: train examples of each class.
      planted: share of flipped labels.
      hidden: units of the perceptron's hidden layer.
      epochs: of each run; 24 bring the in-sample accuracy to .997.
      batch: examples in a batch.
      num_runs: runs of a study, M.
      replicates: studies per design, at most.
      pack: runs trained side by side.
    """

    per_class: int = 40
    planted: float = 0.1
    hidden: int = 64
    epochs: int = 24
    batch: int = 40
    num_runs: int = 100
    replicates: int = 60
    pack: int = 50


DESIGNS = ("random", "balanced")


def config(case):
    """Returns the config of the studies."""
    from benchmarks import small_studies

    digits = dict(name="digits", mean=[0.3], std=[0.37], train_per_class=case.per_class)
    perceptron = dict(name="mlp", hidden=[case.hidden])
    settings = small_studies.config(
        dataset=digits,
        model=perceptron,
        num_runs=case.num_runs,
        epochs=case.epochs,
        batch_size=case.batch,
    )
    settings["labels"]["planted_fraction"] = case.planted
    return settings


def studies(case, setup, *, first, step, seconds):
    """Returns a function that trains until the time is over and returns {(replicate, design): ...}.

    Args:
      case: Case.
      setup: engines.Setup.
      first: number of the first replicate; both designs of it are trained in turn.
      step: from a replicate to the next, the number of processes that share them.
      seconds: after which no further replicate starts.
    """
    from benchmarks import small_studies
    from memkit.training.runner import Runner

    runner = Runner(setup)
    runner.configure()
    study, point = small_studies.draft(config(case))
    masks = _masks(case, study.examples.given_labels, range(first, case.replicates, step))
    # One study of all rows: the program is compiled once, and every run has streams of its own,
    # which no run of another process has.
    offset = first * len(DESIGNS) * case.num_runs * case.replicates
    skipped = np.zeros((offset, study.sizes.train), bool)
    study = dataclasses.replace(study, train_mask=np.concatenate([skipped, *masks.values()]))

    def estimate(place, mask):
        runs = range(offset + place * case.num_runs, offset + (place + 1) * case.num_runs)
        found = [arrays for _, arrays, _ in runner.train_runs(study, point, list(runs))]
        return _memorization(found, mask)

    def train():
        started, found = time.monotonic(), {}
        for place, ((replicate, design), mask) in enumerate(masks.items()):
            if design == DESIGNS[0] and time.monotonic() - started > seconds:
                break
            found[replicate, design] = estimate(place, mask)
        return found

    return train


def _masks(case, labels, replicates):
    """Returns {(replicate, design): train mask [M, N]}."""
    options = dict(labels=labels, num_runs=case.num_runs, train_fraction=0.7)
    return {
        (replicate, design): subsets.design(design, seed=1 + replicate, **options)
        for replicate in replicates
        for design in DESIGNS
    }


def _memorization(found, mask):
    """Returns the scores of both outcomes [N] and the in-sample accuracy of some records."""
    correct = np.stack([arrays["train_correct"] for arrays in found])
    logodds = np.stack([arrays["train_logodds"] for arrays in found]).astype(np.float64)
    return {
        "correct": estimators.memorization(correct, mask).value,
        "prob": estimators.memorization(scipy.special.expit(logodds), mask).value,
        "in_accuracy": correct[mask].mean(),
    }
