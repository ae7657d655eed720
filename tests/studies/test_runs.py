import json
import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from memkit import machine, records, studies
from memkit.sweeps import selection
from tests.info import INFO

NAMES = ("train_correct", "train_logodds", "curve")


@pytest.fixture
def study(tmp_path, make_config, tiny):
    return studies.open_or_create(tmp_path / "study", make_config(), tiny)


def _arrays(study, run):
    rng = np.random.default_rng(run)
    return {
        name: (rng.random(shape) * 10).astype(dtype) if dtype != bool else rng.random(shape) < 0.5
        for name, (dtype, shape) in records.array_specs(study.sizes).items()
    }


def _write(study, point, runs):
    for run in runs:
        studies.write_record(study, point, run, _arrays(study, run), INFO)


def _folder(study, point):
    return study.workdir / "points" / point.name / "runs"


def _problem(study, point, run):
    """Returns the reason why a run's file is left out; the other runs must be as written."""
    runs = studies.read_runs(study, point, NAMES)
    assert run not in runs.index
    for row, other in enumerate(runs.index):
        for name in NAMES:
            np.testing.assert_array_equal(runs.arrays[name][row], _arrays(study, other)[name])
    assert list(runs.problems) == [f"points/{point.name}/runs/{run}.npz"]
    return runs.problems[f"points/{point.name}/runs/{run}.npz"]


def test_written_runs_are_stacked_in_order(study):
    point = study.points[0]
    _write(study, point, (11, 2, 0))
    runs = studies.read_runs(study, point, NAMES)
    assert runs.index.tolist() == [0, 2, 11]
    assert [info["run"] for info in runs.infos] == [0, 2, 11]
    assert set(runs.arrays) == set(NAMES)
    assert runs.problems == {}
    for row, run in enumerate(runs.index):
        for name in NAMES:
            np.testing.assert_array_equal(runs.arrays[name][row], _arrays(study, run)[name])


def test_every_sound_record_is_handed_on_once_with_all_of_its_arrays(study):
    point, handed_on = study.points[0], []
    _write(study, point, (11, 2, 0))
    (_folder(study, point) / "2.npz").write_bytes(b"junk")
    runs = studies.read_runs(study, point, NAMES, each=lambda *record: handed_on.append(record))
    assert [run for run, _, _ in handed_on] == runs.index.tolist() == [0, 11]
    assert tuple(info for _, _, info in handed_on) == runs.infos
    for run, arrays, _ in handed_on:
        assert arrays.keys() == records.array_specs(study.sizes).keys()
        for name, array in _arrays(study, run).items():
            np.testing.assert_array_equal(arrays[name], array)


def test_point_without_records_has_none(study):
    runs = studies.read_runs(study, study.points[0], NAMES)
    assert runs.index.shape == (0,)
    assert (runs.infos, runs.arrays, runs.problems) == ((), {}, {})


def test_points_do_not_see_each_others_runs(study):
    _write(study, study.points[0], (0, 1))
    assert studies.read_runs(study, study.points[1]).index.tolist() == []


def test_numpy_run_numbers_are_fine(study):
    studies.write_record(study, study.points[0], np.int64(3), _arrays(study, 3), INFO)
    assert studies.read_runs(study, study.points[0]).index.tolist() == [3]


def test_renamed_record_is_a_problem(study):
    point = study.points[0]
    _write(study, point, (0, 1))
    os.rename(_folder(study, point) / "1.npz", _folder(study, point) / "5.npz")
    assert _problem(study, point, 5) == "run is 1, but should be 5"


def test_swapped_records_are_problems(study):
    point, folder = study.points[0], _folder(study, study.points[0])
    _write(study, point, (0, 1, 2))
    os.rename(folder / "1.npz", folder / "x")
    os.rename(folder / "2.npz", folder / "1.npz")
    os.rename(folder / "x", folder / "2.npz")
    runs = studies.read_runs(study, point)
    assert runs.index.tolist() == [0]
    assert len(runs.problems) == 2


def test_record_of_another_point_is_a_problem(study):
    first, second = study.points
    _write(study, first, (0, 1))
    _write(study, second, (0,))
    shutil.copy(_folder(study, first) / "1.npz", _folder(study, second) / "1.npz")
    assert _problem(study, second, 1).startswith(f"fingerprint is {first.fingerprint}, ")


