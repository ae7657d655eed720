"""Files of `memkit estimate` are one set, checked against the records they were computed from."""

import json
import os
import re
import shutil
import signal

import numpy as np
import pytest

from memkit import analysis, studies
from memkit.errors import DamagedFileError, InputError
from memkit.studies import derived, exports, files, verify
from tests.analysis import recorded

POINT, OTHER = "one_hot_width1", "one_hot_width2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of the studies that are made once, of which every test has a copy."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def bare(folder, tmp_path, make_config, tiny):
    """A study of two points with 20 made-up runs each."""
    made = folder / "bare"
    if not made.exists():
        recorded.record(studies.open_or_create(made, make_config(), tiny))
    return studies.load(shutil.copytree(made, tmp_path / "study"))


@pytest.fixture
def study(folder, bare, monkeypatch):
    """The same with estimates; those that take seconds are left out."""
    names = ("influence", "trajectories", "similar_images")
    fast = [question for question in analysis.QUESTIONS if question.name in names]
    monkeypatch.setattr(analysis, "QUESTIONS", fast)
    made = folder / "estimated"
    if not made.exists():
        analysis.estimate(studies.load(shutil.copytree(folder / "bare", made)))
    return studies.load(shutil.copytree(made, bare.workdir, dirs_exist_ok=True))


def contents(study):
    names = derived.read_manifest(study)["files"]
    return {name: (study.workdir / name).read_bytes() for name in names}


def change_record(study, point, run):
    """Replaces one record by a sound one with other outcomes."""
    runs = studies.read_runs(study, point, tuple(_names(study, point)), among=[run])
    arrays = {name: stack[0] for name, stack in runs.arrays.items()}
    arrays["train_correct"] = ~arrays["train_correct"]
    left_out = ("format", "checksum", "fingerprint", "point", "run", "subset")
    info = {k: v for k, v in runs.infos[0].items() if k not in left_out}
    studies.write_record(study, point, run, arrays, info)


def _names(study, point):
    from memkit import records

    return records.array_specs(study.sizes_at(point, 0))


def test_estimates_of_unchanged_records_are_current(study):
    studies.check_sources(study)
    assert verify.verify(study.workdir).problems == {}


def test_estimating_again_writes_the_same_files(study):
    before = contents(study)
    analysis.estimate(study)
    assert contents(study) == before


def test_a_run_that_came_or_went_since_is_counted_and_estimate_is_named(study):
    os.unlink(study.workdir / f"points/{POINT}/runs/7.npz")
    for read in (studies.check_sources, lambda s: studies.read_estimates(s, POINT)):
        with pytest.raises(InputError, match=rf"20 records of {POINT}, which now has 19; run `mem"):
            read(study)
    assert "derived.json" in verify.verify(study.workdir).problems
    studies.read_estimates(study, OTHER)


def test_a_record_that_was_trained_again_with_other_numbers_is_named(study):
    change_record(study, study.points[0], 7)
    with pytest.raises(InputError, match=rf"the present record of run 7 of {POINT}; run `memkit"):
        studies.check_sources(study)


def test_a_record_damaged_since_changes_no_estimate_but_one_repaired_since_does(study):
    path = study.workdir / f"points/{POINT}/runs/7.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    studies.check_sources(study)
    analysis.estimate(study)
    assert list(derived.read_manifest(study)["sources"][POINT]["left_out"]) == ["7"]
    studies.check_sources(study)
    path.write_bytes(whole)
    with pytest.raises(InputError, match=f"run 7 of {POINT}"):
        studies.check_sources(study)


def test_other_options_than_those_of_the_study_are_named(study, make_config, tiny):
    config = make_config({"report.min_memorization": 0.5})
    grown = studies.open_or_create(study.workdir, config, tiny)
    with pytest.raises(InputError, match=r"report.min_memorization=0.25, the study now has 0.5"):
        studies.check_sources(grown)


@pytest.mark.parametrize(
    "name", [f"points/{POINT}/estimates.npz", f"points/{POINT}/influence.npz", "summary.json"]
)
def test_a_file_that_is_not_the_one_of_the_set_is_refused_by_name(study, name):
    path = study.workdir / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedFileError, match=rf"{name}: it is not .*; run `memkit estimate` ag"):
        derived.read(study, name)
    assert list(verify.verify(study.workdir).problems) == [name]


