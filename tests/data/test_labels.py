import errno
import os
import pathlib

import numpy as np
import pytest
import scipy.stats

from memkit import seeds
from memkit.data.labels import check, plant
from memkit.errors import InputError


def _labels(length=5000, num_classes=10, seed=0):
    return np.random.default_rng(seed).integers(0, num_classes, length).astype(np.int32)


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.08, 0.1234, 0.5, 0.999])
@pytest.mark.parametrize("length", [1, 37, 1437])
def test_exactly_the_requested_share_is_planted(fraction, length):
    labels = _labels(length)
    given = plant(labels, 10, planted_fraction=fraction, seed=1)
    assert (given != labels).sum() == round(fraction * length)
    assert given.dtype == np.int32
    assert given.min() >= 0 and given.max() < 10


def test_true_labels_are_not_changed():
    labels = _labels()
    copy = labels.copy()
    plant(labels, 10, planted_fraction=0.5, seed=1)
    np.testing.assert_array_equal(labels, copy)


def test_wrong_labels_are_uniform_over_the_other_classes():
    labels = _labels(90_000)
    given = plant(labels, 10, planted_fraction=0.9, seed=1)
    planted = given != labels
    shift = (given - labels)[planted] % 10
    counts = np.bincount(shift, minlength=10)[1:]
    assert scipy.stats.chisquare(counts).pvalue > 1e-4


def test_all_examples_are_planted_with_equal_probability():
    labels = _labels(1000)
    counts = sum(plant(labels, 10, planted_fraction=0.1, seed=s) != labels for s in range(400))
    assert counts.sum() == 400 * 100
    assert counts.min() > 10 and counts.max() < 80


def test_other_seeds_plant_other_examples():
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
def test_a_fraction_out_of_range_is_an_error(fraction):
    with pytest.raises(InputError, match="^labels.planted_fraction: expected a number in"):
        plant(_labels(), 10, planted_fraction=fraction, seed=0)


def test_symmetric_noise_is_permanent():
    # Computed a second time: another order of draws would change the labels of existing studies.
    labels = _labels(1000)
    rng = seeds.stream(5, "labels")
    rows = rng.permutation(1000)[:80]
    expected = labels.copy()
    expected[rows] = (labels[rows] + rng.integers(1, 10, size=80)) % 10
    loaded = plant(labels, 10, planted_fraction=0.08, seed=5)
    np.testing.assert_array_equal(loaded, expected)
    named = plant(labels, 10, planted_fraction=0.08, seed=5, noise="symmetric", class_map=[])
    np.testing.assert_array_equal(named, expected)


_MAP = (1, 0, 2, 5, 3, 4, 6, 7, 9, 9)


def test_a_class_map_flips_only_its_classes():
    labels = _labels(2000)
    given = plant(labels, 10, planted_fraction=0.3, noise="class_map", class_map=_MAP, seed=1)
    planted = given != labels
    assert planted.sum() == 600
    assert given.dtype == np.int32
    np.testing.assert_array_equal(given[planted], np.array(_MAP)[labels[planted]])
    assert set(labels[planted]) == {0, 1, 3, 4, 5, 8}


def test_a_class_map_plants_eligible_examples_with_equal_probability():
    labels = _labels(300)
    noise = {"planted_fraction": 0.2, "noise": "class_map", "class_map": _MAP}
    counts = sum(plant(labels, 10, seed=seed, **noise) != labels for seed in range(300))
    eligible = np.array(_MAP)[labels] != labels
    assert (counts[~eligible] == 0).all()
    rate = 300 * 60 / eligible.sum()
    assert np.abs(counts[eligible] - rate).max() < 5 * np.sqrt(rate)


def test_a_class_map_cannot_plant_more_labels_than_it_changes():
    labels = np.array([0, 0, 1, 2], np.int32)
    noise = {"noise": "class_map", "class_map": (1, 1, 2), "seed": 0}
    given = plant(labels, 3, planted_fraction=0.5, **noise)
    assert given.tolist() == [1, 1, 1, 2]
    with pytest.raises(InputError, match="^labels.planted_fraction: expected at most 0.5000"):
        plant(labels, 3, planted_fraction=0.75, **noise)


@pytest.mark.parametrize("class_map", [(1, 0), (1, 0, 3), (1, 0, -1), (0, 1, 2, 3)])
def test_a_class_map_must_match_the_classes(class_map):
    with pytest.raises(InputError, match="^labels.class_map: expected "):
        plant(
            _labels(9, 3), 3, planted_fraction=0.1, noise="class_map", class_map=class_map, seed=0
        )


def _write(path, labels):
    if path.suffix == ".npy":
        np.save(path, labels)
    elif path.suffix == ".npz":
        np.savez(path, labels=labels)
    else:
        path.write_text("\n".join(map(str, labels)) + "\n")
    return str(path)