def test_record_of_another_study_is_a_problem(study, tmp_path, make_config, tiny):
    other = studies.open_or_create(tmp_path / "other", make_config({"schedule.peak": 0.2}), tiny)
    _write(other, other.points[0], (1,))
    _write(study, study.points[0], (0,))
    shutil.copy(_folder(other, other.points[0]) / "1.npz", _folder(study, study.points[0]))
    assert "fingerprint" in _problem(study, study.points[0], 1)


@pytest.mark.parametrize(
    "entry, value", [("fingerprint", "0" * 16), ("point", "one_hot"), ("subset", "0" * 16)]
)
def test_foreign_entry_is_a_problem_by_name(study, entry, value):
    point = study.points[0]
    _write(study, point, (0,))
    studies.write_record(study, point, 1, _arrays(study, 1), INFO | {entry: value})
    assert _problem(study, point, 1).startswith(f"{entry} is {value}, but should be ")


def test_record_of_another_subset_is_a_problem(study):
    point = study.points[0]
    _write(study, point, (0,))
    subset = records.subset_hash(study.train_mask[2])
    studies.write_record(study, point, 1, _arrays(study, 1), INFO | {"subset": subset})
    assert _problem(study, point, 1).startswith("subset is ")


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_damaged_record_is_a_problem(study, content):
    point = study.points[0]
    _write(study, point, (0, 1))
    (_folder(study, point) / "1.npz").write_bytes(content)
    assert _problem(study, point, 1).startswith("not a complete record")


def test_folder_under_a_records_name_is_a_problem(study):
    point = study.points[0]
    _write(study, point, (0,))
    (_folder(study, point) / "1.npz").mkdir()
    assert _problem(study, point, 1)


def test_other_files_beside_the_records_are_ignored(study):
    point = study.points[0]
    _write(study, point, (0,))
    for name in (".tmp-here-1-x", "notes.txt", "1", "20.npz", "-1.npz", "00.npz"):
        (_folder(study, point) / name).write_bytes(b"")
    runs = studies.read_runs(study, point)
    assert runs.index.tolist() == [0]
    assert runs.problems == {}


def test_record_again_replaces_the_damaged_one(study):
    point = study.points[0]
    _write(study, point, (1,))
    (_folder(study, point) / "1.npz").write_bytes(b"junk")
    _write(study, point, (1,))
    assert studies.read_runs(study, point).index.tolist() == [1]


def test_growth_keeps_the_runs(study, make_config, tiny):
    _write(study, study.points[0], (0, 19))
    changes = {"subsets.num_runs": 40, "axis.values": [4, 1, 2]}
    grown = studies.open_or_create(study.workdir, make_config(changes), tiny)
    runs = studies.read_runs(grown, grown.point("one_hot_width1"))
    assert runs.index.tolist() == [0, 19]
    assert runs.problems == {}


def _dead_pid():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def _leave_temporary(folder):
    folder.mkdir(parents=True, exist_ok=True)
    name = folder / f".tmp-{socket.gethostname()}-{_dead_pid()}-{machine.pid_namespace()}-0123abcd"
    name.write_bytes(b"half")
    return name


@pytest.mark.parametrize("folder", ["", "points/one_hot_width2/runs"])
def test_half_written_files_are_removed(study, folder):
    name = _leave_temporary(study.workdir / folder)
    studies.remove_temporaries(study)
    assert not name.exists()


@pytest.mark.parametrize("folder", ["points/one_hot_width2", "report", "failures"])
def test_half_written_results_are_removed(study, folder):
    name = _leave_temporary(study.workdir / folder)
    studies.remove_temporaries(study)
    assert not name.exists()


def test_failure_keeps_point_run_and_traceback(study):
    path = studies.write_failure(study, study.points[1], np.int64(7), "Traceback: boom")
    assert os.path.dirname(path) == str(study.workdir / "failures")
    failure = json.loads(path.read_text())
    assert (failure["point"], failure["run"]) == ("one_hot_width2", 7)
    assert studies.read_failure(study, study.points[1], 7) == ("Traceback: boom", path)


