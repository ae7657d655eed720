"""Saves the network of a finished run as a `.keras` file, by training the run again."""

import dataclasses
import os
import tempfile

import numpy as np
from etils import epy

from memkit import records, storage, studies
from memkit.errors import expected, missing
from memkit.studies import Point, Study, copies
from memkit.studies.points import LAST_LAYER
from memkit.sweeps import placement, pool
from memkit.training import engines, plan
from memkit.training.compiler import model_builder
from memkit.training.runner import Runner
from memkit.typing import Config, IntArray, Path

with epy.lazy_imports():  # The engine that is loaded chooses the backend.
    import keras

_BATCH = 512
_PREDICTED = ("train_predicted", "test_predicted")


@dataclasses.dataclass(frozen=True)
class Saved:
    """A saved network, compared with the record of its run.

    Attributes:
      path: the file.
      answers: number of train and test examples whose predicted class differs from the record.
      total: number of train and test examples.
    """

    path: str
    answers: int
    total: int


def save(study: Study, point: Point, run: int, out: Path) -> Saved:
    """Trains a finished run again, with its engine, and saves its network.

    The network takes the images of the data set as they are, [B, H, W, C] from 0 to 255, and
    returns logits [B, C]. The file is loaded again before it is compared with the record. Nothing
    is written into the study.

    Args:
      study: the study. A user's model must be allowed, see `models.allow`.
      point: the point of the run; not of the series "last_layer", which has no network of its own.
      run: index of a finished run.
      out: folder of the file, which is named `<point>_<run>.keras`.

    Raises:
      InputError: the run is not finished or diverged, its engine is not installed, or the data
        differ from those of the study.
    """
    if point.series == LAST_LAYER:
        raise expected("--points", "a point of another series than last_layer", point.name)
    finished = studies.read_runs(study, point, _PREDICTED, among=[run])
    if not len(finished.index) or finished.infos[0]["status"] not in records.USABLE:
        remedy = "see `memkit status`"
        raise missing("--run", f"finished run {run} of {point.name} that did not diverge", remedy)
    placed = placement.place(
        engine=finished.infos[0]["engine"],
        data_parallel=point.config["training"]["data_parallel"],
    )
    with tempfile.TemporaryDirectory(prefix="memkit-") as folder:
        copied = copies.copy_to_train(study, point, [run], folder)
        file = os.path.join(folder, "model.keras")
        arguments = (copied, point.name, run, file, placed.setup)
        predicted = pool.call_in_process(placed.worker_envs[0], _train_and_save, *arguments)
        path = storage.path(out) / f"{point.name}_{run}.keras"
        storage.write(path, storage.read(file))
    recorded = np.concatenate([finished.arrays[name][0] for name in _PREDICTED])
    return Saved(str(path), int(np.count_nonzero(predicted != recorded)), len(recorded))


def _train_and_save(study: Study, name: str, run: int, file: str, setup: engines.Setup) -> IntArray:
    """Returns the predicted classes [N + T] of the network, loaded from its file."""
    runner, point = Runner(setup), study.point(name)
    runner.configure()
    list(runner.train_runs(study, point, [run]))
    dataset = runner.compiler.dataset(study)
    model = model_builder(point, dataset)()
    values = runner.compiler.compile(study, point).weights()[0]
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)
    _of_raw_images(model, point.config["dataset"], dataset.image_shape).save(file)
    loaded = keras.models.load_model(file, compile=False)
    logits = [
        np.asarray(loaded.predict_on_batch(images[rows]))
        for images in (dataset.train_images, dataset.test_images)
        for rows in plan.evaluation_rows(len(images), _BATCH, whole=False)
    ]
    return np.concatenate(logits).argmax(axis=-1)


def _of_raw_images(
    model: "keras.Model", normalization: Config, shape: tuple[int, ...]
) -> "keras.Model":
    """Returns a model that normalizes images as `step.normalize` does, and then is the model."""
    mean, std = (np.asarray(normalization[name]) for name in ("mean", "std"))
    images = keras.Input(shape, name="images")
    scale = keras.layers.Rescaling((1 / (255 * std)).tolist(), (-mean / std).tolist())
    return keras.Model(images, model(scale(images)), name=model.name)
