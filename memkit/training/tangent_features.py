"""Tangent features: the gradients of a trained network's logits, folded to a fixed length.

Inner products of these gradients are the empirical neural tangent kernel, summed over the logits.
Folding gives every entry of a gradient a random sign and adds it to a random place (Charikar et
al. 2002), which keeps inner products up to noise of about 1 / sqrt(LENGTH) of the squared lengths.
Memory and time of what follows then do not depend on the size of the network.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from etils import epy

from memkit import seeds
from memkit.training import engines, step
from memkit.typing import Array, FloatArray, IntArray

with epy.lazy_imports():  # The engine that is loaded chooses the backend of Keras.
    import keras

if TYPE_CHECKING:
    from memkit.data.mapped import MappedImages

LENGTH = 4096
MOST_DIRECTIONS = 10  # in the space of logits; more classes are mixed at random


def features(
    model: "keras.Model",
    gradients: engines.Gradients,
    images: "Array | MappedImages",
    members: IntArray,
    *,
    rng: seeds.Generator,
    normalization: Mapping[str, Sequence[float]],
) -> FloatArray:
    """Returns the tangent features [n, LENGTH] float32 of some images.

    The network is in inference mode, and the images are not augmented.

    Args:
      model: the trained network.
      gradients: see `Compiler.gradients`.
      images: [N, H, W, C] uint8.
      members: [n] int, rows of the images.
      rng: draws signs and sources.
      normalization: `mean` and `std` of `step.normalize`.
    """
    num_weights = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    mixed = directions(model.output_shape[-1], rng)
    arguments = (mixed, *fold_plan(len(mixed) * num_weights, rng))
    on_device = [keras.ops.convert_to_tensor(argument) for argument in arguments]
    folded = np.empty((len(members), LENGTH), np.float32)
    for row, member in enumerate(members):
        image = step.normalize(images[member], **normalization)
        folded[row] = gradients(image, *on_device)
    return folded


def directions(num_classes: int, rng: seeds.Generator) -> FloatArray:
    """Returns directions [R, C] float32 whose outer products add up to the identity on average.

    Gradients of a few random sums of the logits stand for those of each if there are many classes.
    """
    if num_classes <= MOST_DIRECTIONS:
        return np.eye(num_classes, dtype=np.float32)
    signs = rng.choice([-1, 1], (MOST_DIRECTIONS, num_classes))
    return (signs / np.sqrt(MOST_DIRECTIONS)).astype(np.float32)


def fold_plan(length: int, rng: seeds.Generator) -> tuple[IntArray, FloatArray]:
    """Returns where `fold` takes its entries from, and their signs, both [K LENGTH]."""
    rounded = -(-length // LENGTH) * LENGTH
    sources = rng.permutation(rounded).astype(np.int32)
    return sources, rng.choice(np.array([-1, 1], np.float32), rounded)


def fold(gradients: Any, sources: Any, signs: Any) -> Any:
    """Returns gradients [R, P] as features [LENGTH]; all are arrays of the engine."""
    entries = keras.ops.reshape(gradients, (-1,))
    padded = keras.ops.pad(entries, (0, sources.shape[0] - entries.shape[0]))
    mixed = keras.ops.take(padded, sources) * signs
    return keras.ops.sum(keras.ops.reshape(mixed, (-1, LENGTH)), axis=0)
