import dataclasses

import numpy as np
import pytest

from memkit import comparisons
from memkit.comparisons import Pairs, Published
from memkit.errors import InputError
from memkit.seeds import stream


def _published(world, **changes):
    values = world.memorizations()
    fields = {
        "layout": "columns",
        "quantity": "memorization",
        "values": values,
        "rows": np.arange(len(values)),
        "labels": world.train_labels,
    }
    return Published(**(fields | changes))


def _by_column(joined, published, count):
    values = np.full(count, np.nan)
    values[joined.columns] = published.values[joined.positions]
    return values


def test_rows_join_by_the_numbers_in_ids_in_any_order(world, make_examples):
    order = stream(0, "tests/order").permutation(30)[:20]
    published = _published(world)
    joined = comparisons.join(published, make_examples(order))
    assert (joined.by, joined.num_checked) == ("row number", 20)
    result = _by_column(joined, published, 20)
    np.testing.assert_array_equal(result, world.memorizations()[order])


def test_ids_join_in_any_order(world, make_examples):
    order = stream(0, "tests/order").permutation(30)
    names = make_examples().train_ids
    published = _published(
        world,
        values=world.memorizations()[order],
        ids=names[order],
        labels=world.train_labels[order],
    )
    joined = comparisons.join(published, make_examples())
    assert joined.by == "id"
    result = _by_column(joined, published, 30)
    np.testing.assert_array_equal(result, world.memorizations())


def test_file_names_join_by_their_last_part(world, make_examples, tmp_path):
    world.write_index(tmp_path / "index.npz")
    published = comparisons.read(tmp_path / "index.npz")
    ids = np.array([f"n0{label}_{i}.JPEG" for i, label in enumerate(world.train_labels)])
    joined = comparisons.join(published, make_examples(train_ids=ids))
    assert joined.by == "id" and joined.num_checked == 30
    np.testing.assert_array_equal(joined.columns, joined.positions)


def test_the_error_for_shuffled_labels_counts_them(world, make_examples):
    shuffled = world.train_labels.copy()
    shuffled[[2, 9]] = (shuffled[[2, 9]] + 1) % 3
    with pytest.raises(InputError, match="at the 30 examples that both have, received 2 different"):
        comparisons.join(_published(world, labels=shuffled), make_examples())


def test_labels_of_a_file_may_be_the_given_labels(world, make_examples):
    given = (world.train_labels + (np.arange(30) < 4)) % 3
    joined = comparisons.join(_published(world, labels=given), make_examples(given_labels=given))
    assert joined.num_checked == 30


def test_rows_join_by_position_only_if_every_label_agrees(world, make_examples):
    hashes = np.array([f"{i:016x}" for i in range(30)])
    examples = make_examples(train_ids=hashes)
    assert comparisons.join(_published(world), examples).by == "position"
    other = np.roll(world.train_labels, 1)
    for published in (_published(world, labels=None), _published(world, labels=other)):
        with pytest.raises(InputError, match="a file with ids"):
            comparisons.join(published, examples, is_original_order=True)


def test_rows_without_labels_need_a_known_order(world, make_examples):
    published = _published(world, labels=None)
    with pytest.raises(InputError, match="--rows=original"):
        comparisons.join(published, make_examples())
    joined = comparisons.join(published, make_examples(), is_original_order=True)
    assert (len(joined.columns), joined.num_checked) == (30, 0)


def test_pairs_must_be_of_equal_class(world, make_examples, tmp_path):
    world.write_pairs(tmp_path / "pairs.npz")
    published = comparisons.read(tmp_path / "pairs.npz")
    joined = comparisons.join(published, make_examples())
    assert joined.num_checked == len(published.pairs.train)
    other_tests = make_examples(test_labels=np.sort(world.test_labels))
    with pytest.raises(InputError, match="pairs of different classes"):
        comparisons.join(published, other_tests)


def test_only_pairs_with_both_examples_join(world, make_examples, tmp_path):
    world.write_pairs(tmp_path / "pairs.npz")
    pairs = comparisons.read(tmp_path / "pairs.npz").pairs
    order = stream(1, "tests/order").permutation(30)[:15]
    result = comparisons.join_pairs(pairs, make_examples(order))
    selected = [p for p in range(len(pairs.train)) if pairs.train[p] in order]
    assert sorted(result.positions.tolist()) == selected
    np.testing.assert_array_equal(order[result.train], pairs.train[result.positions])
    np.testing.assert_array_equal(result.test, pairs.test[result.positions])


def test_pairs_do_not_join_if_test_ids_have_no_numbers(make_examples):
    none = np.empty(0, np.int64)
    pairs = Pairs(none, none, np.empty(0), np.empty(0), same_class=True)
    examples = make_examples(test_ids=np.array([f"val{j}.png" for j in range(12)]))
    assert comparisons.join_pairs(pairs, examples) is None
    assert len(comparisons.join_pairs(pairs, make_examples()).train) == 0


@pytest.mark.parametrize("changes", [{"ids": np.array(["a"] * 30)}, {"rows": np.zeros(30, int)}])
def test_repeated_ids_and_rows_raise_an_error(world, make_examples, changes):
    with pytest.raises(InputError, match="per example"):
        comparisons.join(_published(world, **changes), make_examples())


def test_no_common_example_raises_an_error(world, make_examples):
    far = dataclasses.replace(_published(world), rows=np.arange(30) + 1000)
    with pytest.raises(InputError, match="such as train_00000, received none"):
        comparisons.join(far, make_examples())
