"""What the benchmark of audits counts, and the wrong labels that it makes."""

import numpy as np
import pytest

from benchmarks import audit, audit_worlds

FLIPPED = np.array([True, False, True, False, False])


def found(suspicion, called):
    return audit.Found(np.array(suspicion), np.array(called, bool), cpu=1.0, example_epochs=0.0)


def test_false_alarms_are_the_correct_labels_before_the_last_flipped_one():
    assert audit.false_alarms(np.array([5.0, 4, 3, 2, 1]), FLIPPED) == 1
    assert audit.false_alarms(np.array([1.0, 4, 3, 2, 1]), FLIPPED) == 2.5  # One is tied with it.
    assert audit.false_alarms(np.array([5.0, 1, 4, 2, 3]), FLIPPED) == 0


def test_precision_and_recall_are_those_of_what_is_called():
    ranking, precision, recall, alarms = audit.measures(
        found([5.0, 4, 3, 2, 1], [1, 1, 0, 1, 0]), FLIPPED
    )
    assert ranking == pytest.approx((1 + 2 / 3) / 2)
    assert (precision, recall, alarms) == (pytest.approx(1 / 3), 0.5, 1)


def test_intervals_of_a_perfect_ranking_have_no_width():
    perfect, reverse = found([5.0, 1, 4, 2, 3], FLIPPED), found([1.0, 5, 2, 4, 3], FLIPPED)
    seeds = [(FLIPPED, {audit.OURS: perfect, "other": reverse})] * 2
    ours, other = audit.summary(seeds)
    assert ours["interval"] == "1.000 to 1.000" and ours["average precision"] == 1
    assert other["memkit is better by"].startswith("+")


def test_one_label_in_twenty_is_flipped_at_random_or_to_the_digit_that_looks_alike():
    case = audit_worlds.Case("digits", examples=400)
    world, alike = (
        audit_worlds.flip(audit_worlds.Case(case.name, examples=400, confused=c), seed=3)
        for c in (False, True)
    )
    assert world.flipped.sum() == alike.flipped.sum() == 20
    np.testing.assert_array_equal(world.images, alike.images)
    np.testing.assert_array_equal(world.flipped, alike.flipped)
    differ = world.labels != alike.labels
    assert not differ[~world.flipped].any() and differ.any()
    again = audit_worlds.flip(case, seed=4)
    assert (again.images[:20] != world.images[:20]).any()


def test_every_image_is_left_out_once_by_each_cross_validation():
    labels = np.arange(100) % 10
    masks = [audit_worlds.folds(labels, k) for k in range(2)]
    for mask in masks:
        assert ((~mask).sum(axis=0) == 1).all()
        assert all(np.bincount(labels[~row]).tolist() == [2] * 10 for row in mask)
    assert (masks[0] != masks[1]).any()
