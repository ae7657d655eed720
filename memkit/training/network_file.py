"""A run's network as a `.keras` file.

Keras loads it without memkit, except for the models `vit` and `convnext`, whose file needs
`memkit.models.custom_layers`.
"""

import numpy as np
from etils import epy

from memkit.errors import expected, reason
from memkit.studies import Study
from memkit.training import engines, plan
from memkit.training.compiler import model_builder
from memkit.training.runner import Runner
from memkit.typing import Config, IntArray

with epy.lazy_imports():  # The engine that is loaded chooses the backend.
    import keras

_BATCH = 512


def train_and_save(study: Study, name: str, run: int, file: str, setup: engines.Setup) -> IntArray:
    """Trains a run, saves its network, and predicts with the network loaded from the file.

    Args:
      study: the study; a checkpoint of the run may be written into it.
      name: name of a point.
      run: index of the run.
      file: path of a local file that ends in ".keras".
      setup: how this process computes; the engine is configured here.

    Returns:
      Predicted classes [N + T] of the train and test images.

    Raises:
      InputError: Keras cannot load the model, such as one with a layer that is not registered.
    """
    runner, point = Runner(setup), study.point(name)
    runner.configure()
    list(runner.train_runs(study, point, [run]))  # Leaves its values in the compiled program.
    dataset = runner.compiler.dataset(study)
    model = model_builder(point, dataset)()
    values = runner.compiler.compile(study, point).weights()[0]
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)
    _of_raw_images(model, point.config["dataset"], dataset.image_shape).save(file)
    loaded = _loaded(file)
    logits = [
        np.asarray(loaded.predict_on_batch(images[rows]))
        for images in (dataset.train_images, dataset.test_images)
        for rows in plan.evaluation_rows(len(images), _BATCH, whole=False)
    ]
    return np.concatenate(logits).argmax(axis=-1)


def _loaded(file: str) -> "keras.Model":
    try:
        return keras.models.load_model(file, compile=False)
    except (TypeError, ValueError) as error:
        expectation = "a model that Keras can load (keras.saving.register_keras_serializable)"
        raise expected("--format=keras", expectation, reason(error).splitlines()[0]) from error


def _of_raw_images(
    model: "keras.Model", normalization: Config, shape: tuple[int, ...]
) -> "keras.Model":
    """Returns a model that normalizes images as `step.normalize` does, and then is the model."""
    mean, std = (np.asarray(normalization[name]) for name in ("mean", "std"))
    images = keras.Input(shape, name="images")
    scale = keras.layers.Rescaling((1 / (255 * std)).tolist(), (-mean / std).tolist())
    return keras.Model(images, model(scale(images)), name=model.name)
