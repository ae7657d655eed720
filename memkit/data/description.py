"""A description of a data set in a few lines."""

from memkit.data import duplicates
from memkit.data.dataset import ImageDataset
from memkit.printable import printable

_NAMED_CLASSES = 10


def counts(dataset: ImageDataset) -> str:
    """Returns the numbers of images and classes, and the shape of an image."""
    shape = "x".join(map(str, dataset.image_shape))
    images = f"{len(dataset.train_labels):,} train and {len(dataset.test_labels):,} test images"
    return f"{images} of {shape}, {dataset.num_classes:,} classes"


def lines(dataset: ImageDataset) -> list[str]:
    """Returns the counts, the notes of the source, and identical images with different labels."""
    names = list(map(printable, dataset.class_names[:_NAMED_CLASSES]))
    names += ["..."] if dataset.num_classes > _NAMED_CLASSES else []
    header = f"data: {counts(dataset)} ({', '.join(names)})"
    return [header, *dataset.notes, *_disagreements(dataset)]


def _disagreements(dataset: ImageDataset) -> list[str]:
    """Returns at most one line, which counts identical images with different labels."""
    copies = duplicates.find(dataset)
    train = list(zip(dataset.train_ids, dataset.train_labels))
    test = list(zip(dataset.test_ids, dataset.test_labels))
    groups = [[train[row] for row in rows] for rows in copies.train_groups]
    groups += [[train[row], test[other]] for row, other in copies.train_test_pairs]
    groups = [group for group in groups if len({label for _, label in group}) > 1]
    if not groups:
        return []
    labeled = [f"{name} ({dataset.class_names[label]})" for name, label in groups[0][:3]]
    return [
        f"groups of identical images with different labels: {len(groups):,}, "
        f"such as {printable(', '.join(labeled))}; a workdir lists them in duplicates.json"
    ]