def test_estimates_of_a_sibling_are_refused(study):
    folder = study.workdir / "points"
    shutil.copy(folder / OTHER / "estimates.npz", folder / POINT / "estimates.npz")
    with pytest.raises(DamagedFileError, match=f"points/{POINT}/estimates.npz"):
        studies.read_estimates(study, POINT)


def test_estimates_without_their_list_are_those_of_another_version(study):
    os.unlink(study.workdir / "derived.json")
    with pytest.raises(InputError, match="a study with estimates"):
        studies.read_estimates(study, POINT)


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"files": {}}', b"\xff\xfe"])
def test_a_damaged_list_is_refused_by_name_and_replaced_by_the_next_estimate(study, damage, caplog):
    (study.workdir / "derived.json").write_bytes(damage)
    with pytest.raises(DamagedFileError, match=r"derived.json: .*run `memkit estimate` again"):
        studies.read_estimates(study, POINT)
    analysis.estimate(study)
    assert re.search("derived.json: .*; all derived files are computed again", caplog.text)
    studies.check_sources(study)


def test_a_missing_list_is_named_by_verify_and_by_the_next_estimate(study, caplog):
    os.unlink(study.workdir / "derived.json")
    message = "it is missing, although there is a summary.json"
    assert message in verify.verify(study.workdir).problems["derived.json"]
    analysis.estimate(study)
    assert f"derived.json: {message}" in caplog.text
    assert verify.verify(study.workdir).problems == {}


def test_the_list_of_another_study_is_refused(study):
    path = study.workdir / "derived.json"
    manifest = files.read_json(path)
    manifest["sources"][POINT]["fingerprint"] = "another"
    files.write_json(path, manifest, inside=study.workdir)
    with pytest.raises(DamagedFileError, match=r"derived.json: it belongs to another study"):
        studies.write_arrays(study, "more", {"a": np.zeros(3)})


def test_a_folder_where_the_list_belongs_is_named_before_anything_is_written(study):
    (study.workdir / "derived.json").unlink()
    (study.workdir / "derived.json").mkdir()
    with pytest.raises(DamagedFileError, match=r"derived.json: .*received a folder; delete it"):
        analysis.estimate(study)
    assert not (study.workdir / derived.PENDING).exists()


def test_records_that_the_estimates_used_and_that_are_gone_are_named_until_the_next_ones(study):
    assert studies.vanished(study) == []
    os.unlink(study.workdir / f"points/{POINT}/runs/7.npz")
    assert studies.vanished(study) == [f"points/{POINT}/runs/7.npz"]
    analysis.estimate(study)
    assert studies.vanished(study) == []


def test_a_stopping_rule_that_the_estimates_mention_and_that_is_gone_is_named(study):
    studies.write_stop(study, {"wanted": 0.5, "half_width": 0.4, "runs": 20, "is_reached": True})
    analysis.estimate(study)
    assert studies.vanished(study) == []
    studies.remove_stop(study)
    assert studies.vanished(study) == ["stop.json"]


def test_a_table_of_a_study_is_compared_only_while_it_is_part_of_its_estimates(study, tmp_path):
    table = study.workdir / f"tables/{POINT}.csv"
    exports.check_table(table)
    table.write_text(table.read_text().replace("0.", "1.", 1))
    with pytest.raises(DamagedFileError, match="csv: it is not among the present estimates"):
        exports.check_table(table)
    shutil.copy(table, tmp_path / "scores.csv")
    exports.check_table(tmp_path / "scores.csv")


def test_derived_files_carry_the_runs_they_were_computed_from(study):
    with np.load(study.workdir / f"points/{POINT}/estimates.npz") as file:
        source = json.loads(str(file["source"]))
    assert list(source) == [POINT]
    assert source[POINT]["runs"] == list(range(20))
    with np.load(study.workdir / "trajectories.npz") as file:
        assert list(json.loads(str(file["source"]))) == [POINT, OTHER]


def test_files_that_the_new_set_lacks_are_removed(study):
    studies.write_arrays(study, "leftover", {"a": np.zeros(3)})
    assert studies.read_arrays(study, "leftover") is not None
    analysis.estimate(study)
    assert studies.read_arrays(study, "leftover") is None
    assert not (study.workdir / "analyses/leftover.npz").exists()


