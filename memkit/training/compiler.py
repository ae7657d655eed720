"""Compiles the programs of a study's points, and keeps the last one for the next runs."""

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from etils import epy

from memkit import models, optimizers, recipe
from memkit.data import dataset as datasets
from memkit.data.dataset import ImageDataset
from memkit.errors import InputError
from memkit.studies import points
from memkit.studies.points import Point
from memkit.studies.study import Study
from memkit.training import engines, penultimate, tangent_features
from memkit.training.images import RESIDENT_BYTES, Joined, all_images, load_dataset
from memkit.typing import Array, Config, FloatArray

with epy.lazy_imports():  # Needed only for models that a Python program gives.
    import cloudpickle

if TYPE_CHECKING:
    import keras

EVAL_BATCH = 512


class ImageSizes(Protocol):
    """What a model has to know about the data: an ImageDataset, or a description of one."""

    @property
    def image_shape(self) -> tuple[int, ...]: ...
    @property
    def num_classes(self) -> int: ...


@dataclasses.dataclass(frozen=True)
class Given:
    """A model and examples that a Python program gives, in place of those that a config names.

    It can be sent to a worker process.

    Attributes:
      build: a `models.compiled.Build`, serialized by cloudpickle.
      inputs: path of an npy file [N + T, ...] of numbers, the inputs of the model, train then test.
    """

    build: bytes
    inputs: str

    def images(self) -> Array:
        """Returns the inputs, memory-mapped."""
        inputs: Array = np.load(self.inputs, mmap_mode="r")
        return inputs

    def builder(self) -> "Callable[[], keras.Model]":
        """Returns the function () -> keras.Model, whose models have been checked before."""
        return functools.partial(models.compiled.build, cloudpickle.loads(self.build))


class Compiler:
    """Compiles points for one engine.

    It keeps the data set of the last study and the program of the last point in memory, since a
    worker trains many runs of one point before it turns to the next. A new Compiler holds neither,
    so it can be pickled and sent to a worker process.
    """

    def __init__(self, setup: engines.Setup, given: Given | None = None) -> None:
        """Creates a compiler that has compiled nothing yet.

        Args:
          given: the model and examples of every study; None for those that its config names.
        """
        self.setup = setup
        self._given = given
        self._dataset: tuple[Study, ImageDataset] | None = None
        self._program: tuple[Study, Point, engines.Program] | None = None
        self._gradients: tuple[Study, Point, keras.Model, engines.Gradients] | None = None

    def dataset(self, study: Study) -> ImageDataset:
        """Returns the data set of a study.

        Raises:
          InputError: it is not the data set that the study was made with.
        """
        if self._dataset is None or self._dataset[0] is not study:
            dataset = load_dataset(study.config)
            if datasets.fingerprint(dataset) != study.info["data_fingerprint"]:
                raise InputError(
                    f"dataset: expected the data set that {study.workdir} was made with, "
                    "received a different one"
                )
            self._dataset = study, dataset
        return self._dataset[1]

    def compile(self, study: Study, point: Point) -> engines.Program:
        """Returns the Program of a point; the last one compiled is reused."""
        if self._program is not None:
            last_study, last_point, program = self._program
            if last_study is study and last_point is point:
                return program
        common, images, resident = self._parts(study, point)
        program = engines.compile_program(
            common,
            setup=self.setup,
            images=images,
            labels=np.concatenate([study.examples.given_labels, study.examples.test_labels]),
            resident=resident,
        )
        self._program = study, point, program
        return program

    def _parts(self, study: Study, point: Point) -> tuple[engines.Blueprint, engines.Images, bool]:
        """Returns (blueprint, images [N + T, ...], whether they stay on the device)."""
        if self._given is None:
            dataset = self.dataset(study)
            wanted = point.config["dataset"]["resident"]
            return blueprint(study, point, dataset), *all_images(dataset, resident=wanted)
        images = self._given.images()
        sizes = Sizes(images.shape[1:], study.sizes.classes)
        common = blueprint(study, point, sizes)
        common = dataclasses.replace(common, build=self._given.builder())
        return common, images, images.nbytes <= RESIDENT_BYTES

    def gradients(self, study: Study, point: Point) -> "tuple[keras.Model, engines.Gradients]":
        """Returns a model of a point and its `Engine.gradients`; the last ones are reused."""
        if self._gradients is not None:
            last_study, last_point, model, function = self._gradients
            if last_study is study and last_point is point:
                return model, function
        model = model_builder(point, self.dataset(study))()
        function = engines.load(self.setup.engine).gradients(model, tangent_features.fold)
        self._gradients = study, point, model, function
        return model, function

    def last_inputs(self, study: Study, point: Point, weights: engines.Values) -> FloatArray:
        """Returns the inputs of the last layer [N + T, D] float32 of a trained model of a point.

        Args:
          weights: values of the model's variables, in their order.

        Raises:
          InputError: see `penultimate.body`.
        """
        dataset = self.dataset(study)
        model = model_builder(point, dataset)()
        for variable, value in zip(model.variables, weights, strict=True):
            variable.assign(value)
        images = Joined(dataset.train_images, dataset.test_images)
        normalization = {name: point.config["dataset"][name] for name in ("mean", "std")}
        return penultimate.inputs(model, images, normalization=normalization)


def blueprint(study: Study, point: Point, sizes: ImageSizes) -> engines.Blueprint:
    """Returns the Blueprint of a point of a study for images of these sizes."""
    training = point.config["training"]
    distillation = point.config["distillation"]
    return engines.Blueprint(
        build=model_builder(point, sizes),
        mean=point.config["dataset"]["mean"],
        std=point.config["dataset"]["std"],
        optimizer=point.config["optimizer"],
        pad=recipe.padding(training["augment"], training["pad"]),
        augment=training["augment"],
        label_smoothing=training["label_smoothing"],
        eval_batch=EVAL_BATCH,
        precision=training["precision"],
        data_parallel=training["data_parallel"],
        sync_batch_norm=training["sync_batch_norm"],
        batch_norm=training["batch_norm"],
        remat=training["remat"],
        teacher=model_builder(study.point(point.teacher), sizes) if point.teacher else None,
        distillation={k: v for k, v in distillation.items() if k != "teacher"},
    )


def model_builder(point: Point, sizes: ImageSizes) -> "Callable[[], keras.Model]":
    """Returns the function () -> keras.Model of a point."""
    return functools.partial(
        models.build,
        input_shape=sizes.image_shape,
        num_classes=sizes.num_classes,
        **point.config["model"],
    )


@dataclasses.dataclass(frozen=True)
class Sizes:
    """`ImageSizes` without images, for another process."""

    image_shape: tuple[int, ...]
    num_classes: int


def needs_trial(config: Config) -> bool:
    """Returns whether models or optimizers of a study are not memkit's own."""
    return any(
        models.is_own(point.config["model"]["name"])
        or point.config["optimizer"]["name"] != optimizers.SGD
        for point in points.points(config)
    )


def try_out(study: Study, sizes: ImageSizes, engine: str) -> None:
    """Builds the model and the optimizer of every point, and trains nothing.

    Raises:
      InputError: a model or an optimizer that cannot work; names the point.
    """
    engines.load(engine)
    for point in study.points:
        try:
            common = blueprint(study, point, sizes)
            model, _ = common.models()
            if point.series == points.LAST_LAYER or point.config["record"]["features_runs"]:
                penultimate.body(model)
            if common.optimizer["name"] != optimizers.SGD:
                optimizers.create(model.trainable_variables, **common.optimizer)
        except InputError as error:
            raise InputError(f"{error} (point {point.name})") from error
