"""How much of a network's values training keeps for the backward pass: a count, not a compilation.

Counted are the outputs of layers that have a kernel, such as convolutions, in the precision of the
point. A compiled program needs more: padding, weights, images and the values of the moment.
"""

import math
from typing import TYPE_CHECKING

from memkit.models import residual
from memkit.studies.points import Point
from memkit.studies.study import Study
from memkit.training import compiler, engines

if TYPE_CHECKING:
    import keras

_SMALL = 2**18  # Pixels of a batch for which even 27 kB a pixel, as in a ResNet-152, are 7 GB.


def may_be_many(study: Study, sizes: compiler.ImageSizes) -> bool:
    """Returns whether counting could find more than a few GB; imports no engine."""
    pixels = math.prod(sizes.image_shape[:2])
    return any(pixels * _batch(point) >= _SMALL for point in study.points)


def of_points(study: Study, sizes: compiler.ImageSizes, engine: str) -> dict[str, tuple[int, int]]:
    """Returns {point: (bytes, bytes with training.remat)} that one run keeps on each device.

    The second number is that of the blocks' sums and of the largest block; it is the first for
    models without residual blocks.
    """
    engines.load(engine)
    return {point.name: _of_point(study, point, sizes) for point in study.points}


def _of_point(study: Study, point: Point, sizes: compiler.ImageSizes) -> tuple[int, int]:
    blueprint = compiler.blueprint(study, point, sizes)
    model, _ = blueprint.models()
    number = {"float32": 4, "bfloat16": 2}[blueprint.precision] * _batch(point)
    everything, again = per_example(model)
    return number * everything, number * again


def _batch(point: Point) -> int:
    """Returns the examples of a batch on each device."""
    training = point.config["training"]
    return int(training["batch_size"] // training["data_parallel"])


def per_example(model: "keras.Model") -> tuple[int, int]:
    """Returns how many numbers of an example are kept: without and with training.remat."""
    ends = residual.sums(model)
    everything = sums = block = largest = 0
    for layer in model._flatten_layers():
        outputs = [tensor for node in layer._inbound_nodes for tensor in node.outputs]
        numbers = sum(math.prod(tensor.shape[1:]) for tensor in outputs)
        if hasattr(layer, "kernel"):
            everything, block = everything + numbers, block + numbers
            largest = max(largest, block)
        elif layer in ends:
            sums, block = sums + numbers, 0
    return everything, sums + largest if ends else everything
