"""The inputs of a network's last layer, in which similar examples are close to each other."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from etils import epy

from memkit import seeds
from memkit.errors import expected
from memkit.records import FEATURES
from memkit.training import step
from memkit.typing import FloatArray

with epy.lazy_imports():  # The engine that is loaded chooses the backend of Keras.
    import keras

if TYPE_CHECKING:
    from memkit.training.images import Joined

BATCH = 512


def inputs(
    model: "keras.Model", images: "Joined", *, normalization: Mapping[str, Sequence[float]]
) -> FloatArray:
    """Returns the inputs of a model's last layer for some images [n, H, W, C], [n, D] float32.

    The network is in inference mode, and the images are not augmented.

    Args:
      normalization: `mean` and `std` of `step.normalize`.

    Raises:
      InputError: see `body`.
    """
    function = body(model)
    blocks = []
    for start in range(0, len(images), BATCH):
        rows = np.arange(start, min(start + BATCH, len(images)))
        x = step.normalize(images[rows], **normalization)
        blocks.append(keras.ops.convert_to_numpy(function(x, training=False)).astype(np.float32))
    return np.concatenate(blocks).reshape(len(images), -1)


def body(model: "keras.Model") -> "keras.Model":
    """Returns the model that computes the inputs of a model's last layer.

    Raises:
      InputError: the model does not end in a dense layer, or its layers are not known because it is
        neither functional nor sequential.
    """
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense) or not getattr(model, "inputs", None):
        uses = "record.features_runs and the series last_layer"
        raise expected("model", f"a dense layer at the end, which {uses} need", last.name)
    return keras.Model(model.input, last.input)


def folded(features: FloatArray, rng: seeds.Generator) -> FloatArray:
    """Returns features of any length [n, D] as [n, FEATURES] float32 with a mean square of 1.

    More features are projected on random directions, which keeps cosine similarities up to noise of
    about 1 / sqrt(FEATURES) = 0.12. Fewer are followed by zeros, which keeps them exactly.

    Args:
      rng: draws the directions.
    """
    length = features.shape[1]
    if length > FEATURES:
        signs = rng.choice(np.array([-1, 1], np.float32), (length, FEATURES))
        features = features @ signs
    else:
        features = np.pad(features, [(0, 0), (0, FEATURES - length)])
    scale = np.sqrt(np.mean(np.square(features, dtype=float)))
    return (features / scale if scale > 0 else features).astype(np.float32)
