import numpy as np
import pytest
import scipy.stats

from memkit.data.labels import plant
from memkit.errors import InputError


def _labels(length=5000, num_classes=10, seed=0):
    return np.random.default_rng(seed).integers(0, num_classes, length).astype(np.int32)


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.08, 0.1234, 0.5, 0.999])
@pytest.mark.parametrize("length", [1, 37, 1437])
def test_exactly_the_asked_share_is_planted(fraction, length):
    labels = _labels(length)
    given = plant(labels, 10, planted_fraction=fraction, seed=1)
    assert (given != labels).sum() == round(fraction * length)
    assert given.dtype == np.int32
    assert given.min() >= 0 and given.max() < 10


def test_true_labels_stay_as_they_were():
    labels = _labels()
    kept = labels.copy()
    plant(labels, 10, planted_fraction=0.5, seed=1)
    np.testing.assert_array_equal(labels, kept)


def test_wrong_labels_are_uniform_over_the_other_classes():
    labels = _labels(90_000)
    given = plant(labels, 10, planted_fraction=0.9, seed=1)
    planted = given != labels
    shift = (given - labels)[planted] % 10
    counts = np.bincount(shift, minlength=10)[1:]
    assert scipy.stats.chisquare(counts).pvalue > 1e-4


def test_examples_are_planted_alike_wherever_they_are():
    labels = _labels(1000)
    counts = sum(plant(labels, 10, planted_fraction=0.1, seed=s) != labels for s in range(400))
    assert counts.sum() == 400 * 100
    assert counts.min() > 10 and counts.max() < 80


def test_seeds_plant_different_examples():
    labels = _labels()
    first = plant(labels, 10, planted_fraction=0.1, seed=1)
    np.testing.assert_array_equal(first, plant(labels, 10, planted_fraction=0.1, seed=1))
    assert (first != plant(labels, 10, planted_fraction=0.1, seed=2)).any()


def test_two_classes_are_swapped():
    labels = _labels(100, num_classes=2)
    given = plant(labels, 2, planted_fraction=0.3, seed=0)
    planted = given != labels
    np.testing.assert_array_equal(given[planted], 1 - labels[planted])


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
def test_fraction_out_of_range_is_refused_by_name(fraction):
    with pytest.raises(InputError, match="^labels.planted_fraction: expected a number in"):
        plant(_labels(), 10, planted_fraction=fraction, seed=0)
