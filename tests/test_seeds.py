import numpy as np
import pytest

from memkit import seeds


def test_equal_arguments_give_equal_random_numbers():
    first = seeds.stream(5, "order", 2, 3).random(100)
    again = seeds.stream(5, "order", 2, 3).random(100)
    np.testing.assert_array_equal(first, again)


def test_numpy_and_python_ints_give_equal_random_numbers():
    python = seeds.stream(5, "order", 2).random(10)
    numpy = seeds.stream(np.int64(5), "order", np.int32(2)).random(10)
    np.testing.assert_array_equal(python, numpy)


def test_streams_never_change():
    # Changing these numbers changes every study ever made.
    order = seeds.stream(0, "order").integers(0, 2**32, 4)
    assert order.tolist() == [3346500686, 1368001492, 3718301130, 1453790853]
    init = seeds.stream(7, "init/distilled", 3, 2).integers(0, 2**32, 4)
    assert init.tolist() == [454699991, 2684982192, 2943871921, 2880911621]


def test_streams_of_other_roots_purposes_and_indices_share_no_number():
    arguments = [
        (root, purpose, *index)
        for root in (0, 1)
        for purpose in ("order", "augment", "init", "init/distilled", "labels", "subsets")
        for index in ((), (0,), (1,), (0, 0), (0, 1), (1, 0))
    ]
    draws = np.stack([seeds.stream(*a).integers(0, 2**63, 50) for a in arguments])
    assert len(np.unique(draws)) == draws.size


def test_streams_of_neighboring_runs_are_uncorrelated():
    draws = np.stack([seeds.stream(0, "init", run).standard_normal(10_000) for run in range(20)])
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 5 / np.sqrt(10_000)


def test_drawing_from_a_stream_does_not_change_other_streams():
    stream = seeds.stream(0, "order", 1)
    seeds.stream(0, "order", 0).random(1000)
    np.testing.assert_array_equal(stream.random(5), seeds.stream(0, "order", 1).random(5))


def test_a_negative_root_is_an_error():
    with pytest.raises(ValueError):
        seeds.stream(-1, "order")
