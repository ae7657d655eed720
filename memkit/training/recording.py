"""From what a program said to the arrays and entries of a run record."""

import platform

import numpy as np
import scipy.special

from memkit import machine, records
from memkit.training import engines


def arrays(evaluation, curve, study):
    """Splits an evaluation into the arrays that every record has, and `train_probs` if asked for.

    Args:
      evaluation: engines.Evaluation of all examples.
      curve: [epochs, 3] float32.
      study: Study.
    """
    num_train = study.sizes.train
    given = np.concatenate([study.examples.given_labels, study.examples.test_labels])
    values = {
        "correct": (evaluation.predicted == given) & np.isfinite(evaluation.logodds),
        "logodds": _float16(evaluation.logodds),
        "predicted": evaluation.predicted.astype(records.label_dtype(study.sizes.classes)),
    }
    found = {"curve": curve}
    for name, both in values.items():
        found[f"train_{name}"], found[f"test_{name}"] = both[:num_train], both[num_train:]
    if study.config["record"]["all_probs"]:
        probs = scipy.special.softmax(evaluation.logits[:num_train], axis=1)
        found["train_probs"] = probs.astype(np.float16)
    return found


def blocked(study, epochs):
    """Returns the arrays of a run that could not be trained: nothing right, no log-odds."""
    num_examples, num_classes = study.sizes.train + study.sizes.test, study.sizes.classes
    evaluation = engines.Evaluation(
        logits=np.full((num_examples, num_classes), np.nan, np.float32),
        logodds=np.full(num_examples, np.nan, np.float32),
        predicted=np.zeros(num_examples, int),
    )
    return arrays(evaluation, np.full((epochs, 3), np.nan, np.float32), study)


def verdict(found, study, run, *, is_blocked=False):
    """Returns the status and accuracies of a record with these arrays."""
    train_accuracy = float(found["train_correct"][study.train_mask[run]].mean())
    finite = np.isfinite(found["curve"]).all() and np.isfinite(found["train_logodds"]).all()
    status = "done"
    if is_blocked:
        status = "blocked"
    elif not finite:
        status = "diverged"
    elif train_accuracy < 2 / study.sizes.classes:
        status = "collapsed"
    return {
        "status": status,
        "train_accuracy": train_accuracy,
        "test_accuracy": float(found["test_correct"].mean()),
    }


def circumstances(engine):
    """Returns where and with what a run was trained, as entries of a record."""
    module = engines.load(engine)
    versions = {"python": platform.python_version(), "numpy": np.__version__, **module.versions()}
    return {
        "engine": engine,
        "device": module.device(),
        "host": platform.node(),
        "processor": machine.processor(),
        "versions": versions,
    }


def _float16(logodds):
    limit = np.finfo(np.float16).max
    finite = np.isfinite(logodds)
    return np.where(finite, np.clip(logodds, -limit, limit), np.nan).astype(np.float16)
