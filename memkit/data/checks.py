"""Requirements that a data set must meet to be used in a study."""

import collections
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memkit.data.dataset import ImageDataset
from memkit.data.mapped import Images
from memkit.errors import expected, missing
from memkit.typing import TextArray

_CHANNELS = (1, 3)


def check(dataset: ImageDataset, *, may_lack_test: bool = False) -> None:
    """Checks that scores of a data set will be defined and right.

    Args:
      may_lack_test: whether a data set without test images is accepted.

    Raises:
      InputError: labels are not class numbers, arrays have different lengths, image shapes differ
        between train and test, ids or class names are not unique, there is one class, or a class
        has no train example.
    """
    parts = {
        "train": (dataset.train_images, dataset.train_labels, dataset.train_ids),
        "test": (dataset.test_images, dataset.test_labels, dataset.test_ids),
    }
    for part, (images, labels, ids) in parts.items():
        if not len(images) and not (may_lack_test and part == "test"):
            raise missing("dataset", f"{part} images")
        if not len(images) == len(labels) == len(ids):
            lengths = f"{len(images)} images, {len(labels)} labels and {len(ids)} ids"
            raise expected("dataset", f"one label and one id per {part} image", lengths)
        check_labels(f"the {part} labels", labels, dataset.num_classes)
        if len(ids):
            _check_ids(part, ids)
    _check_shapes(dataset.train_images, dataset.test_images)
    _check_class_names(dataset.class_names)
    counts = np.bincount(dataset.train_labels, minlength=dataset.num_classes)
    if not counts.all():
        empty = dataset.class_names[int(np.argmin(counts))]
        text = f"train examples of {int((counts == 0).sum())} class(es), such as {empty!r}"
        raise missing("dataset", text)


def check_labels(
    what: str, labels: npt.ArrayLike, num_classes: int, argument: str = "dataset"
) -> None:
    """Checks that labels are class numbers.

    Args:
      what: name of the labels in error messages.
      labels: [N] class numbers, to be checked.
      argument: the flag or field from which the labels come.

    Raises:
      InputError: the labels are not one-dimensional, not integers, or not in [0, num_classes).
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise expected(argument, f"{what} in one dimension [N]", f"shape {list(labels.shape)}")
    if labels.dtype.kind not in "iu":
        raise expected(argument, f"{what} as integers", f"type {labels.dtype}")
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        raise expected(
            argument,
            f"{what} in [0, {num_classes})",
            f"{labels[wrong[0]]} in row {wrong[0]}",
        )


def _check_ids(part: str, ids: TextArray) -> None:
    name, count = collections.Counter(ids.tolist()).most_common(1)[0]
    if count > 1:
        raise expected("dataset", f"unique ids of the {part} images", f"{name} {count} times")


def _check_class_names(names: Sequence[str]) -> None:
    """Checks that there is something to tell apart, and that a name stands for one class."""
    if len(names) < 2:
        raise expected("dataset", "two classes or more", f"{len(names)}: {', '.join(names)}")
    name, count = collections.Counter(names).most_common(1)[0]
    if count > 1:
        raise expected("dataset", "a different name for every class", f"{name} {count} times")


def _check_shapes(train: Images, test: Images) -> None:
    for images in (train, test):
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in _CHANNELS:
            raise expected(
                "dataset",
                "uint8 images [N, H, W, C] with C = 1 (gray) or 3 (RGB)",
                f"{images.dtype} {list(images.shape)}",
            )
    if train.shape[1:] != test.shape[1:]:
        raise expected(
            "dataset",
            "train and test images of the same shape (set dataset.image_size to resize them)",
            f"train images {list(train.shape[1:])} and test images {list(test.shape[1:])}",
        )
