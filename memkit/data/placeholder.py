"""Placeholders of well-known data sets: their shapes without pixels, for planning."""

import dataclasses
from typing import Any

import numpy as np

from memkit.data import selection
from memkit.data.dataset import ImageDataset
from memkit.data.mapped import HASH_BYTES, MappedImages
from memkit.errors import expected

# Options that change which examples a data set has.
_SPLITS = ("train_split", "test_split")


@dataclasses.dataclass(frozen=True)
class Shape:
    """The numbers and sizes of the images of a data set.

    Attributes:
      side: height and width in pixels, 0 if the images differ in size.
      channels: 1 or 3.
    """

    train: int
    test: int
    side: int
    channels: int
    classes: int


SHAPES = {
    "cifar10": Shape(train=50_000, test=10_000, side=32, channels=3, classes=10),
    "cifar100": Shape(train=50_000, test=10_000, side=32, channels=3, classes=100),
    "mnist": Shape(train=60_000, test=10_000, side=28, channels=1, classes=10),
    "fashion_mnist": Shape(train=60_000, test=10_000, side=28, channels=1, classes=10),
    "svhn_cropped": Shape(train=73_257, test=26_032, side=32, channels=3, classes=10),
    "tiny_imagenet": Shape(train=100_000, test=10_000, side=64, channels=3, classes=200),
    "imagenet2012": Shape(train=1_281_167, test=50_000, side=0, channels=3, classes=1000),
}


def is_known(name: str, **options: Any) -> bool:
    """Returns True if `load` has a placeholder: for a name in SHAPES with its default splits."""
    return name in SHAPES and not set(_SPLITS) & set(options)


def load(name: str, **options: Any) -> ImageDataset:
    """Returns a data set of black images whose classes take turns.

    Its images use no memory until they are read.

    Args:
      name: a key of SHAPES.
      **options: options of `data.load`, of which only image_size and those of the selection are
        used.

    Raises:
      InputError: the images differ in size and image_size is missing; or as `selection.keep`.
    """
    shape = SHAPES[name]
    side = options["image_size"] if "image_size" in options else 0
    side = side or shape.side
    if not side:
        raise expected("dataset.image_size", f"a size for the images of {name}", side)
    image_shape = (side, side, shape.channels)
    dataset = ImageDataset(
        **_part("train", shape.train, image_shape, shape.classes),
        **_part("test", shape.test, image_shape, shape.classes),
        class_names=tuple(f"class {number}" for number in range(shape.classes)),
    )
    selected = {o: options[o] for o in selection.OPTIONS if o in options and options[o]}
    return selection.keep(dataset, **selected) if selected else dataset


def _part(part: str, count: int, image_shape: tuple[int, int, int], classes: int) -> dict[str, Any]:
    images = MappedImages(
        pixels=np.broadcast_to(np.uint8(0), (count, *image_shape)),
        hashes=np.broadcast_to(np.uint8(0), (count, HASH_BYTES)),
        rows=np.arange(count),
    )
    labels = np.arange(count, dtype=np.int32) % classes
    ids = np.array([f"{part}_{row:07d}" for row in range(count)])
    return {f"{part}_images": images, f"{part}_labels": labels, f"{part}_ids": ids}
