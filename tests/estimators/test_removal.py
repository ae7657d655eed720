import numpy as np
import pytest

from memkit.estimators import removal

MEMORIZATION = np.array([0.0, 0.9, 0.3, np.nan, 0.6, -0.1, 0.3, 0.1])


def _design(**changes):
    options = {"thresholds": (0.3, 0.6, 2.0), "repeats": 3, "seed": 5} | changes
    return removal.design(MEMORIZATION, **options)


def _removed(rows, kind, threshold):
    same = np.isnan(rows.threshold) if np.isnan(threshold) else rows.threshold == threshold
    return [set(np.flatnonzero(~m).tolist()) for m in rows.train_mask[same & (rows.kind == kind)]]


def test_memorized_rows_leave_out_exactly_what_reaches_the_threshold():
    rows = _design()
    assert _removed(rows, "memorized", 0.3) == [{1, 2, 4, 6}] * 3
    assert _removed(rows, "memorized", 0.6) == [{1, 4}] * 3
    assert _removed(rows, "nothing", np.nan) == [set()] * 3


def test_undefined_memorization_is_never_removed_as_memorized():
    rows = _design(thresholds=(-1.0,))
    assert _removed(rows, "memorized", -1.0) == [{0, 1, 2, 4, 5, 6, 7}] * 3


def test_threshold_that_removes_nothing_is_left_out():
    assert 2.0 not in _design().threshold


def test_random_rows_leave_out_as_many_and_differ_from_each_other():
    removed = _removed(_design(repeats=20), "random", 0.3)
    assert {len(r) for r in removed} == {4}
    assert len(set(map(frozenset, removed))) > 10
    left_out = np.bincount([i for r in removed for i in r], minlength=8)
    assert left_out.min() > 0


def test_more_repeats_keep_the_earlier_random_rows():
    few, many = (_removed(_design(repeats=r), "random", 0.6) for r in (2, 5))
    assert many[:2] == few


def test_influential_rows_leave_out_each_train_member_once():
    rows = _design(influential=[7, 0, 7])
    assert _removed(rows, "influential", np.nan) == [{0, 7}] * 3
    assert [len(r) for r in _removed(rows, "random", np.nan)] == [2] * 3


def test_utility_is_the_difference_of_two_means_with_its_error():
    rows = _design(repeats=2, thresholds=(0.6,))
    rng = np.random.default_rng(0)
    test_correct = rng.random((len(rows.kind), 40)) < 0.7
    (utility,) = removal.utility(rows, test_correct)
    accuracy = test_correct.mean(1)
    without, random = (accuracy[rows.kind == kind] for kind in ("memorized", "random"))
    assert utility.removed == 2
    assert utility.remaining == 6 / 8
    assert utility.difference.value == pytest.approx(without.mean() - random.mean())
    variance = without.var(ddof=1) / 2 + random.var(ddof=1) / 2
    assert utility.difference.stderr == pytest.approx(np.sqrt(variance))
    assert utility.nothing.value == pytest.approx(accuracy[rows.kind == "nothing"].mean())


def test_utility_on_chosen_tests_looks_at_no_other():
    rows = _design(repeats=2, thresholds=(0.6,))
    test_correct = np.zeros((len(rows.kind), 4), bool)
    test_correct[rows.kind == "random", 2] = True
    (utility,) = removal.utility(rows, test_correct, tests=[2])
    numbers = utility.without, utility.random, utility.difference
    assert [number.value for number in numbers] == [0, 1, -1]


def test_missing_runs_are_undefined():
    rows = _design(repeats=2, thresholds=(0.6,))
    is_present = rows.kind != "random"
    present = removal.Rows(*(part[is_present] for part in vars(rows).values()))
    (utility,) = removal.utility(present, np.ones((is_present.sum(), 3), bool))
    assert np.isnan([utility.random.value, utility.difference.value]).all()
    assert utility.without.value == 1


def test_standard_error_covers_a_true_difference():
    rows = _design(repeats=30, thresholds=(0.6,))
    rng = np.random.default_rng(1)
    chance = np.where(rows.kind == "memorized", 0.6, 0.7)
    inside = 0
    for _ in range(200):
        test_correct = rng.random((len(rows.kind), 50)) < chance[:, None]
        (utility,) = removal.utility(rows, test_correct)
        inside += abs(utility.difference.value + 0.1) < 1.96 * utility.difference.stderr
    assert 180 <= inside <= 199