def _damage(rng, files, foreign):
    """Damages half of the records in random ways; returns {file: how} of those that differ now."""
    whole, how = {file: file.read_bytes() for file in files}, {}
    for file in rng.permutation(np.array(files, object))[: len(files) // 2]:
        data = bytearray(whole[file])
        kind = rng.choice(["cut", "flip", "zeros", "longer", "swap", "foreign", "empty"])
        if kind == "cut":
            data = data[: rng.integers(len(data))]
        elif kind == "flip":
            data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        elif kind == "zeros":
            start = rng.integers(len(data))
            data[start : start + 64] = bytes(len(data[start : start + 64]))
        elif kind == "longer":
            data += rng.bytes(50)
        else:
            other_files = {"swap": files, "foreign": foreign, "empty": []}[kind]
            data = other_files[rng.integers(len(other_files))].read_bytes() if other_files else b""
        file.write_bytes(data)
        how[file] = kind
    return {file: kind for file, kind in how.items() if file.read_bytes() != whole[file]}


@pytest.mark.parametrize("seed", range(12))
def test_records_damaged_at_random_are_named_and_never_averaged(
    study, tmp_path, make_config, tiny, seed
):
    other = studies.open_or_create(tmp_path / "other", make_config({"seed": 4}), tiny)
    clean = {}
    for each_study in (study, other):
        for point in each_study.points:
            _write(each_study, point, range(12))
            clean[each_study.workdir, point.name] = studies.read_runs(each_study, point, NAMES)
    files, foreign = (
        [
            _folder(each_study, point) / f"{run}.npz"
            for point in each_study.points
            for run in range(12)
        ]
        for each_study in (study, other)
    )
    changed = _damage(np.random.default_rng(seed), files, foreign)
    assert changed
    named = set()
    for point in study.points:
        runs, expected = studies.read_runs(study, point, NAMES), clean[study.workdir, point.name]
        named |= {study.workdir / name for name in runs.problems}
        assert set(runs.index) | {int(file[:-4].rpartition("/")[2]) for file in runs.problems} == {
            *range(12)
        }
        for name in NAMES:
            np.testing.assert_array_equal(runs.arrays[name], expected.arrays[name][runs.index])
    assert named <= changed.keys()
    # Bytes that say nothing, such as a date in the archive or what follows it, do no harm.
    harmless = {file for file, kind in changed.items() if kind in ("flip", "zeros", "longer")}
    assert named >= changed.keys() - harmless


@pytest.mark.parametrize(
    ("changes", "new"),
    [
        ({"subsets.num_runs": 40}, {"one_hot_width1": 20, "one_hot_width2": 20}),
        ({"axis.values": [1, 2, 4]}, {"one_hot_width4": 20}),
        ({"series": ["one_hot", "last_layer"]}, {"last_layer_width1": 20, "last_layer_width2": 20}),
        # Its teachers' weights were not kept when nobody learned from them.
        (
            {"series": ["one_hot", "distilled"]},
            {name: 20 for s in ("one_hot", "distilled") for name in (f"{s}_width1", f"{s}_width2")},
        ),
    ],
)
def test_of_a_grown_study_only_what_is_new_is_missing(study, make_config, tiny, changes, new):
    for point in study.points:
        _write(study, point, range(20))
    grown = studies.open_or_create(study.workdir, make_config(changes), tiny)
    missing, problems = selection.missing(grown)
    assert {name: len(runs) for name, runs in missing.items() if runs} == new
    # Teachers of new students are named once, not run by run.
    assert all(name.endswith("/weights") for name in problems)


def test_a_study_that_grows_by_students_keeps_the_teachers_whose_weights_are_there(
    tmp_path, make_config, tiny
):
    series = {"series": ["one_hot", "distilled"]}
    study = studies.open_or_create(tmp_path / "taught", make_config(series), tiny)
    for point in study.points:
        _write(study, point, range(20))
        if studies.is_teacher(study, point):
            for run in range(20):
                studies.write_weights(study, point, run, [np.zeros(2)])
    grown = studies.open_or_create(
        study.workdir, make_config({**series, "axis.values": [1, 2, 4]}), tiny
    )
    missing, _ = selection.missing(grown)
    assert {name for name, runs in missing.items() if runs} == {
        "one_hot_width4",
        "distilled_width4",
    }
