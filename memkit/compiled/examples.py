"""The examples that a Python program gives: arrays, or a data set of batches in a fixed order."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from etils import epy

from memkit.data import mapped
from memkit.errors import expected, missing
from memkit.typing import Array, IntArray

with epy.lazy_imports():  # The user's program has chosen the backend.
    import keras

# An array, or a tuple, list or dict of arrays that have the same number of rows.
Inputs: TypeAlias = Any

_BLOCK = 1_000  # images that are converted at a time
_GRAY = np.full((1, 8, 8, 1), 128, np.uint8)  # the picture of an example that is no image


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """The train or the test examples.

    Attributes:
      inputs: the Inputs of the model, with n rows.
      targets: [n, ...], as the loss of the model takes them.
    """

    inputs: Inputs
    targets: Array

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, index: IntArray) -> "Part":
        """Returns the examples of some rows, in the order of the index."""
        return Part(keras.tree.map_structure(lambda a: a[index], self.inputs), self.targets[index])


def read(name: str, x: Any, y: Any) -> Part:
    """Returns the examples of an argument.

    Args:
      name: name of the argument x in messages; that of y begins with "y" in place of "x".
      x: Inputs; or a tf.data.Dataset or keras PyDataset of batches (inputs, targets), which is read
        twice to see that its order is fixed.
      y: targets, or None if x is a data set of batches.

    Raises:
      InputError: the arrays have different lengths or none, or the order is not fixed.
    """
    labels = f"y{name[1:]}"
    if _is_batches(x):
        if y is not None:
            raise expected(labels, f"none where {name} is a data set of batches", "labels")
        part = _joined(name, _batches(x))
        second = _joined(name, _batches(x))
        first_pass, second_pass = (
            _hashes([*keras.tree.flatten(each.inputs), each.targets]) for each in (part, second)
        )
        if not np.array_equal(first_pass, second_pass):
            received = "one whose second pass had other examples; shuffle and augment in the model"
            raise expected(name, "a data set with a fixed order", received)
        return part
    if y is None:
        raise missing(labels, "labels")
    part = Part(keras.tree.map_structure(np.asarray, x), np.asarray(y))
    lengths = {len(array) if array.ndim else 0 for array in keras.tree.flatten(part.inputs)}
    if lengths != {len(part)} or not len(part):
        counts = " and ".join(map(str, sorted(lengths)))
        raise expected(name, f"one or more rows, as many as {labels}", f"{counts} and {len(part)}")
    return part


def none_like(part: Part) -> Part:
    """Returns no examples, of the same shape as others."""
    return part.rows(np.arange(0))


def _is_batches(x: Any) -> bool:
    is_tf_data = hasattr(x, "as_numpy_iterator") and hasattr(x, "element_spec")
    return is_tf_data or isinstance(x, keras.utils.PyDataset)


def _batches(x: Any) -> Iterator[tuple[Inputs, Any]]:
    batches: Iterable[Any] = (
        (x[index] for index in range(len(x)))
        if isinstance(x, keras.utils.PyDataset)
        else x.as_numpy_iterator()
    )
    for batch in batches:
        if not isinstance(batch, tuple) or len(batch) != 2:
            raise expected("x", "batches (inputs, labels)", type(batch).__name__)
        yield batch


def _joined(name: str, batches: Iterable[tuple[Inputs, Any]]) -> Part:
    """Returns the examples of batches, or of single examples if the data set has no batches."""
    inputs, targets = [], []
    for batch_inputs, batch_targets in batches:
        if not np.ndim(batch_targets):
            raise expected(name, "a data set of batches (`.batch(...)`)", "one of single examples")
        inputs.append(keras.tree.map_structure(np.asarray, batch_inputs))
        targets.append(np.asarray(batch_targets))
    if not targets:
        raise missing(name, "examples")
    joined = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *inputs)
    return Part(joined, np.concatenate(targets))


def _hashes(arrays: Sequence[Array]) -> Array:
    """Returns [n, 16] uint8, which identify the rows of arrays that have n of them."""
    columns = [array.reshape(len(array), math.prod(array.shape[1:])) for array in arrays]
    texts = [column.astype(str) if column.dtype == object else column for column in columns]
    rows = [np.ascontiguousarray(column).view(np.uint8) for column in texts]
    return mapped.image_hashes(np.concatenate(rows, axis=1))


def pictures(part: Part) -> mapped.MappedImages:
    """Returns what a report shows of each example: its image, or a gray square.

    The hashes are those of the inputs, without the targets: they tell which examples are the same
    under whatever label, and the fingerprint of the data covers what the model sees.
    """
    inputs = part.inputs
    is_image = isinstance(inputs, np.ndarray) and (
        inputs.ndim == 3 or (inputs.ndim == 4 and inputs.shape[-1] in (1, 3))
    )
    count = len(part)
    if is_image:
        pixels = _pixels(inputs if inputs.ndim == 4 else inputs[..., None])
    else:
        pixels = _GRAY.repeat(count, axis=0)
    hashes = _hashes(keras.tree.flatten(inputs))
    return mapped.MappedImages(pixels, hashes, np.arange(count))


def _pixels(images: Array) -> Array:
    """Returns images [N, H, W, C] as uint8: scaled from 0..1, 0..255 or else their range."""
    if images.dtype == np.uint8 or not images.size:
        return images.astype(np.uint8, copy=False)
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    pixels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK].astype(np.float32)
        pixels[start : start + _BLOCK] = np.rint((block - low) * (255 / max(high - low, 1e-30)))
    return pixels
