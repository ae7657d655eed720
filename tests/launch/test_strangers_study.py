"""Somebody else's study: its files choose neither the code that runs nor the memory it takes."""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from memkit import storage, studies
from memkit.studies import creation
from memkit.training import images
from tests import once
from tests.analysis import recorded

# Importing the module leaves a trace, and calling the function another one.
MODULE = """
import pathlib
pathlib.Path(__file__).with_name("imported").touch()

def build(*, input_shape, num_classes, leave):
    pathlib.Path(__file__).with_name(leave).touch()
    import keras
    images = keras.Input(input_shape)
    x = keras.layers.Flatten()(images)
    return keras.Model(images, keras.layers.Dense(num_classes)(x))
"""
NAME = "strangers_module:build"
COMMANDS = {
    "verify": ["verify", "--retrain=1"],
    "train": ["train", "--workers=1"],
    "run": ["run", "--workers=1"],
    "plan": ["plan"],
    "counting plan": ["plan", "--no_measure"],
    "removal": ["removal", "--workers=1"],
}


@pytest.fixture
def small(make_config, tmp_path, tmp_path_factory):
    """A study of digits whose records were made up, with one of memkit's own models."""
    source = {"name": "digits", "train_per_class": 20, "test_per_class": 4}
    config = make_config(
        {
            "dataset": source | {"mean": [0.3], "std": [0.37], "resident": True},
            "model": {"name": "mlp", "hidden": [4]},
            "training.epochs": 2,
            "axis": {"field": "", "values": []},
        }
    )

    def make(folder):
        dataset = images.load_dataset(config)
        recorded.record(studies.open_or_create(folder / "study", config, dataset))

    folder = once.made(tmp_path_factory, "recorded_digits", make)
    return storage.path(shutil.copytree(folder / "study", tmp_path / "study"))


@pytest.fixture
def stranger(small, monkeypatch):
    """The same study where the model is a function of an importable module."""
    code = small.parent / "code"
    code.mkdir()
    (code / "strangers_module.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(code))
    old = studies.load(small)
    config = old.config | {"model": {"name": NAME, "leave": "called"}}
    info = old.info | {"model_fingerprint": "0123456789abcdef"}
    creation.write_design(small, dataclasses.replace(old, config=config, info=info), None, "")
    recorded.record(studies.load(small))
    return small


def _traces(workdir):
    return sorted(file.name for file in (workdir.parent / "code").iterdir() if file.suffix != ".py")


@pytest.mark.parametrize("case", COMMANDS)
def test_a_stored_model_is_not_imported_and_one_line_says_how_to_allow_it(memkit, stranger, case):
    result = memkit(*COMMANDS[case], f"--workdir={stranger}")
    assert result.code == 2, result.err
    (line,) = result.err.splitlines()
    assert "--model: expected strangers_module:build" in line
    assert "leave='called'" in line
    assert "pass --model=strangers_module:build only if this code is yours, received none" in line
    assert result.out == ""
    assert _traces(stranger) == []


@pytest.mark.parametrize("value", ["strangers_module:other", f"{NAME},os:system"])
def test_naming_another_function_does_not_allow_the_stored_one(memkit, stranger, value):
    result = memkit("plan", "--no_measure", f"--workdir={stranger}", f"--model={value}")
    assert result.code == 2
    assert f"--model: expected {NAME}" in result.err
    assert _traces(stranger) == []


def test_a_study_of_memkits_own_models_needs_and_takes_no_model(memkit, small):
    result = memkit("plan", "--no_measure", f"--workdir={small}", f"--model={NAME}")
    assert result.code == 2
    assert "--model: expected none, since the study calls no function" in result.err


@pytest.mark.slow
def test_naming_the_function_allows_it_in_worker_processes_too(memkit, stranger):
    result = memkit("verify", "--retrain=1", f"--workdir={stranger}", f"--model={NAME}")
    assert "retrained: one_hot run " in result.out, result.err  # The records were made up.
    assert "could not be retrained" not in result.out, result.out
    assert set(_traces(stranger)) >= {"imported", "called"}


@pytest.mark.slow
def test_worker_processes_import_nothing_from_the_current_folder(small, tmp_path):
    """`python -c`, by which multiprocessing starts them, looks there first."""
    for module in ("multiprocessing", "socket", "pickle", "memkit"):
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    program = pathlib.Path(sys.executable).with_name("memkit")
    done = subprocess.run(
        [program, "verify", "--retrain=1", f"--workdir={small}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert not (tmp_path / "ran").exists()
    assert "retrained: one_hot run " in done.stdout, done.stderr  # The records were made up.
    assert "could not be retrained" not in done.stdout


@pytest.mark.parametrize(
    "field, value",
    [
        ("subsets.num_runs", 10**12),
        ("training.epochs", 10**12),
        ("model.hidden", [10**12]),
        ("report.top_k", 10**12),
        ("axis.field", ["model"]),
        ("report.title", "x" * 2_000_000),
    ],
    ids=lambda value: str(value)[:20],
)
def test_impossible_sizes_are_one_line(memkit, small, field, value):
    file = small / "study.json"
    stored = json.loads(file.read_text())
    section, name = field.split(".")
    stored["config"][section][name] = value
    file.write_text(json.dumps(stored))
    for verb in ("status", "train"):
        result = memkit(verb, f"--workdir={small}")
        assert result.code == 2, result.err
        (line,) = result.err.splitlines()
        assert "study.json" in line
        assert len(line) < 500
