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
from memkit.training import engines, plan, step
from memkit.typing import Array, FloatArray, IntArray

with epy.lazy_imports():  # The engine that is loaded chooses the backend of Keras.
    import keras

if TYPE_CHECKING:
    from memkit.data.mapped import MappedImages

LENGTH = 4096
MOST_DIRECTIONS = 10  # in the space of logits; more classes are mixed at random
_MOST_ENTRIES = 2**24  # of all gradients that are computed at a time
_MOST_EXAMPLES = 256


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
      rng: draws signs and places.
      normalization: `mean` and `std` of `step.normalize`.
    """
    num_weights = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    size = max(1, min(_MOST_EXAMPLES, _MOST_ENTRIES // num_weights))
    size = min(size, len(members))
    folded = np.zeros((len(members), LENGTH), np.float32)
    for direction in directions(model.output_shape[-1], rng):
        places, signs = fold_plan(num_weights, rng)
        for rows in plan.evaluation_rows(len(members), size, whole=True):
            x = step.normalize(images[members[rows]], **normalization)
            values = gradients(x, direction, places, signs)
            is_new = np.diff(rows, prepend=-1) > 0  # The last batch is filled with copies.
            folded[rows[is_new]] += values[is_new]
    return folded


def directions(num_classes: int, rng: seeds.Generator) -> FloatArray:
    """Returns directions [R, C] float32 whose outer products add up to the identity on average.

    Gradients of a few random sums of the logits stand for those of each if there are many classes.
    """
    if num_classes <= MOST_DIRECTIONS:
        return np.eye(num_classes, dtype=np.float32)
    signs = rng.choice([-1, 1], (MOST_DIRECTIONS, num_classes))
    return (signs / np.sqrt(MOST_DIRECTIONS)).astype(np.float32)


def fold_plan(num_weights: int, rng: seeds.Generator) -> tuple[IntArray, FloatArray]:
    """Returns where `fold` takes each entry from, and its sign, [P'] each; P' = P rounded up."""
    rounded = -(-num_weights // LENGTH) * LENGTH
    places = rng.permutation(rounded).astype(np.int32)
    return places, rng.choice(np.array([-1, 1], np.float32), rounded)


def fold(gradient: Any, places: Any, signs: Any) -> Any:
    """Returns gradients [B, P] as features [B, LENGTH], with arrays of the engine."""
    missing = places.shape[0] - gradient.shape[1]
    padded = keras.ops.pad(gradient, [[0, 0], [0, missing]])
    mixed = keras.ops.take(padded, places, axis=1) * signs
    return keras.ops.sum(keras.ops.reshape(mixed, (-1, mixed.shape[1] // LENGTH, LENGTH)), axis=1)
