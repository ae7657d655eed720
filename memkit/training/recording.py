"""Turns the outcomes of a trained run into the arrays and entries of its record."""

import os
import platform
from typing import TypeAlias

import numpy as np
from etils import epy

from memkit import machine, records
from memkit.studies.points import Point
from memkit.studies.study import Study
from memkit.training import engines
from memkit.training.history import History
from memkit.typing import Array, FloatArray, Json

with epy.lazy_imports():  # Slow to import.
    import scipy.special

# Variables that change how accelerators round the inputs of products of float32.
_ROUNDING = ("JAX_DEFAULT_MATMUL_PRECISION", "NVIDIA_TF32_OVERRIDE")

# What `studies.write_record` takes: the index of the run, its arrays and its entries.
RunRecord: TypeAlias = tuple[int, dict[str, Array], Json]


def record(
    study: Study,
    point: Point,
    run: int,
    arrays: dict[str, Array],
    history: History | None,
    setup: engines.Setup,
    *,
    steps: int = 0,
    seconds: float = 0.0,
    is_blocked: bool = False,
) -> RunRecord:
    """Returns the record of a run.

    Args:
      history: of the run; needed for the first runs only, see `records.SCHEMA`.
      setup: how the run was trained.
      is_blocked: True if the run could not be trained, see `blocked_arrays`.
    """
    status = status_and_accuracies(arrays, study, run, is_blocked=is_blocked)
    made = environment(setup.engine, point.config["training"]["precision"])
    info = {"steps": steps, "seconds": seconds, **made, **status}
    asked = study.sizes_at(point, run).asked
    if history is not None and "history_runs" in asked:
        arrays = arrays | history.arrays()
    if "ntk" in asked:  # A run that was not trained, or only its last layer, has no gradients.
        absent = np.full(study.sizes.train, np.nan, np.float32)
        arrays = {"ntk_memorization": absent} | arrays
    if "features_runs" in asked:
        absent = np.full((study.sizes.train + study.sizes.test, records.FEATURES), np.nan)
        arrays = feature_arrays(absent, study) | arrays
    return run, arrays, info


def feature_arrays(features: FloatArray, study: Study) -> dict[str, Array]:
    """Returns the arrays of the features [N + T, FEATURES] of all examples, train then test."""
    num_train, rounded = study.sizes.train, _float16(features)
    return {"train_features": rounded[:num_train], "test_features": rounded[num_train:]}


def outcome_arrays(
    evaluation: engines.Evaluation, curve: FloatArray, study: Study
) -> dict[str, Array]:
    """Returns the arrays that every record has, and `train_probs` if the study asks for them.

    Args:
      evaluation: of all examples, train then test.
      curve: [epochs, 3] float32, see `checkpoint.Progress`.
    """
    num_train = study.sizes.train
    labels = np.concatenate([study.examples.given_labels, study.examples.test_labels])
    outcomes = {
        "correct": (evaluation.predicted == labels) & np.isfinite(evaluation.logodds),
        "logodds": _float16(evaluation.logodds),
        "predicted": evaluation.predicted.astype(records.label_dtype(study.sizes.classes)),
    }
    arrays: dict[str, Array] = {"curve": curve}
    for name, values in outcomes.items():
        arrays[f"train_{name}"], arrays[f"test_{name}"] = values[:num_train], values[num_train:]
    if study.config["record"]["all_probs"]:
        probs = scipy.special.softmax(evaluation.logits[:num_train], axis=1)
        arrays["train_probs"] = probs.astype(np.float16)
    return arrays


def blocked_arrays(study: Study, epochs: int) -> dict[str, Array]:
    """Returns the arrays of a run that could not be trained: all wrong, without log-odds."""
    num_examples, num_classes = study.sizes.train + study.sizes.test, study.sizes.classes
    evaluation = engines.Evaluation(
        logits=np.full((num_examples, num_classes), np.nan, np.float32),
        logodds=np.full(num_examples, np.nan, np.float32),
        predicted=np.zeros(num_examples, int),
    )
    return outcome_arrays(evaluation, np.full((epochs, 3), np.nan, np.float32), study)


def status_and_accuracies(
    arrays: dict[str, Array], study: Study, run: int, *, is_blocked: bool = False
) -> Json:
    """Returns the entries `status`, `train_accuracy` and `test_accuracy` of a record."""
    train_accuracy = float(arrays["train_correct"][study.train_mask[run]].mean())
    losses = arrays["curve"][:, 0]
    is_finite = np.isfinite(losses).all() and np.isfinite(arrays["train_logodds"]).all()
    status = "done"
    if is_blocked:
        status = "blocked"
    elif not is_finite:
        status = "diverged"
    elif train_accuracy < _collapsed_below(study.sizes.classes):
        status = "collapsed"
    return {
        "status": status,
        "train_accuracy": train_accuracy,
        "test_accuracy": float(arrays["test_correct"].mean()) if study.sizes.test else np.nan,
    }


def _collapsed_below(classes: int) -> float:
    """Returns twice the accuracy of chance, for two classes the middle between chance and 1."""
    return min(2 / classes, (1 + 1 / classes) / 2)


def environment(engine: str, precision: str) -> Json:
    """Returns the entries of a record about the machine and packages that trained the run.

    Args:
      engine: key of engines.ENGINES.
      precision: number format of the model's layers, such as "float32".
    """
    module = engines.load(engine)
    device, versions = module.device(), module.versions()
    return environment_of(engine, device=device, precision=precision, versions=versions)


def environment_of(engine: str, *, device: str, precision: str, versions: dict[str, str]) -> Json:
    """Does what `environment` does for an engine that is none of memkit's.

    Args:
      engine: its name.
      device: model of the device that computed.
      precision: number format of the model's layers.
      versions: {package: version} of the packages that computed, besides NumPy.
    """
    changes = [f"{name}={os.environ[name]}" for name in _ROUNDING if name in os.environ]
    if changes and device != "CPU":
        precision += f" with {' and '.join(changes)}"
    return {
        "engine": engine,
        "device": device,
        "precision": precision,
        "host": platform.node(),
        "processor": machine.processor(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, **versions},
    }


def _float16(values: FloatArray) -> FloatArray:
    limit = np.finfo(np.float16).max
    is_finite = np.isfinite(values)
    return np.where(is_finite, np.clip(values, -limit, limit), np.nan).astype(np.float16)
