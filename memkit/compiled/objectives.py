"""The loss of a compiled model: a cross-entropy, of logits or of probabilities."""

import dataclasses
from typing import Any

import numpy as np
import scipy.special
from etils import epy

from memkit.errors import expected, missing
from memkit.training import engines
from memkit.typing import Array, FloatArray, IntArray

with epy.lazy_imports():  # The user's program has chosen the backend.
    import keras

SPARSE, CATEGORICAL, BINARY = "sparse", "categorical", "binary"
# Losses of Keras, as a class or as a function, by the kind of their targets.
_KINDS = {
    "SparseCategoricalCrossentropy": SPARSE,
    "sparse_categorical_crossentropy": SPARSE,
    "CategoricalCrossentropy": CATEGORICAL,
    "categorical_crossentropy": CATEGORICAL,
    "CategoricalFocalCrossentropy": CATEGORICAL,
    "categorical_focal_crossentropy": CATEGORICAL,
    "BinaryCrossentropy": BINARY,
    "binary_crossentropy": BINARY,
    "BinaryFocalCrossentropy": BINARY,
    "binary_focal_crossentropy": BINARY,
}
_LEAST_PROB = 1e-30  # of a class, so that its logarithm is finite


@dataclasses.dataclass(frozen=True)
class Objective:
    """What a model was compiled to minimize.

    Attributes:
      loss: name of the class or function of Keras.
      kind: SPARSE (targets are class numbers), CATEGORICAL (one column per class) or BINARY (0 and
        1, for a model with one output).
      from_logits: whether the model returns logits (True) or probabilities.
      label_smoothing: in [0, 1).
    """

    loss: str
    kind: str
    from_logits: bool = False
    label_smoothing: float = 0.0

    def labels(self, name: str, targets: Array) -> IntArray:
        """Returns the class number [n] of each target.

        Args:
          name: name of the argument, for messages.
          targets: [n], [n, 1] or [n, C].

        Raises:
          InputError: the targets are not what the loss takes.
        """
        received = f"{targets.dtype} of shape {list(targets.shape)}"
        if self.kind == CATEGORICAL:
            is_one_hot = targets.ndim == 2 and np.isin(targets, (0, 1)).all()
            if not is_one_hot or (targets.sum(axis=1) != 1).any():
                raise expected(name, f"one-hot rows [n, classes] for {self.loss}", received)
            return targets.argmax(axis=1)
        flat = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
        is_number = flat.ndim == 1 and flat.dtype.kind in "iufb"
        if not is_number or (flat != flat.astype(int)).any() or (flat < 0).any():
            raise expected(name, f"class numbers [n] of at least 0 for {self.loss}", received)
        return flat.astype(int)

    def num_classes(self, shape: tuple[int, ...]) -> int:
        """Returns C, the number of classes, from the shape of the outputs of the model.

        Raises:
          InputError: the model does not return a row per example.
        """
        if len(shape) != 2 or (self.kind == BINARY and shape[1] != 1):
            row = "one number" if self.kind == BINARY else "a number per class"
            raise expected("build", f"a model with {row} per example", f"outputs {list(shape)}")
        return 2 if self.kind == BINARY else shape[1]

    def evaluation(self, outputs: FloatArray, labels: IntArray) -> engines.Evaluation:
        """Returns the Evaluation of examples from the outputs [n, C] of the model."""
        logits = self.logits(outputs)
        rows = np.arange(len(labels))
        others = logits.copy()
        others[rows, labels] = -np.inf
        logodds = logits[rows, labels] - scipy.special.logsumexp(others, axis=1)
        return engines.Evaluation(logits, logodds, logits.argmax(axis=1))

    def logits(self, outputs: FloatArray) -> FloatArray:
        """Returns logits [n, C], C = 2 for a BINARY loss, whose softmax has the probabilities."""
        outputs = outputs.astype(np.float64).reshape(len(outputs), -1)
        if not self.from_logits:
            if self.kind == BINARY:
                outputs = np.concatenate([1 - outputs, outputs], axis=1)
            return np.log(np.maximum(outputs, _LEAST_PROB))
        if self.kind == BINARY:
            return np.concatenate([np.zeros_like(outputs), outputs], axis=1)
        return outputs


def read(model: "keras.Model") -> Objective:
    """Returns the Objective of a compiled model.

    Raises:
      InputError: the model is not compiled, or its loss is not a cross-entropy of Keras.
    """
    if not model.compiled:
        raise missing("build", "call of compile in the model that it returns")
    loss: Any = keras.losses.get(model.loss) if isinstance(model.loss, str) else model.loss
    name = getattr(loss, "__name__", type(loss).__name__)
    if name not in _KINDS:
        classes = ", ".join(key for key in _KINDS if key[0].isupper())
        raise expected("build", f"a model with one of the losses {classes}", name)
    options = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    known = {key: options[key] for key in ("from_logits", "label_smoothing") if key in options}
    return Objective(name, _KINDS[name], **known)