@pytest.mark.parametrize("ending", ["npy", "npz", "txt"])
def test_given_labels_are_read_from_the_file(tmp_path, ending):
    given = _labels(50, 4, seed=9)
    file = _write(tmp_path / f"given.{ending}", given)
    loaded = plant(_labels(50, 4), 4, planted_fraction=0.0, file=file, seed=0)
    np.testing.assert_array_equal(loaded, given)
    assert loaded.dtype == np.int32


_BAD = {
    "short": np.array([0, 1]),
    "range": np.array([0, 1, 4]),
    "negative": np.array([0, -1, 2]),
    "table": np.array([[0, 1, 2]]),
    "floats": np.array([0.0, 1, 2]),
    "pickled": np.array([0, 1, None]),
}


@pytest.mark.parametrize("ending", ["npy", "npz"])
@pytest.mark.parametrize("case", _BAD)
def test_labels_of_another_data_set_are_errors(tmp_path, case, ending):
    file = _write(tmp_path / f"bad.{ending}", _BAD[case])
    with pytest.raises(InputError, match="^labels.file: expected .*label") as caught:
        plant(_labels(3, 4), 4, planted_fraction=0, file=file, seed=0)
    assert "\n" not in str(caught.value)


def test_damaged_label_files_are_errors(tmp_path):
    (tmp_path / "words.txt").write_text("0 one 2")
    (tmp_path / "text.npz").write_text("0 1 2")
    (tmp_path / "text.npy").write_text("0 1 2")
    (tmp_path / "empty.npy").write_text("")
    np.savez(tmp_path / "key.npz", other=np.arange(3))
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(
            InputError, match="^labels.file(: expected labels as class| .*words.txt: unknown class)"
        ):
            plant(_labels(3, 4), 4, planted_fraction=0, file=str(file), seed=0)
    with pytest.raises(InputError, match="^labels.file: expected a file, received .*none.npy"):
        plant(_labels(3), 10, planted_fraction=0, file=str(tmp_path / "none.npy"), seed=0)


@pytest.mark.parametrize(
    "field, section",
    [
        ("planted_fraction", {"planted_fraction": "some"}),
        ("planted_fraction", {"planted_fraction": True}),
        ("planted_fraction", {"planted_fraction": 0.1, "file": "a.npy"}),
        ("noise", {"noise": "pairs"}),
        ("class_map", {"noise": "class_map"}),
        ("class_map", {"noise": "class_map", "class_map": (1.0, 0)}),
        ("class_map", {"noise": "class_map", "class_map": "10"}),
        ("class_map", {"class_map": (1, 0)}),
        ("file", {"file": None}),
        ("file", {"file": "labels.json"}),
    ],
)
def test_check_names_the_field_without_data(field, section):
    with pytest.raises(InputError, match=f"^labels.{field}: (expected|unknown) "):
        check(**{"planted_fraction": 0.0} | section)


def test_check_accepts_the_sections_that_plant_accepts():
    check(planted_fraction=0.08)
    check(planted_fraction=0, noise="class_map", class_map=[1, 0])
    check(planted_fraction=0.0, noise="symmetric", class_map=(), file="there/later.npz")


def _plant(file, labels, class_names=()):
    return plant(
        labels, max(labels) + 1, planted_fraction=0, seed=0, file=str(file), class_names=class_names
    )


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf0\n1\n2\n", b"0\r\n1\r\n2\r\n", b"0 1\n2", b"\xef\xbb\xbf0\r\n1\r\n2"],
    ids=["mark", "CRLF", "one line", "both"],
)
def test_text_files_of_any_editor_are_read(tmp_path, content):
    (tmp_path / "l.txt").write_bytes(content)
    assert _plant(tmp_path / "l.txt", np.arange(3)).tolist() == [0, 1, 2]


def test_text_that_is_not_utf8_is_an_error_of_one_line(tmp_path):
    (tmp_path / "l.txt").write_bytes("0\n1\n2\n".encode("utf-16"))
    with pytest.raises(InputError, match="^labels.file: .*l.txt .byte 0 is not UTF-8 text.$"):
        _plant(tmp_path / "l.txt", np.arange(3))


def test_unreadable_files_are_errors_of_one_line(tmp_path, monkeypatch):
    (tmp_path / "l.txt").write_text("0 1 2")
    monkeypatch.setattr(pathlib.Path, "read_text", _denied)
    with pytest.raises(InputError, match=r"^labels.file: .*l.txt \(Permission denied\)$"):
        _plant(tmp_path / "l.txt", np.arange(3))
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(InputError, match="^labels.file: expected a file, received .*folder.npy"):
        _plant(tmp_path / "folder.npy", np.arange(3))


def _denied(*_, **__):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


NAMES = ("ant", "bee", "guinea pig")


