"""Well-known data sets without their pixels: all that planning for another machine needs."""

import dataclasses

import numpy as np

from memkit.data import selection
from memkit.data.dataset import ImageDataset
from memkit.data.mapped import HASH_BYTES, MappedImages
from memkit.errors import expected

# Options that change which examples a set has.
_SPLITS = ("train_split", "test_split")


@dataclasses.dataclass(frozen=True)
class Shape:
    """How many images a data set has and of which size.

    Attributes:
      train: number of train examples.
      test: number of test examples.
      side: pixels on a side, 0 where the images differ in size.
      channels: 1 or 3.
      classes: number of classes.
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


def is_known(name, **options):
    """True where `load` can stand in for a data set: one of SHAPES with its own splits."""
    return name in SHAPES and not set(_SPLITS) & set(options)


def load(name, **options):
    """Returns an ImageDataset of the right shape: black images, classes of equal size in turn.

    Its images take no memory until they are read.

    Args:
      name: a key of SHAPES.
      **options: those of `data.load`; image_size and those of the selection count.

    Raises:
      InputError: images of several sizes without image_size; as `selection.keep`.
    """
    shape = SHAPES[name]
    side = options["image_size"] if "image_size" in options else 0
    side = side or shape.side
    if not side:
        raise expected("dataset.image_size", f"pixels on a side for {name}", "0")
    images = (side, side, shape.channels)
    dataset = ImageDataset(
        **_part("train", shape.train, images, shape.classes),
        **_part("test", shape.test, images, shape.classes),
        class_names=tuple(f"class {number}" for number in range(shape.classes)),
    )
    common = {o: options[o] for o in selection.OPTIONS if o in options and options[o]}
    return selection.keep(dataset, **common) if common else dataset


def _part(part, count, image_shape, classes):
    images = MappedImages(
        pixels=np.broadcast_to(np.uint8(0), (count, *image_shape)),
        hashes=np.broadcast_to(np.uint8(0), (count, HASH_BYTES)),
        rows=np.arange(count),
    )
    labels = np.arange(count, dtype=np.int32) % classes
    ids = np.array([f"{part}_{row:07d}" for row in range(count)])
    return {f"{part}_images": images, f"{part}_labels": labels, f"{part}_ids": ids}
