import numpy as np
import pytest

from memkit.errors import InputError
from memkit.estimators import rarity as rarities
from memkit.estimators.rarity import NEIGHBORS, RARE, rarity

CLASSES, PER_CLASS = 4, 80


def _world(seed, wrong=0, rare=0):
    """Classes of normal images; the first ones are mislabeled, the next ones lie far from all.

    Returns (images, given labels, rivals, trusted).
    """
    rng = np.random.default_rng(seed)
    true = rng.permutation(np.repeat(np.arange(CLASSES), PER_CLASS))
    images = 8 * np.eye(CLASSES)[true] + rng.normal(size=(len(true), CLASSES))
    is_wrong = np.arange(len(true)) < wrong
    other = (true + 1) % CLASSES
    images[wrong : wrong + rare] += rng.choice([-20, 20], (rare, CLASSES))
    trusted = np.arange(len(true)) >= wrong + rare
    return images, np.where(is_wrong, other, true), np.where(is_wrong, true, other), trusted


def _slow(images, given, rival, trusted):
    """Does the same with double loops."""
    members = {
        c: [i for i in range(len(given)) if given[i] == c and trusted[i]] for c in range(CLASSES)
    }

    def distance(i, c):
        return sorted(np.linalg.norm(images[i] - images[j]) for j in members[c] if j != i)[4]

    own = {c: [distance(i, c) for i in members[c]] for c in members}
    typical = {c: np.median(own[c]) for c in members}
    reference = [each / typical[c] for c in members for each in own[c]]
    of_rival = [distance(i, rival[i]) / typical[rival[i]] for i in range(len(given))]
    return [sum(one < each for one in reference) / (len(reference) + 1) for each in of_rival]


def test_rarity_equals_a_double_loop():
    images, given, rival, trusted = (array[:150] for array in _world(0, wrong=10, rare=10))
    found = rarity(images, given, rival, trusted=trusted)
    np.testing.assert_allclose(found, _slow(images, given, rival, trusted), atol=1e-6)


def test_rare_images_are_above_all_mislabeled_ones_in_a_known_world():
    images, given, rival, trusted = _world(1, wrong=30, rare=20)
    found = rarity(images, given, rival, trusted=trusted)
    assert (found[30:50] > RARE).all()
    assert np.mean(found[:30] > RARE) < 0.1


def test_mislabeled_images_are_called_rare_in_about_one_of_a_hundred_cases():
    called = [
        rarity(images, given, rival, trusted=trusted)[:40] > RARE
        for images, given, rival, trusted in (_world(seed, wrong=40) for seed in range(40))
    ]
    assert 0.004 < np.mean(called) < 0.02


def test_the_order_of_images_and_the_names_of_classes_do_not_matter():
    images, given, rival, trusted = _world(2, wrong=10, rare=10)
    found = rarity(images, given, rival, trusted=trusted)
    rng = np.random.default_rng(2)
    rows, names = rng.permutation(len(given)), rng.permutation(50)[:CLASSES]
    again = rarity(images[rows], names[given][rows], names[rival][rows], trusted=trusted[rows])
    np.testing.assert_allclose(again, found[rows])


def test_the_scale_and_the_offset_of_pixels_do_not_matter():
    images, given, rival, trusted = _world(3, wrong=10, rare=10)
    found = rarity(images, given, rival, trusted=trusted)
    again = rarity(64 * images, given, rival, trusted=trusted)
    np.testing.assert_array_equal(again, found)
    moved = rarity(images + 16, given, rival, trusted=trusted)
    np.testing.assert_allclose(moved, found, atol=0.01)


def test_wrong_labels_of_other_images_do_not_make_a_rare_one_typical():
    for wrong in (0, 40, 120):
        images, given, rival, trusted = _world(4, wrong=wrong, rare=10)
        found = rarity(images, given, rival, trusted=trusted)
        assert (found[wrong : wrong + 10] > RARE).all(), wrong


def test_images_without_a_rival_or_without_trusted_images_of_it_have_none():
    images, given, rival, trusted = _world(5, rare=10)
    rival[0] = -1
    trusted[np.flatnonzero(given == 2)[NEIGHBORS:]] = False
    found = rarity(images, given, rival, trusted=trusted)
    undefined = (rival == 2) | (rival == -1)
    np.testing.assert_array_equal(np.isnan(found), undefined)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
def test_tiny_data_sets_have_no_rare_images(count):
    images, given, rival, trusted = (array[:count] for array in _world(6, rare=1))
    found = rarity(images, given, rival, trusted=trusted)
    assert found.shape == (count,) and not (found > RARE).any()


def test_exact_copies_have_a_finite_rarity():
    images, given, rival, trusted = _world(7, wrong=5)
    found = rarity(np.zeros_like(images), given, rival, trusted=trusted)
    assert ((found >= 0) & (found < 1)).all()


def test_large_classes_are_compared_with_some_of_their_images(monkeypatch):
    images, given, rival, trusted = _world(8, wrong=20, rare=20)
    whole = rarity(images, given, rival, trusted=trusted)
    monkeypatch.setattr(rarities, "_MOST", 40)
    monkeypatch.setattr(rarities, "_BLOCK", 7)
    some = rarity(images, given, rival, trusted=trusted)
    assert (some != whole).any() and np.corrcoef(some[:40], whole[:40])[0, 1] > 0.9


def test_other_lengths_are_refused():
    images, given, rival, trusted = _world(9)
    with pytest.raises(InputError, match="images: expected 320, one per label, received 319"):
        rarity(images[1:], given, rival, trusted=trusted)
