import json
import os
import zipfile

import numpy as np
import pytest

from memkit import records
from memkit.records import RecordError, Sizes
from tests.info import INFO

SIZES = Sizes(train=13, test=5, epochs=3, classes=4)


def _arrays(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.random(shape) < 0.5
        if dtype == bool
        else rng.integers(0, sizes.classes, shape).astype(dtype)
        if dtype.kind == "u"
        else rng.normal(size=shape).astype(dtype)
        for name, (dtype, shape) in records.array_specs(sizes).items()
    }


def _info(**changes):
    identity = {"fingerprint": "f", "point": "one_hot_width1", "run": 4, "subset": "s"}
    return INFO | identity | changes


def _write(path, sizes=SIZES, arrays=None, **changes):
    arrays = _arrays(sizes) if arrays is None else arrays
    records.write(path, arrays, _info(**changes), sizes)
    return arrays


def _assert_same(loaded, expected):
    assert set(loaded) == set(expected)
    for name, array in expected.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_a_record_can_be_read_back(tmp_path):
    arrays = _write(tmp_path / "4.npz")
    loaded, info = records.read(tmp_path / "4.npz", SIZES)
    _assert_same(loaded, arrays)
    assert info == _info() | {"format": records.FORMAT, "checksum": info["checksum"]}
    assert set(info) == set(records.INFO)


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 15, 16, 17, 1437])
def test_packed_bits_of_any_length_can_be_read_back(tmp_path, length):
    sizes = Sizes(train=length, test=length, epochs=1, classes=2)
    arrays = _write(tmp_path / "r.npz", sizes)
    loaded, _ = records.read(tmp_path / "r.npz", sizes)
    _assert_same(loaded, arrays)
    with np.load(tmp_path / "r.npz") as file:
        assert file["train_correct"].size == -(-length // 8)


@pytest.mark.parametrize("name", records.SCHEMA)
def test_every_schema_entry_is_recorded_if_requested(tmp_path, name):
    field = records.SCHEMA[name]
    sizes = Sizes(**{**vars(SIZES), "asked": (field.where,) if field.where else ()})
    arrays = _write(tmp_path / "r.npz", sizes)
    loaded, _ = records.read(tmp_path / "r.npz", sizes)
    axes = {"N": 13, "T": 5, "E": 3, "C": 4, "D": records.FEATURES, "3": 3}
    assert loaded[name].shape == tuple(axes[axis] for axis in field.shape)
    np.testing.assert_array_equal(loaded[name], arrays[name])
    assert field.meaning


def test_optional_arrays_are_absent_unless_requested():
    optional = {name for name, field in records.SCHEMA.items() if field.where}
    assert optional
    assert not optional & set(records.array_specs(SIZES))


@pytest.mark.parametrize("classes, dtype", [(2, "uint8"), (256, "uint8"), (257, "uint16")])
def test_the_label_type_can_represent_every_class(classes, dtype):
    assert records.label_dtype(classes) == dtype
    assert np.iinfo(records.label_dtype(classes)).max >= classes - 1


def test_extreme_floats_can_be_read_back(tmp_path):
    arrays = _arrays(SIZES)
    arrays["train_logodds"][:5] = [np.nan, np.inf, -np.inf, 65504, -0.0]
    arrays["curve"][:] = np.nan
    _write(tmp_path / "r.npz", arrays=arrays)
    loaded, _ = records.read(tmp_path / "r.npz", SIZES)
    _assert_same(loaded, arrays)
    assert np.signbit(loaded["train_logodds"][4])


@pytest.mark.parametrize("name", records.array_specs(SIZES))
def test_an_array_that_is_missing_or_of_another_type_or_shape_is_named(tmp_path, name):
    arrays = _arrays(SIZES)
    wrong_arrays = [
        arrays[name].astype(np.int64),
        arrays[name][:-1],
        arrays[name][None],
        np.zeros(0, arrays[name].dtype),
    ]
    for array in wrong_arrays:
        with pytest.raises(ValueError, match=f"^{name}: expected "):
            _write(tmp_path / "r.npz", arrays=arrays | {name: array})
    with pytest.raises(ValueError, match="^arrays: expected "):
        _write(tmp_path / "r.npz", arrays={k: v for k, v in arrays.items() if k != name})
    assert os.listdir(tmp_path) == []


def test_an_unknown_array_is_named(tmp_path):
    with pytest.raises(ValueError, match="^arrays: .*weights"):
        _write(tmp_path / "r.npz", arrays=_arrays(SIZES) | {"weights": np.zeros(3)})


def test_missing_and_unknown_info_entries_are_errors(tmp_path):
    with pytest.raises(ValueError, match="^info: .*extra"):
        _write(tmp_path / "r.npz", extra=1)
    incomplete = _info()
    del incomplete["subset"]
    with pytest.raises(ValueError, match="^info: "):
        records.write(tmp_path / "r.npz", _arrays(SIZES), incomplete, SIZES)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("axis", ["train", "test", "epochs", "classes"])
def test_a_record_of_other_sizes_is_an_error(tmp_path, axis):
    bigger = {"train": 14, "test": 6, "epochs": 4, "classes": 300}
    _write(tmp_path / "r.npz")
    with pytest.raises(RecordError, match="expected"):
        records.read(tmp_path / "r.npz", Sizes(**{**vars(SIZES), axis: bigger[axis]}))


def test_a_record_without_a_requested_array_is_an_error(tmp_path):
    _write(tmp_path / "r.npz")
    with pytest.raises(RecordError, match="^arrays: .*train_probs"):
        records.read(tmp_path / "r.npz", Sizes(**{**vars(SIZES), "asked": ("all_probs",)}))


def test_a_missing_file_is_not_reported_as_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        records.read(tmp_path / "r.npz", SIZES)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"\x93NUMPY", b"PK\x03\x04"])
def test_files_that_are_not_records_are_errors(tmp_path, content):
    (tmp_path / "r.npz").write_bytes(content)
    with pytest.raises(RecordError, match="not a complete record"):
        records.read(tmp_path / "r.npz", SIZES)


