"""Configs from files of somebody else: every value of any type is accepted or refused by name."""

import copy

import pytest

from memkit import models
from memkit.errors import InputError
from memkit.studies import checks
from memkit.studies import points as points_lib

VALUES = (
    None,
    True,
    -1,
    0,
    1.5,
    10**12,
    10**400,
    float("nan"),
    float("inf"),
    1e308,
    "",
    "../../outside",
    "\x1b]0;title\x07",
    "x" * 10_000,
    [],
    [[]],
    [None, {}],
    [1] * 2_000,
    {},
    {"name": {}},
)
INFO = {
    "fingerprint": "0",
    "data_fingerprint": "1",
    "labels_fingerprint": "2",
    "model_fingerprint": "",
    "created": "2026",
    "changed": "2026",
    "command": "memkit run",
    "versions": {"memkit": "1"},
    "points": ["one_hot"],
}


@pytest.fixture
def config(make_config):
    digits = {"name": "digits", "mean": [0.3], "std": [0.37], "resident": True}
    schedule = {"name": "step", "peak": 0.1, "warmup_epochs": 1.0, "milestones": [2], "factor": 0.1}
    changes = {"dataset": digits, "schedule": schedule, "series": ["one_hot", "distilled"]}
    return make_config(changes)


def _check(config):
    """Returns whether a config passes; fails where it is refused by anything but one clean line."""
    try:
        checks.check_stored(config)
    except InputError as error:
        assert str(error).isprintable(), repr(str(error))
        assert len(str(error)) < 400
        return False
    assert len(points_lib.points(config)) <= 1_000
    return True


def test_the_sound_config_passes(config):
    assert _check(config)


def test_every_value_in_place_of_every_field_and_section_is_accepted_or_refused(config):
    passed = []
    for field in points_lib.flatten(config):
        section, _, name = field.partition(".")
        for value in VALUES:
            for target in (section, name) if name else (section,):
                changed = copy.deepcopy(config)
                (changed if target == section else changed[section])[target] = value
                if _check(changed):
                    passed.append((field, value))
    accepted = {field for field, _ in passed}
    assert {"seed", "report.title", "labels.planted_fraction"} <= accepted
    assert ("subsets.num_runs", 10**12) not in passed
    assert ("training.epochs", 10**12) not in passed


def test_every_value_on_every_axis_is_accepted_or_refused(config):
    for field in points_lib.flatten(config):
        for value in VALUES:
            _check(config | {"axis": {"field": field, "values": [value, value]}})
            _check(config | {"axis": {"field": field, "values": [value]}})
            _check(config | {"axis": {"field": value, "values": [1]}})


@pytest.mark.parametrize("value", [None, 3, "text", [], [{}], {}, {"model": 3}], ids=str)
def test_what_is_no_config_at_all_is_refused(value):
    assert not _check(value)


@pytest.mark.parametrize(
    "dataset",
    [
        {"name": "made_up", "num_train": 10**12},
        {"name": "made_up", "image_size": 10**9},
        {"name": "tfds", "tfds_name": "huggingface:mnist"},
        {"name": "tfds", "tfds_name": "mnist/data_dir=elsewhere"},
        {"name": "tfds", "tfds_name": "../mnist"},
    ],
    ids=lambda dataset: "-".join(map(str, dataset.values())),
)
def test_data_sets_that_choose_code_or_fill_memory_are_refused(config, dataset):
    made_up = {"image_size": 8, "channels": 1, "num_classes": 4, "num_train": 48, "num_test": 16}
    options = made_up if dataset["name"] == "made_up" else {}
    config["dataset"] = options | {"mean": [0.3], "std": [0.3], "resident": True} | dataset
    with pytest.raises(InputError, match=f"^dataset.{list(dataset)[1]}: expected "):
        checks.check_stored(config)


def test_a_users_model_is_not_imported_whatever_its_options(config, tmp_path, monkeypatch):
    (tmp_path / "trace_of_import.py").write_text("raise AssertionError\n")
    monkeypatch.syspath_prepend(tmp_path)
    config["axis"] = {"field": "", "values": []}
    config["model"] = {"name": "trace_of_import:build", "any": [1]}
    checks.check_stored(config)
    assert "trace_of_import:build" not in models.allowed()
    with pytest.raises(InputError, match="^model.name: "):
        checks.check(config)


def test_every_value_in_place_of_every_entry_beside_the_config_is_accepted_or_refused():
    checks.check_info(INFO)
    for name in INFO.keys() - {"points"}:
        for value in (3, None, [], {}):
            with pytest.raises(InputError, match=f"^{name}: expected "):
                checks.check_info(INFO | {name: value})
        with pytest.raises(InputError, match=f"^{name}: expected .*none|None"):
            checks.check_info({key: INFO[key] for key in INFO if key != name})
