"""Exact copies of images: a copy that stays in a subset hides what its twin would show."""

import dataclasses
import itertools

import numpy as np

from memkit.data.mapped import image_hashes


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Images with identical pixels.

    Attributes:
      train_groups: one int array of two or more rows per picture that train has repeatedly.
      labels_disagree: [G] bool, True where the rows of a group have different labels.
      train_test_pairs: [P, 2] int, (train row, test row) with identical pixels.
    """

    train_groups: tuple
    labels_disagree: np.ndarray
    train_test_pairs: np.ndarray

    @property
    def num_train_copies(self):
        """Train images that repeat an earlier one."""
        return sum(len(group) - 1 for group in self.train_groups)

    @property
    def num_test_in_train(self):
        """Test images that are also train images."""
        return len(np.unique(self.train_test_pairs[:, 1]))


def find(dataset):
    """Returns the Duplicates of an ImageDataset, groups in the order of their first row."""
    count = len(dataset.train_images)
    hashes = [image_hashes(dataset.train_images), image_hashes(dataset.test_images)]
    groups, pairs = [], []
    for rows in _alike(np.concatenate(hashes)):
        train, test = rows[rows < count], rows[rows >= count] - count
        pairs += itertools.product(train.tolist(), test.tolist())
        if len(train) > 1:
            groups.append(train)
    groups.sort(key=lambda group: group[0])
    disagree = [len(set(dataset.train_labels[group].tolist())) > 1 for group in groups]
    return Duplicates(
        train_groups=tuple(groups),
        labels_disagree=np.array(disagree, dtype=bool),
        train_test_pairs=np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2),
    )


def _alike(hashes):
    """Yields the rows, sorted, of every hash that [N, 16] has repeatedly."""
    words = hashes.view(np.uint64)
    order = np.lexsort(words.T)
    is_new = (words[order][1:] != words[order][:-1]).any(axis=1)
    starts = np.flatnonzero(np.concatenate([[True], is_new, [True]]))
    for start in np.flatnonzero(np.diff(starts) > 1):
        yield order[starts[start] : starts[start + 1]]
