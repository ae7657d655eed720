"""Error messages follow three patterns, and errors survive the way between processes."""

import json
import pickle
import zipfile

import pytest

from memkit import errors


def message(error):
    assert type(error) is errors.InputError
    return str(error)


def test_expected_names_the_argument_the_expectation_and_the_value():
    error = errors.expected("training.epochs", "a whole number of at least 1", 0)
    assert message(error) == "training.epochs: expected a whole number of at least 1, received 0"


def test_unknown_suggests_the_most_similar_value():
    error = errors.unknown("model.name", "restnet", ["mlp", "resnet"], kind="model")
    assert message(error) == (
        "model.name: unknown model 'restnet'; did you mean 'resnet'? Known: mlp, resnet"
    )


def test_unknown_field_suggests_the_full_path():
    error = errors.unknown_field("model", "wdith", ["depth", "width"])
    assert message(error) == (
        "model.wdith: unknown field; did you mean model.width? Known: depth, width"
    )


def test_unknown_field_of_the_top_level_has_no_section():
    error = errors.unknown_field("", "modle", ["dataset", "model"])
    assert message(error) == "modle: unknown field; did you mean model? Known: dataset, model"


def test_unknown_suggests_names_that_differ_in_case_only():
    assert "did you mean 'CIFAR10'?" in message(errors.unknown("name", "cifar10", ["CIFAR10"]))


def test_unknown_suggests_nothing_where_no_name_is_similar():
    error = errors.unknown("verb", "dance", ["run", "train"], kind="verb")
    assert message(error) == "verb: unknown verb 'dance'. Known: run, train"


@pytest.mark.parametrize("value", [3, None, ["mlp"]])
def test_unknown_takes_values_that_are_not_text(value):
    error = errors.unknown("model.name", value, ["mlp"])
    assert message(error) == f"model.name: unknown name {value!r}. Known: mlp"


def test_unknown_without_valid_names_lists_none():
    assert message(errors.unknown_field("a", "b", [])) == "a.b: unknown field. Known: none"


def test_unknown_lists_the_first_15_of_many_names():
    names = [f"point_{number}" for number in range(1000)]
    text = message(errors.unknown("point", "x", iter(names), kind="point"))
    listed = ", ".join(names[:15])
    assert text == f"point: unknown point 'x'. Known: {listed}, ... (1,000 in all)"


def test_unknown_escapes_control_characters():
    assert "\x1b" not in message(errors.unknown("verb", "\x1b[31m", ["run"]))


def test_missing_says_what_is_missing_and_what_to_do():
    assert message(errors.missing("dataset.path", "value")) == "dataset.path: missing value"
    error = errors.missing("--workdir", "estimates in out", "run `memkit estimate` first")
    assert message(error) == "--workdir: missing estimates in out; run `memkit estimate` first"


def test_a_damaged_file_error_survives_pickling():
    error = errors.DamagedFileError("a/study.json", "not JSON", "restore it")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.where, copy.reason, copy.remedy) == ("a/study.json", "not JSON", "restore it")
    assert str(copy) == "a/study.json: not JSON; restore it"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), "byte 0 is not UTF-8 text"),
        (json.JSONDecodeError("Expecting value", "a\nb", 2), "not JSON: Expecting value in line 2"),
        (zipfile.BadZipFile("no end record"), "damaged archive: no end record"),
        (EOFError(), "damaged archive"),
        (KeyError("x"), "KeyError: 'x'"),
        (KeyError(), "KeyError"),
    ],
)
def test_the_reason_of_an_exception_is_short(error, reason):
    assert errors.reason(error) == reason
