"""Some classes, or the first examples of each: smaller studies of any data set."""

import dataclasses

import numpy as np

from memkit.errors import expected

OPTIONS = ("classes", "train_per_class", "test_per_class")


def keep(dataset, *, classes=(), train_per_class=0, test_per_class=0):
    """Returns the ImageDataset of some classes and of the first examples of each class.

    Rows stay in their order and keep the ids they have in the full set, so scores of a part can
    be joined with scores of the whole.

    Args:
      dataset: the full ImageDataset.
      classes: class numbers (int) or names (str) to keep, renumbered in this order; () = all.
      train_per_class: train examples to keep of each class, the first in row order; 0 = all.
      test_per_class: the same for test examples.

    Raises:
      InputError: an unknown or repeated class, or one class only.
    """
    numbers = _numbers(dataset.class_names, classes)
    changes = {"class_names": tuple(dataset.class_names[number] for number in numbers)}
    for part, per_class in (("train", train_per_class), ("test", test_per_class)):
        labels = getattr(dataset, f"{part}_labels")
        rows = _rows(labels, numbers, per_class)
        renumbered = np.zeros(dataset.num_classes, np.int32)
        renumbered[numbers] = np.arange(len(numbers))
        changes[f"{part}_labels"] = renumbered[labels[rows]]
        for name in ("images", "ids"):
            changes[f"{part}_{name}"] = getattr(dataset, f"{part}_{name}")[rows]
    return dataclasses.replace(dataset, **changes)


def _numbers(class_names, classes):
    """Returns class numbers [K] int of numbers or names."""
    if not classes:
        return np.arange(len(class_names))
    found = [_number(class_names, wanted) for wanted in classes]
    if len(found) < 2 or len(set(found)) < len(found):
        raise expected("dataset.classes", "two or more different classes", list(classes))
    return np.array(found)


def _number(class_names, wanted):
    if isinstance(wanted, str):
        if class_names.count(wanted) != 1:
            some = ", ".join(class_names[:10]) + (", ..." if len(class_names) > 10 else "")
            raise expected("dataset.classes", f"names among {some}", repr(wanted))
        return class_names.index(wanted)
    if not 0 <= wanted < len(class_names):
        raise expected("dataset.classes", f"numbers in [0, {len(class_names)})", wanted)
    return wanted


def _rows(labels, numbers, per_class):
    """Returns the rows [K] of the first `per_class` examples (0 = all) of each class, sorted."""
    chosen = []
    for number in numbers:
        rows = np.flatnonzero(labels == number)
        chosen.append(rows[:per_class] if per_class else rows)
    return np.sort(np.concatenate(chosen))