@pytest.mark.parametrize("kind", ["txt", "str", "bytes"])
def test_files_may_contain_class_names(tmp_path, kind):
    words = ["guinea pig", "ant", "bee", "bee"]
    file = tmp_path / ("l.txt" if kind == "txt" else "l.npy")
    if kind == "txt":
        file.write_text("\n".join(words) + "\n")
    else:
        np.save(file, np.array(words, "S" if kind == "bytes" else "U"))
    assert _plant(file, np.array([2, 0, 1, 0]), NAMES).tolist() == [2, 0, 1, 1]
    with pytest.raises(
        InputError, match="^labels.file .*: unknown class 'bee'; did you mean 'bees'"
    ):
        _plant(file, np.array([2, 0, 1, 0]), ("ant", "bees", "guinea pig"))


@pytest.mark.parametrize("renumbered", [[1, 2, 0], [1, 0, 2], [2, 1, 0]], ids=str)
@pytest.mark.parametrize("changes", [0, 3])
def test_files_that_number_the_classes_in_another_order_are_errors(tmp_path, renumbered, changes):
    labels = np.arange(60) % 3
    given = np.array(renumbered)[labels]
    given[:changes] = labels[:changes]
    np.save(tmp_path / "l.npy", given)
    with pytest.raises(InputError, match="^labels.file: expected class numbers in the order of"):
        _plant(tmp_path / "l.npy", labels, NAMES)


def test_classes_may_be_merged_or_half_of_their_labels_swapped(tmp_path):
    labels = np.arange(60) % 3
    merged = np.where(labels == 2, 0, labels)
    swapped = labels.copy()
    swapped[:30] = np.array([1, 0, 2])[labels[:30]]
    for given in (merged, swapped):
        np.save(tmp_path / "l.npy", given)
        assert _plant(tmp_path / "l.npy", labels, NAMES).tolist() == given.tolist()


FROM_ONE = tuple(map(str, range(1, 5)))


def test_integers_that_may_be_class_names_or_numbers_are_errors(tmp_path):
    labels = np.arange(40) % 4
    np.save(tmp_path / "names.npy", labels + 1)
    assert _plant(tmp_path / "names.npy", labels, FROM_ONE).tolist() == labels.tolist()
    np.save(tmp_path / "numbers.npy", labels)
    assert _plant(tmp_path / "numbers.npy", labels, FROM_ONE).tolist() == labels.tolist()
    np.save(tmp_path / "either.npy", np.clip(labels, 1, 3))
    with pytest.raises(InputError, match="^labels.file: expected class names as an array of str"):
        _plant(tmp_path / "either.npy", labels, FROM_ONE)
    np.save(tmp_path / "strings.npy", np.clip(labels, 1, 3).astype(str))
    loaded = _plant(tmp_path / "strings.npy", labels, FROM_ONE)
    assert loaded.tolist() == (np.clip(labels, 1, 3) - 1).tolist()


@pytest.mark.parametrize("value", [4294967295, -1, 10**25])
def test_labels_far_out_of_range_are_errors_before_anything_is_allocated(tmp_path, value):
    (tmp_path / "l.txt").write_text(f"0 1 {value}")
    with pytest.raises(InputError, match="^labels.file: expected "):
        _plant(tmp_path / "l.txt", np.arange(3))


IDS = ["a/1.png", "b,2\n.png", "=c.png"]


def _csv_file(folder, text):
    (folder / "labels.csv").write_bytes(text.encode())
    return str(folder / "labels.csv")


def test_a_csv_file_gives_labels_by_id_in_any_order(tmp_path):
    rows = ["decision,file,label,split", 'kept,"b,2\n.png",\'=x,train', ",'=c.png,dog,train"]
    rows += [",other.png,dog,test", ",a/1.png,dog,train", ",a/1.png,cat,test"]
    file = _csv_file(tmp_path, "\ufeff" + "\n".join(rows) + "\n")
    given = plant(
        np.array([0, 1, 2]), 3, planted_fraction=0, seed=0, file=file,
        class_names=("cat", "dog", "=x"), ids=IDS,
    )  # fmt: skip
    assert given.tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na/1.png,cat\n", "expected a label for b,2.n.png, received none in"),
        ("name,label\na/1.png,cat\n", "no columns file and label"),
        ("", "no columns file and label"),
        ("file,label\n" + "".join(f'"{name}",bird\n' for name in IDS), "unknown class 'bird'"),
        ('file,label\n"a,b', "unexpected end of data"),
    ],
)
def test_a_csv_file_without_a_label_for_every_example_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=f"^labels.file.*{message}"):
        plant(
            np.array([0, 1, 0]), 2, planted_fraction=0, seed=0, file=_csv_file(tmp_path, text),
            class_names=("cat", "dog"), ids=IDS,
        )  # fmt: skip
