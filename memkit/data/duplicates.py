"""Exact copies of images, which hide memorization: runs may train on copies of held-out images."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from memkit.data.dataset import ImageDataset
from memkit.data.mapped import image_hashes
from memkit.typing import Array, BoolArray, IntArray


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Images with identical pixels.

    Attributes:
      train_groups: the rows, two or more, of each group of identical train images.
      labels_disagree: [G] bool, True if the rows of a group have different labels.
      train_test_pairs: [P, 2] int, (train row, test row) with identical pixels.
    """

    train_groups: tuple[IntArray, ...]
    labels_disagree: BoolArray
    train_test_pairs: IntArray

    @property
    def num_train_copies(self) -> int:
        """The number of train images that repeat an earlier one."""
        return sum(len(group) - 1 for group in self.train_groups)

    @property
    def num_test_in_train(self) -> int:
        """The number of test images that are also train images."""
        return len(np.unique(self.train_test_pairs[:, 1]))


def find(dataset: ImageDataset) -> Duplicates:
    """Returns the duplicates in a data set, with groups in the order of their first rows."""
    count = len(dataset.train_images)
    hashes = [image_hashes(dataset.train_images), image_hashes(dataset.test_images)]
    groups: list[IntArray] = []
    pairs: list[tuple[int, int]] = []
    for rows in _groups(np.concatenate(hashes)):
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


def _groups(hashes: Array) -> Iterator[IntArray]:
    """Yields the sorted rows of every hash that occurs more than once in `hashes` [N, 16]."""
    words = hashes.view(np.uint64)
    order = np.lexsort(words.T)
    is_new = (words[order][1:] != words[order][:-1]).any(axis=1)
    starts = np.flatnonzero(np.concatenate([[True], is_new, [True]]))
    for start in np.flatnonzero(np.diff(starts) > 1):
        yield order[starts[start] : starts[start + 1]]