def test_npz_files_that_are_not_records_are_errors(tmp_path):
    np.savez(tmp_path / "a.npz", info=np.array("[1, 2]"))
    np.savez(tmp_path / "b.npz", info=np.array({"pickled": 1}), allow_pickle=True)
    with open(tmp_path / "c.npz", "wb") as file:
        np.save(file, np.zeros(3))
    for name in "abc":
        with pytest.raises(RecordError):
            records.read(tmp_path / f"{name}.npz", SIZES)


SMALL = Sizes(train=5, test=3, epochs=1, classes=3)


def _read_or_none(path):
    try:
        return records.read(path, SMALL)
    except RecordError:
        return None


def test_a_truncated_record_is_an_error(tmp_path):
    path = tmp_path / "r.npz"
    _write(path, SMALL)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert _read_or_none(path) is None, length


@pytest.mark.parametrize("flip, every", [(0xFF, 3), (0x01, 5), (0x80, 7)])
def test_a_record_with_a_changed_byte_is_an_error_or_has_the_same_content(tmp_path, flip, every):
    path = tmp_path / "r.npz"
    arrays = _write(path, SMALL)
    content = path.read_bytes()
    _, info = records.read(path, SMALL)
    refused = 0
    positions = range(0, len(content), every)
    for position in positions:
        changed = bytearray(content)
        changed[position] ^= flip
        path.write_bytes(changed)
        loaded = _read_or_none(path)
        refused += loaded is None
        if loaded is not None:
            _assert_same(loaded[0], arrays)
            assert loaded[1] == info
    assert refused > len(positions) / 2


def _rewrite(path, change):
    """Changes the content of a record without updating its checksum."""
    with np.load(path) as file:
        stored = dict(file)
    info = json.loads(str(stored.pop("info")))
    change(stored, info)
    np.savez(path, info=np.array(json.dumps(info)), **stored)


@pytest.mark.parametrize("name", sorted(set(records.INFO) - {"format"}))
def test_edited_info_is_an_error(tmp_path, name):
    _write(tmp_path / "r.npz")

    def change(stored, info):
        info[name] = "edited"

    _rewrite(tmp_path / "r.npz", change)
    with pytest.raises(RecordError, match="checksum does not match"):
        records.read(tmp_path / "r.npz", SIZES)


@pytest.mark.parametrize("name", records.array_specs(SIZES))
def test_an_edited_array_is_an_error(tmp_path, name):
    _write(tmp_path / "r.npz")

    def change(stored, info):
        stored[name] = stored[name].copy()
        stored[name].view(np.uint8).flat[0] ^= 0x80

    _rewrite(tmp_path / "r.npz", change)
    with pytest.raises(RecordError, match="checksum does not match"):
        records.read(tmp_path / "r.npz", SIZES)


def test_swapped_arrays_of_equal_shape_are_an_error(tmp_path):
    sizes = Sizes(train=9, test=9, epochs=1, classes=4)
    _write(tmp_path / "r.npz", sizes)

    def change(stored, info):
        stored["train_logodds"], stored["test_logodds"] = (
            stored["test_logodds"],
            stored["train_logodds"],
        )

    _rewrite(tmp_path / "r.npz", change)
    with pytest.raises(RecordError, match="checksum"):
        records.read(tmp_path / "r.npz", sizes)


def test_the_error_for_another_format_has_both_numbers(tmp_path):
    _write(tmp_path / "r.npz")

    def change(stored, info):
        info["format"] = 99

    _rewrite(tmp_path / "r.npz", change)
    with pytest.raises(RecordError, match="format 99, but this memkit reads format 1"):
        records.read(tmp_path / "r.npz", SIZES)


def test_the_error_for_an_unreadable_record_keeps_its_cause(tmp_path):
    (tmp_path / "r.npz").write_bytes(b"PK")
    with pytest.raises(RecordError) as error:
        records.read(tmp_path / "r.npz", SIZES)
    assert isinstance(error.value.__cause__, (ValueError, EOFError, zipfile.BadZipFile))


def test_num_bytes_is_the_size_of_the_stored_arrays(tmp_path):
    sizes = Sizes(train=13, test=5, epochs=3, classes=4, asked=("all_probs",))
    _write(tmp_path / "r.npz", sizes)
    with np.load(tmp_path / "r.npz") as file:
        stored = sum(file[name].nbytes for name in file.files if name != "info")
    assert records.num_bytes(sizes) == stored


def test_the_hashes_of_different_subsets_differ():
    rng = np.random.default_rng(0)
    masks = rng.random((50, 30)) < 0.5
    hashes = {records.subset_hash(mask) for mask in masks}
    assert len(hashes) == len(np.unique(masks, axis=0))
    flipped = masks[0].copy()
    flipped[29] ^= True
    assert records.subset_hash(flipped) != records.subset_hash(masks[0])
    assert records.subset_hash(masks[0].copy()) == records.subset_hash(masks[0])
