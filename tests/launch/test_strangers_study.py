"""Somebody else's study: its files choose neither the code that runs nor the memory it takes."""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from memkit import records, studies
from memkit.studies import creation
from memkit.studies import points as points_lib
from memkit.studies.runs import record_file

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
def stranger(tiny_study, tmp_path, monkeypatch):
    """A study with one sound record, whose model is a function of an importable module."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "strangers_module.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "code"))
    workdir = tmp_path / "study"
    shutil.copytree(tiny_study[0], workdir)
    old = studies.load(workdir)
    arrays, info = records.read(record_file(old, old.points[0], 0), old.sizes_at(old.points[0], 0))
    config = points_lib.plain(old.config)
    config["model"] = {"name": NAME, "leave": "called"}
    config["axis"] = {"field": "", "values": []}
    info_of_study = old.info | {"model_fingerprint": "0123456789abcdef"}
    creation.write_design(
        workdir, dataclasses.replace(old, config=config, info=info_of_study), None, ""
    )
    study = studies.load(workdir)
    kept = {name: info[name] for name in info if name not in ("format", "checksum")}
    studies.write_record(study, study.points[0], 0, arrays, kept)
    return workdir


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
def test_naming_other_code_does_not_allow_it(memkit, stranger, value):
    result = memkit("plan", "--no_measure", f"--workdir={stranger}", f"--model={value}")
    assert result.code == 2
    assert f"--model: expected {NAME}" in result.err
    assert _traces(stranger) == []


def test_a_study_of_memkits_own_models_needs_and_takes_no_model(memkit, tiny_study):
    result = memkit("plan", "--no_measure", f"--workdir={tiny_study[0]}", f"--model={NAME}")
    assert result.code == 2
    assert "--model: expected none, since the study calls no function" in result.err


@pytest.mark.slow
def test_naming_it_allows_it_also_in_worker_processes(memkit, stranger):
    result = memkit("verify", "--retrain=1", f"--workdir={stranger}", f"--model={NAME}")
    assert "problem: one_hot run 0" in result.out  # It is the record of another model.
    assert "could not be trained again" not in result.out, result.out
    assert set(_traces(stranger)) >= {"imported", "called"}


@pytest.mark.slow
def test_worker_processes_import_nothing_from_the_current_folder(tiny_study, tmp_path):
    """`python -c`, by which multiprocessing starts them, looks there first."""
    for module in ("multiprocessing", "socket", "pickle", "memkit"):
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    program = pathlib.Path(sys.executable).with_name("memkit")
    done = subprocess.run(
        [program, "verify", "--retrain=1", f"--workdir={tiny_study[0]}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert not (tmp_path / "ran").exists()
    assert done.returncode == 0, done.stderr
    assert "is the same, bit for bit" in done.stdout


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
def test_sizes_that_no_machine_has_are_refused_in_one_line(
    memkit, tiny_study, tmp_path, field, value
):
    shutil.copytree(tiny_study[0], tmp_path / "study")
    file = tmp_path / "study" / "study.json"
    stored = json.loads(file.read_text())
    section, name = field.split(".")
    stored["config"][section][name] = value
    file.write_text(json.dumps(stored))
    for verb in ("status", "train"):
        result = memkit(verb, f"--workdir={tmp_path / 'study'}")
        assert result.code == 2, result.err
        (line,) = result.err.splitlines()
        assert "study.json" in line
        assert len(line) < 500
