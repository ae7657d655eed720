import numpy as np
import pytest

from memkit import comparisons
from memkit.comparisons import Published, matching
from memkit.errors import InputError

TRAIN = ["train/cat/1.png", "train/cat/2.png", "train/dog/1.png", "train/dog/2.png"]


def _pairs(ids, others):
    result = matching.match(np.array(ids, str), np.array(others, str))
    pairs = {ids[c]: others[p] for c, p in zip(result.columns, result.positions, strict=True)}
    assert len(pairs) == len(set(pairs.values())) == len(result.columns)
    return pairs, result.num_ambiguous


def test_a_file_name_in_two_class_folders_matches_within_its_class():
    pairs, num_ambiguous = _pairs(TRAIN, ["cat/1.png", "dog/2.png"])
    assert pairs == {"train/cat/1.png": "cat/1.png", "train/dog/2.png": "dog/2.png"}
    assert num_ambiguous == 0


def test_a_path_never_matches_another_folder():
    other_paths = ["bird/1.png", "test/cat/1.png", "xtrain/cat/2.png", "train/cat/1.jpg"]
    assert _pairs(TRAIN, other_paths) == ({}, 0)


@pytest.mark.parametrize("root", ["/data/photos/", "C:\\data\\", "./", "../"])
def test_roots_of_other_machines_do_not_matter(root):
    other_paths = [root + name for name in TRAIN]
    if "\\" in root:
        other_paths = [name.replace("/", "\\") for name in other_paths]
    for first, second in ((TRAIN, other_paths), (other_paths, TRAIN)):
        assert _pairs(first, second) == (dict(zip(first, second, strict=True)), 0)


def test_ambiguous_names_are_left_out_and_counted():
    assert _pairs(TRAIN, ["1.png", "cat/2.png"]) == ({"train/cat/2.png": "cat/2.png"}, 1)
    assert _pairs(["1.png", "cat/2.png"], TRAIN) == ({"cat/2.png": "train/cat/2.png"}, 2)


def test_the_longest_common_path_wins():
    pairs, num_ambiguous = _pairs(["1.png", "cat/1.png"], ["a/cat/1.png", "1.png"])
    assert pairs == {"1.png": "1.png", "cat/1.png": "a/cat/1.png"}
    assert num_ambiguous == 0
    assert _pairs(["a/cat/1.png"], ["1.png", "cat/1.png"]) == ({"a/cat/1.png": "cat/1.png"}, 1)


def test_equal_ids_match_even_if_others_would_too():
    names = ["a.png", "a.png ", "x/a.png", "x\\a.png"]
    assert _pairs(names, names[::-1]) == ({name: name for name in names}, 0)
    assert _pairs(["cat/a.png"], ["cat/a.png "]) == ({"cat/a.png": "cat/a.png "}, 0)


def test_leading_zeros_and_case_are_part_of_an_id():
    assert _pairs(["00017", "a.PNG"], ["17", "a.png", "1.0"]) == ({}, 0)


def test_every_id_is_used_at_most_once():
    rng = np.random.default_rng(0)
    for _ in range(200):
        lists = [
            sorted({"/".join(rng.choice(list("abc"), rng.integers(1, 4))) for _ in range(8)})
            for _ in range(2)
        ]
        pairs, num_ambiguous = _pairs(*lists)
        assert all(f"/{a}".endswith(f"/{b}") or f"/{b}".endswith(f"/{a}") for a, b in pairs.items())
        assert len(pairs) + num_ambiguous <= len(lists[1])


def test_ids_with_different_prefixes_have_no_row_numbers(make_examples):
    ids = np.array([f"{'cat' if i % 2 else 'dog'}_{i // 2}" for i in range(30)])
    published = Published("columns", "memorization", np.zeros(30), np.arange(30))
    with pytest.raises(InputError, match="a file with ids"):
        comparisons.join(published, make_examples(train_ids=ids), is_original_order=True)


def test_a_file_with_only_ambiguous_ids_raises_an_error(make_examples):
    ids = np.array([f"{i % 2}/{i // 2}.png" for i in range(30)])
    published = Published("table", "memorization", np.zeros(1), np.arange(1), np.array(["3.png"]))
    with pytest.raises(InputError, match="3.png, 1 of which fit several examples"):
        comparisons.join(published, make_examples(train_ids=ids))
