"""What a data set has, in a few lines for people."""

from memkit.data import duplicates
from memkit.data.dataset import ImageDataset
from memkit.printable import printable

_NAMED_CLASSES = 10


def counts(dataset: ImageDataset) -> str:
    """Returns how many images and classes there are, and the shape of an image."""
    sides = "x".join(map(str, dataset.image_shape))
    parts = f"{len(dataset.train_labels):,} train and {len(dataset.test_labels):,} test images"
    return f"{parts} of {sides}, {dataset.num_classes:,} classes"


def lines(dataset: ImageDataset) -> list[str]:
    """Returns the counts, the notes of the source, and where identical images disagree."""
    names = list(map(printable, dataset.class_names[:_NAMED_CLASSES]))
    names += ["..."] if dataset.num_classes > _NAMED_CLASSES else []
    found = [f"data: {counts(dataset)} ({', '.join(names)})", *dataset.notes]
    return found + _disagreements(dataset)


def _disagreements(dataset: ImageDataset) -> list[str]:
    copies = duplicates.find(dataset)
    rows = [g for g, wrong in zip(copies.train_groups, copies.labels_disagree) if wrong]
    if not rows:
        return []
    labeled = (f"{dataset.train_ids[r]} ({_class(dataset, r)})" for r in rows[0][:3])
    return [
        f"identical images with different labels: {len(rows):,} groups, "
        f"such as {printable(', '.join(labeled))}; duplicates.json of the workdir lists all"
    ]


def _class(dataset: ImageDataset, row: int) -> str:
    return dataset.class_names[dataset.train_labels[row]]
