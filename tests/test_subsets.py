import numpy as np
import pytest

from memkit import errors, subsets
from memkit.subsets import blocks

DRAWN = ("balanced", "random")  # designs with random subsets


def _uneven_case(seed):
    rng = np.random.default_rng(seed)
    if seed % 2:
        sizes = rng.integers(50, rng.choice([60, 130, 300]), rng.integers(1, 9))
    else:
        sizes = rng.integers(8, 90, rng.integers(1, 6))
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    fraction = [0.5, 0.7, 0.9, 1 / 3, 0.123, 0.37, float(rng.uniform(0.2, 0.8))][seed % 7]
    num_blocks = rng.integers(3, 8) if subsets.block_size(fraction) < 60 else 2
    return labels, fraction, int(num_blocks) * subsets.block_size(fraction)


@pytest.mark.parametrize("seed", range(56))
def test_balanced_margins_are_exact(seed):
    labels, fraction, num_runs = _uneven_case(seed)
    mask = subsets.balanced(labels, num_runs, fraction, seed)
    size, rows = round(fraction * len(labels)), subsets.block_size(fraction)
    assert mask.shape == (num_runs, len(labels)) and mask.dtype == bool
    assert (mask.sum(axis=1) == size).all()
    for end in range(rows, num_runs + 1, rows):
        assert np.ptp(mask[:end].sum(axis=0)) <= 1
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() >= 50:
        for label, count in zip(classes, counts):
            in_class = mask[:, labels == label].sum(axis=1)
            assert in_class.min() >= count * size // len(labels)
            assert in_class.max() <= -(-count * size // len(labels))


@pytest.mark.parametrize("seed", range(14))
def test_more_runs_keep_the_earlier_rows(seed):
    labels, fraction, num_runs = _uneven_case(seed)
    long = subsets.balanced(labels, num_runs, fraction, seed)
    short = subsets.balanced(labels, num_runs - 3, fraction, seed)
    np.testing.assert_array_equal(long[: num_runs - 3], short)


def test_strata_get_their_share_after_every_block_of_long_studies():
    rng = np.random.default_rng(0)
    # The first cases are those in which the earliest deadline alone breaks a bound.
    cases = 4 * [
        ([100, 200, 350, 400, 400, 50, 250, 50], 750),
        ([200, 250, 400, 350, 400, 250, 50, 50, 150], 1763),
        ([150, 50, 350, 200, 400, 350, 300], 1475),
    ]
    for number in range(30):
        sizes, extras = (
            cases[number]
            if number < len(cases)
            else (rng.integers(50, 400, rng.integers(2, 40)), int(rng.integers(0, 100)))
        )
        sizes = np.array(sizes)
        total = sizes.sum()
        total_given, scheduled = np.zeros(len(sizes), int), np.zeros(len(sizes), int)
        for block in range(300):
            share = blocks._stratum_extras(sizes, extras, scheduled, block, rng)
            assert share.sum() == extras
            assert (np.abs(share * total - sizes * extras) < total).all()
            total_given += share
            assert (np.abs(total_given * total - (block + 1) * sizes * extras) < total).all()


def test_counts_are_exact_where_the_fraction_divides():
    mask = subsets.balanced(np.repeat(np.arange(10), 100), 40, 0.7, 3)
    assert (mask.sum(axis=0) == 28).all()
    assert (mask.reshape(40, 10, 100).sum(axis=2) == 70).all()


def test_small_classes_are_not_stratified():
    mask = subsets.balanced(np.repeat(np.arange(20), 10), 200, 0.7, 0)
    per_class = mask.reshape(200, 20, 10).sum(axis=2)
    assert set(np.unique(per_class)) > {6, 7, 8}


def test_columns_are_not_aliased_within_a_block():
    labels = np.repeat(np.arange(6), 100)
    correlation = np.corrcoef(subsets.balanced(labels, 20, 0.7, 1).T)
    pairs = correlation[np.triu_indices(600, 1)]
    # Independent arrangements of 20 runs: standard deviation 1 / sqrt(19).
    assert pairs.std() == pytest.approx(19**-0.5, rel=0.03)
    assert abs(pairs.mean()) < 0.01
    assert np.mean(pairs > 0.99) < 2e-4


def test_columns_are_not_aliased_across_blocks():
    labels = np.repeat(np.arange(4), 50)
    correlation = np.corrcoef(subsets.balanced(labels, 400, 0.7, 2).T)
    pairs = correlation[np.triu_indices(200, 1)]
    assert pairs.std() == pytest.approx(400**-0.5, rel=0.06)
    assert np.abs(pairs).max() < 6 * 400**-0.5


def test_over_many_seeds_every_run_trains_on_every_example_equally_often():
    labels = np.repeat(np.arange(2), [51, 60])
    total = sum(subsets.balanced(labels, 20, 0.7, seed).astype(int) for seed in range(400))
    in_class = total[:, :51].sum(axis=1) / 400
    np.testing.assert_allclose(in_class, 51 * 78 / 111, atol=4 * np.sqrt(0.25 / 400))
    z = (total / 400 - 78 / 111) / np.sqrt(0.7 * 0.3 / 400)
    assert np.abs(z).max() < 4.7
    assert z.std() == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("name", DRAWN)
def test_equal_seeds_give_equal_designs_and_other_seeds_others(name):
    def draw(seed):
        return subsets.design(
            name, labels=np.zeros(60, int), num_runs=40, train_fraction=0.7, seed=seed
        )

    np.testing.assert_array_equal(draw(1), draw(1))
    assert np.mean(draw(1) != draw(2)) == pytest.approx(2 * 0.7 * 0.3, abs=0.05)


def test_random_rows_have_the_exact_size_and_stay_when_runs_are_added():
    mask = subsets.random(97, 60, 0.7, 5)
    assert (mask.sum(axis=1) == 68).all()
    assert len(np.unique(mask, axis=0)) == 60
    np.testing.assert_array_equal(mask[:45], subsets.random(97, 45, 0.7, 5))


def test_label_values_do_not_matter():
    labels = np.random.default_rng(0).integers(0, 3, 240)
    np.testing.assert_array_equal(
        subsets.balanced(labels, 20, 0.7, 0),
        subsets.balanced(np.array(["ant", "bee", "cat"])[labels], 20, 0.7, 0),
    )


@pytest.mark.parametrize(
    "fraction, rows",
    [(0.7, 20), (0.5, 20), (0.9, 20), (1 / 3, 21), (0.75, 20), (0.99, 100), (0.123, 65)],
)
def test_block_size_is_the_smallest_multiple_from_20(fraction, rows):
    assert subsets.block_size(fraction) == rows


def test_an_incomplete_block_is_logged_once(monkeypatch):
    lines = []
    monkeypatch.setattr(subsets.logging, "warning", lambda text, *args: lines.append(text % args))
    subsets.balanced(np.zeros(50, int), 40, 0.7, 0)
    assert not lines
    subsets.balanced(np.zeros(50, int), 47, 0.7, 0)
    assert len(lines) == 1 and "47" in lines[0] and "20" in lines[0]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), "0.7"])
