"""What every data set must fulfill before it can be a study's."""

import collections

import numpy as np

from memkit.errors import expected

_CHANNELS = (1, 3)


def check(dataset):
    """Refuses a data set whose scores would be wrong or undefined.

    Args:
      dataset: the ImageDataset as a source made it.

    Raises:
      InputError: labels that are no class numbers, parts of different lengths, image shapes that
        differ between train and test, ids that are not unique, classes without train examples.
    """
    parts = {
        "train": (dataset.train_images, dataset.train_labels, dataset.train_ids),
        "test": (dataset.test_images, dataset.test_labels, dataset.test_ids),
    }
    for part, (images, labels, ids) in parts.items():
        if not len(images):
            raise expected("dataset", f"at least one {part} image", "none")
        if not len(images) == len(labels) == len(ids):
            lengths = f"{len(images)} images, {len(labels)} labels, {len(ids)} ids"
            raise expected("dataset", f"one label and one id per {part} image", lengths)
        check_labels(f"the {part} labels", labels, dataset.num_classes)
        _check_ids(part, ids)
    _check_shapes(dataset.train_images, dataset.test_images)
    counts = np.bincount(dataset.train_labels, minlength=dataset.num_classes)
    if not counts.all():
        empty = dataset.class_names[int(np.argmin(counts))]
        raise expected(
            "dataset",
            "a train example of every class",
            f"none of {int((counts == 0).sum())} class(es), such as {empty!r}",
        )


def check_labels(what, labels, num_classes, argument="dataset"):
    """Refuses labels that are no class numbers.

    Args:
      what: words for the labels.
      labels: [N] array of whatever was received.
      num_classes: int.
      argument: the flag or field the labels come from.

    Raises:
      InputError: not one-dimensional, no ints, or outside [0, num_classes).
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise expected(argument, f"{what} as [N]", f"shape {list(labels.shape)}")
    if labels.dtype.kind not in "iu":
        raise expected(argument, f"{what} as ints", f"type {labels.dtype}")
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        raise expected(
            argument,
            f"{what} in [0, {num_classes})",
            f"{labels[wrong[0]]} in row {wrong[0]}",
        )


def _check_ids(part, ids):
    name, count = collections.Counter(ids.tolist()).most_common(1)[0]
    if count > 1:
        raise expected("dataset", f"different ids of the {part} images", f"{count} times {name}")


def _check_shapes(train, test):
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
            "test images of the shape of the train images (image_size makes sizes equal)",
            f"train {list(train.shape[1:])}, test {list(test.shape[1:])}",
        )
