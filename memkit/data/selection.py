"""Selection of some classes, or of the first examples of each class, for smaller studies."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from memkit.data.dataset import ImageDataset
from memkit.errors import expected, unknown
from memkit.typing import IntArray

OPTIONS = ("classes", "train_per_class", "test_per_class")


def keep(
    dataset: ImageDataset,
    *,
    classes: Sequence[int | str] = (),
    train_per_class: int = 0,
    test_per_class: int = 0,
) -> ImageDataset:
    """Returns the data set of some classes and of the first examples of each class.

    Rows keep their order and their ids, so scores of the selection can be joined with scores of
    the full data set.

    Args:
      classes: numbers or names of the classes to keep, renumbered in this order; () = all.
      train_per_class: number of train examples of each class to keep, in row order; 0 = all.
      test_per_class: the same for test examples.

    Raises:
      InputError: a class is unknown or repeated, or there is only one.
    """
    numbers = _numbers(dataset.class_names, classes)
    changes: dict[str, Any] = {
        "class_names": tuple(dataset.class_names[number] for number in numbers)
    }
    for part, per_class in (("train", train_per_class), ("test", test_per_class)):
        labels = getattr(dataset, f"{part}_labels")
        rows = _rows(labels, numbers, per_class)
        renumbered = np.zeros(dataset.num_classes, np.int32)
        renumbered[numbers] = np.arange(len(numbers))
        changes[f"{part}_labels"] = renumbered[labels[rows]]
        for name in ("images", "ids"):
            changes[f"{part}_{name}"] = getattr(dataset, f"{part}_{name}")[rows]
    return dataclasses.replace(dataset, **changes)


def _numbers(class_names: tuple[str, ...], classes: Sequence[int | str]) -> IntArray:
    """Returns the class numbers [K] of classes that are given as numbers or names."""
    if not classes:
        return np.arange(len(class_names))
    numbers = [_number(class_names, selected) for selected in classes]
    if len(numbers) < 2 or len(set(numbers)) < len(numbers):
        raise expected("dataset.classes", "two or more different classes", list(classes))
    return np.array(numbers)


def _number(class_names: tuple[str, ...], selected: int | str) -> int:
    if isinstance(selected, str):
        if class_names.count(selected) != 1:
            raise unknown("dataset.classes", selected, class_names, kind="class")
        return class_names.index(selected)
    if not 0 <= selected < len(class_names):
        raise expected("dataset.classes", f"numbers in [0, {len(class_names)})", selected)
    return selected


def _rows(labels: IntArray, numbers: IntArray, per_class: int) -> IntArray:
    """Returns the sorted rows of the first `per_class` examples (0 = all) of each class."""
    chosen = []
    for number in numbers:
        rows = np.flatnonzero(labels == number)
        chosen.append(rows[:per_class] if per_class else rows)
    return np.sort(np.concatenate(chosen))
