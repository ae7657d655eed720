"""Operations and bytes that training a Keras model takes, counted from its layers."""

import math

from memkit.errors import expected

_WEIGHTLESS = (
    "Activation",
    "Add",
    "AveragePooling2D",
    "BatchNormalization",
    "Flatten",
    "GlobalAveragePooling2D",
    "InputLayer",
    "ZeroPadding2D",
)


def forward_flops(model):
    """Returns the floating point operations of one example's forward pass.

    Convolutions and dense layers count, a multiplication and an addition as two; what works element
    by element does not. A convolution counts its padding as if it were pixels.

    Raises:
      InputError: a layer with weights that is neither.
    """
    return sum(_flops(layer) for layer in model.layers)


def training_flops(model):
    """Returns the operations of one example's training step: 3 x forward, less what is not done.

    The gradient of a layer costs a forward pass for its weights and one for its inputs; the first
    layer's inputs are images, which need none.
    """
    first = next(flops for flops in map(_flops, model.layers) if flops)
    return 3 * forward_flops(model) - first


def training_bytes(model, itemsize):
    """Returns the bytes of memory traffic of one example's training step, a model of it.

    It is what is left when everything that works element by element is merged into the reads and
    writes of its neighbors and nothing stays in a cache between kernels. Forward, a convolution
    reads its inputs and writes its outputs; a batch normalization reads its inputs for their
    statistics, reads them again and writes. Backward, the weights' gradient reads the inputs and
    the outputs' gradient, the inputs' gradient reads the latter again and writes; a batch
    normalization reads its inputs and the outputs' gradient twice and writes. An addition reads
    two and writes one, and its gradient is read and written once. Weights are not counted: a batch
    shares them.

    Args:
      model: keras.Model.
      itemsize: bytes of an activation; 2 in bfloat16.
    """
    return itemsize * sum(_traffic(layer) for layer in model.layers)


def _kind(layer):
    name = type(layer).__name__
    if name not in ("Conv2D", "Dense", *_WEIGHTLESS):
        raise expected("model", f"layers among Conv2D, Dense, {', '.join(_WEIGHTLESS)}", name)
    return name


def _elements(tensor):
    return math.prod(tensor.shape[1:])


def _flops(layer):
    kind = _kind(layer)
    if kind not in ("Conv2D", "Dense"):
        return 0
    positions = math.prod(layer.output.shape[1:-1]) if kind == "Conv2D" else 1
    return 2 * positions * math.prod(layer.kernel.shape)


def _traffic(layer):
    kind = _kind(layer)
    if kind in ("Conv2D", "Dense"):
        return 3 * _elements(layer.input) + 3 * _elements(layer.output)
    if kind == "BatchNormalization":
        return 8 * _elements(layer.output)
    if kind == "Add":
        return 5 * _elements(layer.output)
    return 0
