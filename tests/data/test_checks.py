import dataclasses

import numpy as np
import pytest

from memkit.data import checks
from memkit.data.dataset import ImageDataset
from memkit.errors import InputError


@pytest.fixture
def small(pictures):
    return ImageDataset(
        train_images=pictures(6, 4, 4, 1),
        train_labels=np.arange(6, dtype=np.int32) % 3,
        train_ids=np.array([f"a{i}" for i in range(6)]),
        test_images=pictures(2, 4, 4, 1, seed=1),
        test_labels=np.array([0, 2], np.int32),
        test_ids=np.array(["b0", "b1"]),
        class_names=("x", "y", "z"),
    )


def test_a_test_set_may_lack_classes_and_share_ids_with_train(small):
    checks.check(small)
    checks.check(dataclasses.replace(small, test_ids=small.train_ids[:2]))


_UNUSABLE = {
    "same ids": ({"train_ids": np.array(list("abcdec"))}, "unique ids .*c 2 times$"),
    "same test ids": ({"test_ids": np.array(["b", "b"])}, "unique ids of the test images"),
    "floats": ({"train_images": np.zeros((6, 4, 4, 1))}, "uint8 images .*float64"),
    "no channels": ({"train_images": np.zeros((6, 4, 4), np.uint8)}, r"uint8 .*\[6, 4, 4\]$"),
    "other size": ({"test_images": np.zeros((2, 4, 5, 1), np.uint8)}, r"test images \[4, 5, 1\]$"),
    "fewer ids": ({"train_ids": np.array(["a"])}, "6 images, 6 labels and 1 ids"),
    "range": ({"test_labels": np.array([0, 3])}, r"test labels in \[0, 3\), received 3 in row 1"),
    "negative": ({"train_labels": np.array([0, 1, 2, 0, 1, -1])}, "received -1 in row 5"),
    "bools": ({"test_labels": np.array([True, False])}, "integers, received type bool"),
    "one class": (
        {"class_names": ("x",), "train_labels": np.zeros(6, int), "test_labels": np.zeros(2, int)},
        "two classes or more, received 1: x$",
    ),
    "same class names": (
        {"class_names": ("crane", "boat", "crane")},
        "a different name for every class, received crane 2 times$",
    ),
    "empty class": (
        {"train_labels": np.zeros(6, int)},
        "missing train examples of 2 class.*such as 'y'",
    ),
}


@pytest.mark.parametrize("case", _UNUSABLE)
def test_data_sets_with_undefined_or_wrong_scores_are_errors(small, case):
    changes, message = _UNUSABLE[case]
    with pytest.raises(InputError, match=f"^dataset: .*{message}"):
        checks.check(dataclasses.replace(small, **changes))
