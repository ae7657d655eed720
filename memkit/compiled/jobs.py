"""A compiled model with its examples, and the study that measures it."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit import data, defaults
from memkit.compiled import examples, objectives
from memkit.compiled.examples import Part
from memkit.compiled.objectives import Objective
from memkit.data.dataset import ImageDataset
from memkit.errors import expected
from memkit.models import initial_values
from memkit.models.compiled import COMPILED, Build
from memkit.typing import IntArray, Json

with epy.lazy_imports():  # The user's program has chosen the backend.
    import keras

if TYPE_CHECKING:
    from memkit.compiled.fast_path import Recipe


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """A model with its examples, as the arguments of `measure` describe them.

    Attributes:
      objective: the loss of the model.
      labels: [N + T] int, the class numbers of the examples, train then test.
      model: a model that `build` has returned.
      loaded: hash of the values that every model of `build` starts from, such as pretrained
        weights; "" if there are none but constants.
    """

    build: Build
    train: Part
    test: Part
    objective: Objective
    labels: IntArray
    class_names: tuple[str, ...]
    model: "keras.Model"
    loaded: str


def read_job(build: Build, train: Part, test: Part, class_names: Sequence[str] | None) -> Job:
    """Returns the Job; builds two models, which tells what they start from.

    Raises:
      InputError: see `measure`.
    """
    (model, outputs), (second, _) = _built(build, train), _built(build, train)
    if second is model:
        expectation = "a function that returns a new model in every call"
        raise expected("build", expectation, "the same model twice")
    objective = objectives.read(model)
    labels = np.concatenate(
        [objective.labels("y", train.targets), objective.labels("y_test", test.targets)]
    )
    num_classes = objective.num_classes(tuple(outputs.shape))
    if (highest := int(labels.max())) >= num_classes:
        raise expected("y", f"class numbers below {num_classes}, as the model has outputs", highest)
    names = tuple(map(str, range(num_classes) if class_names is None else class_names))
    if len(names) != num_classes:
        raise expected("class_names", f"{num_classes} names, one per output", len(names))
    loaded = _same_values(model, second)
    return Job(build, train, test, objective, labels, names, model, loaded)


def _built(build: Build, train: Part) -> "tuple[keras.Model, Any]":
    """Returns a new model, with variables, and its symbolic output or that for one example."""
    if isinstance(build, keras.Model):
        received = "a model; pass the function itself (build, not build())"
        raise expected("build", "a function that returns a compiled model", received)
    model = build()
    if not isinstance(model, keras.Model):
        raise expected("build", "a function that returns a keras.Model", type(model).__name__)
    known = getattr(model, "outputs", None)  # of a functional model, which has its variables
    outputs = known[0] if known and len(known) == 1 else model(train.rows(np.arange(1)).inputs)
    if not hasattr(outputs, "shape"):
        raise expected("build", "a model with one output", type(outputs).__name__)
    return model, outputs


def _same_values(model: "keras.Model", second: "keras.Model") -> str:
    """Returns a hash of the values that two new models have in common, but for constants."""
    digest, states = hashlib.sha256(), initial_values.seed_states(model)
    unchanged = digest.hexdigest()
    for variable, other in zip(model.variables, second.variables, strict=True):
        value = variable.numpy()
        is_same = value.size and np.array_equal(value, other.numpy()) and np.ptp(value) > 0
        if is_same and id(variable) not in states:
            digest.update(value.tobytes())
    return "" if digest.hexdigest() == unchanged else digest.hexdigest()[:16]


def config(
    job: Job, recipe: "Recipe", *, is_fast: bool, seed: int, subsets: Json, training: Json
) -> Json:
    """Returns the config of the study: what its reports show and what must not change.

    Args:
      recipe: the sections `optimizer` and `schedule`.
      is_fast: whether an engine trains (True) or `Model.fit`.
      subsets: the section `subsets`.
      training: the fields of `training` that are arguments of `measure`.
    """
    pictures = examples.pictures(job.train.rows(np.arange(1)))
    channels = pictures.shape[-1]
    usual = defaults.config(title=f"Compiled Keras model {job.model.name}")
    return {
        **usual,
        "seed": seed,
        # The model gets its inputs as they are: this normalization changes nothing.
        "dataset": {
            "name": data.ARRAYS,
            "mean": [0.0] * channels,
            "std": [1 / 255] * channels,
            "resident": True,
        },
        "model": {
            "name": COMPILED,
            "trainer": "engine" if is_fast else "fit",
            "parameters": job.model.count_params(),
            "architecture": _architecture(job.model),
            "loaded": job.loaded,
            "loss": job.objective.loss,
        },
        "optimizer": recipe.optimizer,
        "schedule": recipe.schedule,
        "subsets": subsets,
        "training": defaults.training(
            **training, pad=0, label_smoothing=job.objective.label_smoothing
        ),
        # `Model.fit` reports no outcomes of single epochs.
        "record": usual["record"] | ({} if is_fast else {"history_runs": 0}),
    }


def _architecture(model: "keras.Model") -> str:
    """Returns a hash of the layers of a model, their options and connections, and of its loss.

    Code of the user's own classes is not part of it. Layers are named by their position, because
    Keras numbers unnamed layers by how many were built before.
    """
    layers = model._flatten_layers()
    loss = model.loss.get_config() if isinstance(model.loss, keras.losses.Loss) else None
    shapes = [list(variable.shape) for variable in model.variables]
    described = [[[type(x).__name__, _options(x)] for x in layers], loss, shapes]
    text = json.dumps(described, sort_keys=True, default=_type_name)
    for position, layer in enumerate(layers):
        text = text.replace(json.dumps(layer.name), json.dumps(f"layer {position}"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _options(layer: "keras.layers.Layer") -> Json:
    """Returns the config of a layer; {} of a user's own class that has none."""
    try:
        options: Json = layer.get_config()
    except NotImplementedError:
        return {}
    return options


def _type_name(value: object) -> str:
    """Returns what stands for a value that JSON lacks: text with an address would never repeat."""
    return type(value).__name__


def dataset(job: Job, ids: npt.ArrayLike | None) -> ImageDataset:
    """Returns the examples as the data set of a study, whose images are pictures of them."""
    num_train, num_test = len(job.train), len(job.test)
    names = np.arange(num_train).astype(str) if ids is None else np.asarray(ids).astype(str)
    if names.shape != (num_train,) or len(set(names.tolist())) != num_train:
        raise expected("ids", f"{num_train} different names", f"{len(set(names.ravel().tolist()))}")
    labels = job.labels.astype(np.int32)
    return ImageDataset(
        train_images=examples.pictures(job.train),
        train_labels=labels[:num_train],
        train_ids=names,
        test_images=examples.pictures(job.test),
        test_labels=labels[num_train:],
        test_ids=np.arange(num_test).astype(str),
        class_names=job.class_names,
    )
