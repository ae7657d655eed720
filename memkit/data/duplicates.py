"""Exact copies of images: a copy that stays in a subset hides what its twin would show."""

import collections
import dataclasses
import hashlib

import numpy as np


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
    rows = collections.defaultdict(list)
    for row, key in enumerate(_hashes(dataset.train_images)):
        rows[key].append(row)
    groups = tuple(np.array(group) for group in rows.values() if len(group) > 1)
    disagree = [len(set(dataset.train_labels[group].tolist())) > 1 for group in groups]
    pairs = [
        (train, test)
        for test, key in enumerate(_hashes(dataset.test_images))
        if key in rows
        for train in rows[key]
    ]
    return Duplicates(
        train_groups=groups,
        labels_disagree=np.array(disagree, dtype=bool),
        train_test_pairs=np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2),
    )


def _hashes(images):
    for image in np.ascontiguousarray(images):
        yield hashlib.blake2b(image.data, digest_size=16).digest()
