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
    """Returns a line that counts and names identical images with different labels, if any."""
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