@pytest.mark.parametrize("name", DRAWN)
def test_a_train_fraction_outside_of_0_to_1_is_an_error(name, fraction):
    with pytest.raises(errors.InputError, match="subsets.train_fraction: expected"):
        subsets.design(name, labels=np.zeros(50), num_runs=20, train_fraction=fraction, seed=0)


@pytest.mark.parametrize("num_runs", [0, 1, 2.5])
@pytest.mark.parametrize("name", DRAWN)
def test_too_few_runs_are_an_error(name, num_runs):
    with pytest.raises(errors.InputError, match="subsets.num_runs: expected"):
        subsets.design(name, labels=np.zeros(50), num_runs=num_runs, train_fraction=0.5, seed=0)


@pytest.mark.parametrize("fraction", [0.5, 0.95, 0.001])
@pytest.mark.parametrize("name", DRAWN)
def test_too_few_runs_with_or_without_an_example_are_an_error(name, fraction):
    with pytest.raises(errors.InputError, match="at least 2 with.*received 3: [0-3] with"):
        subsets.design(name, labels=np.zeros(50), num_runs=3, train_fraction=fraction, seed=0)


def test_the_error_for_an_unknown_design_lists_the_designs():
    with pytest.raises(
        errors.InputError, match="unknown design 'folds'. Known: balanced, random, leave_one_out$"
    ):
        subsets.design("folds", labels=np.zeros(9), num_runs=20, train_fraction=0.5, seed=0)


def test_empty_data_is_an_error():
    with pytest.raises(errors.InputError, match="at least one example"):
        subsets.balanced(np.zeros(0), 20, 0.5, 0)


def test_leave_one_out_leaves_out_every_example_once_in_each_unit():
    mask = subsets.leave_one_out(7, num_runs=24)
    assert mask.shape == (24, 7)
    np.testing.assert_array_equal(mask.all(axis=1), np.arange(24) % 8 == 0)
    for unit in range(3):
        _, *rows = mask[8 * unit : 8 * unit + 8]
        np.testing.assert_array_equal(np.array(rows), ~np.eye(7, dtype=bool))
    np.testing.assert_array_equal(subsets.leave_one_out(7, num_runs=16), mask[:16])


@pytest.mark.parametrize("num_runs", [2, 8, 15, 17])
def test_leave_one_out_needs_whole_units(num_runs):
    with pytest.raises(
        errors.InputError,
        match="num_runs: expected a multiple of 8, at least 16: .* all 7 examples",
    ):
        subsets.leave_one_out(7, num_runs)


def test_leave_one_out_is_a_design_that_ignores_the_fraction():
    options = dict(labels=[0] * 7, num_runs=16, train_fraction=0.7, seed=0)
    mask = subsets.design("leave_one_out", **options)
    np.testing.assert_array_equal(mask, subsets.leave_one_out(7, 16))


def test_runs_are_units_of_their_own_unless_one_is_left_out():
    for name in subsets.DESIGNS:
        size = 8 if name == "leave_one_out" else 1
        actual = subsets.units(name, 16, 7)
        np.testing.assert_array_equal(actual, np.arange(16) // size)