def test_a_failing_estimate_leaves_the_old_set_and_no_folder(study, monkeypatch):
    before = contents(study)
    change_record(study, study.points[1], 3)

    def fail(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr("memkit.analysis.tables._columns", fail)
    names = sorted(os.listdir(study.workdir))
    with pytest.raises(RuntimeError):
        analysis.estimate(study)
    assert contents(study) == before
    assert sorted(os.listdir(study.workdir)) == names


def _write_set(study, value, names=("one", "two", "three")):
    """Replaces the derived files by some that hold one number, and a manifest."""
    sources = {
        o.point.name: o.source for o in (analysis.read_outcomes(study, p) for p in study.points)
    }
    with derived.replacing(study, sources) as staged:
        for name in names:
            studies.write_arrays(staged, name, {"value": np.array(value)})


def _values(study):
    return {float(studies.read_arrays(study, name)["value"]) for name in ("one", "two", "three")}


def _kill_at(study, step, value):
    """Replaces the set in a child process that dies at the given rename; True if it died."""
    child = os.fork()
    if not child:
        count, real = 0, {name: getattr(os, name) for name in ("rename", "replace")}

        def counted(name):
            def move(source, target):
                nonlocal count
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                real[name](source, target)

            return move

        os.rename, os.replace = counted("rename"), counted("replace")
        _write_set(study, value)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_kill_at_any_rename_leaves_readers_the_old_set_or_the_new_one(bare):
    _write_set(bare, 0)
    step, states = 1, []
    while _kill_at(bare, step, step):
        values = _values(bare)
        assert len(values) == 1, "a mixture"
        states.append(values == {step})
        studies.check_sources(bare)
        studies.write_arrays(bare, "four", {"value": np.zeros(1)})  # The next writer tidies up.
        assert _values(bare) == values
        assert not (bare.workdir / derived.PENDING).exists()
        _write_set(bare, 0)
        step += 1
    assert _values(bare) == {step}
    assert states == sorted(states)
    # Four files are renamed twice each, and the folder once.
    assert (states.count(False), states.count(True)) == (5, 4)


def test_nothing_is_written_through_a_link_inside_a_study(study, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(study.workdir / "tables")
    os.symlink(outside, study.workdir / "tables")
    with pytest.raises(InputError, match="tables: expected a folder .* a symbolic link to"):
        analysis.estimate(study)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", [f"points/{POINT}/runs", f"points/{POINT}", "points"])
def test_no_record_is_written_through_a_link(bare, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(bare.workdir / name)
    os.symlink(outside, bare.workdir / name)
    with pytest.raises(InputError, match="a symbolic link to"):
        recorded.record(bare)
    assert list(outside.iterdir()) == []


def test_a_folder_where_a_derived_file_belongs_is_named_and_the_old_set_stays(study):
    table = study.workdir / f"tables/{POINT}.csv"
    before = {name: data for name, data in contents(study).items() if name != f"tables/{POINT}.csv"}
    change_record(study, study.points[0], 7)
    table.unlink()
    table.mkdir()
    with pytest.raises(DamagedFileError, match=r"tables/.*csv: .*received a folder; delete it"):
        analysis.estimate(study)
    assert not (study.workdir / "derived.pending").exists()
    assert {name: (study.workdir / name).read_bytes() for name in before} == before


def test_a_file_that_the_new_set_lacks_goes_also_where_the_process_was_killed(bare):
    _write_set(bare, 0, ("one", "two", "three", "four"))
    assert _kill_at(bare, 9, 1)  # All files are in their places but the list.
    studies.write_arrays(bare, "five", {"value": np.zeros(1)})
    assert not (bare.workdir / "analyses/four.npz").exists()
    assert _values(bare) == {1}
    assert derived.read_manifest(bare)["replaced"] == []


def test_a_pending_set_whose_list_is_damaged_is_discarded_by_the_next_estimate(bare):
    _write_set(bare, 0)
    assert _kill_at(bare, 7, 1)
    (bare.workdir / "derived.pending/derived.json").write_bytes(b"[]")
    with pytest.raises(DamagedFileError, match=r"derived.pending/derived.json.*memkit estimate"):
        studies.read_arrays(bare, "one")
    _write_set(bare, 2)
    assert _values(bare) == {2}
