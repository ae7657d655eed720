import numpy as np

from memkit.data import duplicates
from memkit.data.dataset import ImageDataset


def _dataset(train, train_labels, test):
    return ImageDataset(
        train_images=train,
        train_labels=np.array(train_labels, np.int32),
        train_ids=np.arange(len(train)).astype(str),
        test_images=test,
        test_labels=np.zeros(len(test), np.int32),
        test_ids=np.arange(len(test)).astype(str),
        class_names=("a", "b"),
    )


def test_copies_are_found_with_their_labels(pictures):
    train, test = pictures(8, 3, 3, 3), pictures(4, 3, 3, 3, seed=1)
    train[5] = train[1]
    train[[4, 7]] = train[2]
    test[0] = train[6]
    test[3] = train[5]
    copies = duplicates.find(_dataset(train, [0, 1, 0, 0, 0, 1, 0, 1], test))
    assert [group.tolist() for group in copies.train_groups] == [[1, 5], [2, 4, 7]]
    assert copies.labels_disagree.tolist() == [False, True]
    assert copies.train_test_pairs.tolist() == [[1, 3], [5, 3], [6, 0]]
    assert copies.num_train_copies == 3
    assert copies.num_test_in_train == 2


def test_the_duplicates_are_those_of_comparing_all_pairs():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 2, (60, 2, 2, 1)).astype(np.uint8)
    test = rng.integers(0, 2, (20, 2, 2, 1)).astype(np.uint8)
    copies = duplicates.find(_dataset(train, rng.integers(0, 2, 60), test))
    pairs = {(i, j) for i in range(60) for j in range(i) if (train[i] == train[j]).all()}
    groups = [group.tolist() for group in copies.train_groups]
    assert {(i, j) for group in groups for i in group for j in group if j < i} == pairs
    assert groups == sorted(groups) and all(group == sorted(group) for group in groups)
    across = [[i, j] for i in range(60) for j in range(20) if (train[i] == test[j]).all()]
    assert copies.train_test_pairs.tolist() == across


def test_one_pixel_makes_another_image(pictures):
    train = pictures(2, 3, 3, 3)
    train[1] = train[0]
    train[1, 2, 2, 2] ^= 1
    copies = duplicates.find(_dataset(train, [0, 1], train[:1] ^ 255))
    assert copies.train_groups == ()
    assert copies.labels_disagree.shape == (0,)
    assert copies.train_test_pairs.shape == (0, 2)
    assert copies.num_train_copies == copies.num_test_in_train == 0


def test_the_memory_layout_does_not_change_duplicates(pictures):
    train = pictures(3, 3, 4, 3)
    train[2] = train[0]
    copies = duplicates.find(_dataset(np.asfortranarray(train), [0, 1, 1], train[1:2]))
    assert [group.tolist() for group in copies.train_groups] == [[0, 2]]
    assert copies.train_test_pairs.tolist() == [[1, 0]]
