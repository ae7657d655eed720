import dataclasses
import os
import pathlib
import shutil

import numpy as np
import pytest

from memkit import records, storage, studies
from memkit.errors import InputError
from memkit.studies import verify
from memkit.studies.merge import merge
from tests.info import INFO

STUDENTS = {"series": ["one_hot", "distilled"]}


def fill(study, runs, seed=0):
    """Records of some runs, with weights of teachers, that depend on point, run and seed."""
    for position, point in enumerate(study.points):
        for run in runs:
            rng = np.random.default_rng([position, run, seed])
            if studies.is_teacher(study, point):
                studies.write_weights(study, point, run, [rng.random(3)])
            arrays = {
                name: rng.random(shape) < 0.5
                if dtype == bool
                else rng.integers(0, 9, shape).astype(dtype)
                for name, (dtype, shape) in records.array_specs(study.sizes).items()
            }
            studies.write_record(study, point, run, arrays, INFO)
    return study


@pytest.fixture
def make(tmp_path, make_config, tiny):
    """Returns a function that makes a study with some runs."""

    def made(name, runs=(), changes=(), seed=0):
        study = studies.open_or_create(tmp_path / name, make_config(changes), tiny)
        return fill(study, runs, seed)

    return made


def files_below(folder):
    """Returns {relative name: bytes} of the points of a study."""
    files = [p for p in pathlib.Path(folder).rglob("*") if p.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def records_of(study):
    return {k: v for k, v in files_below(study.workdir).items() if k.startswith("points")}


def test_shards_make_the_study_that_one_folder_would_hold(make, tmp_path):
    whole = make("whole", range(20))
    shards = [make(name, range(shard, 20, 2)) for shard, name in enumerate("ab")]
    study, results = merge(tmp_path / "out", [s.workdir for s in shards])
    assert records_of(study) == records_of(whole)
    assert [(t.copied, t.same, t.different, t.problems) for t in results] == [(20, 0, (), {})] * 2
    assert verify.verify(study.workdir).problems == {}
    for name in ("examples.npz", "design.npz", "duplicates.json", "thumbnails.npz"):
        assert (study.workdir / name).read_bytes() == (whole.workdir / name).read_bytes()


def test_weights_of_teachers_come_along(make, tmp_path):
    a, b = make("a", range(3), STUDENTS), make("b", range(3, 6), STUDENTS)
    study, _ = merge(tmp_path / "out", [a.workdir, b.workdir])
    assert records_of(study) == records_of(a) | records_of(b)
    assert studies.has_weights(study, study.points[0]) == set(range(6))


def test_a_teacher_without_sound_weights_is_taken_from_the_other_study(make, tmp_path):
    a, b = make("a", [0, 1], STUDENTS), make("b", [0, 1], STUDENTS, seed=1)
    folder = a.workdir / "points" / a.points[0].name / "weights"
    (folder / "0.npz").write_bytes(b"junk")
    os.unlink(folder / "1.npz")
    study, results = merge(tmp_path / "out", [a.workdir, b.workdir])
    point = study.points[0].name
    records_of_point = {
        k: v for k, v in records_of(study).items() if k.startswith(f"points/{point}/")
    }
    assert records_of_point == {
        k: v for k, v in records_of(b).items() if k.startswith(f"points/{point}/")
    }
    assert len(results[0].problems) == 2


def test_again_copies_nothing_and_writes_nothing(make, tmp_path):
    a, b = make("a", [0, 1]), make("b", [1, 2])
    sources = [a.workdir, b.workdir]
    merge(tmp_path / "out", sources)
    before = {p: os.stat(tmp_path / "out" / p).st_mtime_ns for p in files_below(tmp_path / "out")}
    _, results = merge(tmp_path / "out", sources)
    assert [(t.copied, t.same) for t in results] == [(0, 4), (0, 4)]
    after = {p: os.stat(tmp_path / "out" / p).st_mtime_ns for p in files_below(tmp_path / "out")}
    assert after == before


def test_of_a_run_with_other_numbers_the_first_is_kept_and_said(make, tmp_path):
    a, b = make("a", [4]), make("b", [4, 5], seed=1)
    study, results = merge(tmp_path / "out", [a.workdir, b.workdir])
    names = [point.name for point in study.points]
    assert results[1].different == tuple((name, 4) for name in names)
    assert (results[1].copied, results[1].same) == (2, 0)
    for name in names:
        record = records_of(study)[f"points/{name}/runs/4.npz"]
        assert record == records_of(a)[f"points/{name}/runs/4.npz"]


def test_runs_already_in_the_workdir_stay(make):
    a, b = make("a", [4]), make("b", [4, 5], seed=1)
    before = records_of(a)
    study, (results,) = merge(a.workdir, [b.workdir])
    assert before.items() <= records_of(study).items()
    assert (results.copied, len(results.different)) == (2, 2)


def test_damaged_and_foreign_records_are_named_and_never_copied(make, tmp_path):
    a, b = make("a", range(4)), make("b", range(2))
    folder = a.workdir / "points" / a.points[0].name / "runs"
    (folder / "1.npz").write_bytes((folder / "1.npz").read_bytes()[:-9])
    shutil.copy(folder / "0.npz", folder / "3.npz")
    study, results = merge(tmp_path / "out", [a.workdir, b.workdir])
    assert sorted(results[0].problems) == [
        f"points/{a.points[0].name}/runs/{m}.npz" for m in (1, 3)
    ]
    assert verify.verify(study.workdir).problems == {}
    assert studies.read_runs(study, study.points[0]).index.tolist() == [0, 1, 2]


def test_a_damaged_record_in_the_workdir_is_replaced(make):
    a, b = make("a", [0]), make("b", [0])
    path = a.workdir / "points" / a.points[0].name / "runs" / "0.npz"
    path.write_bytes(b"junk")
    _, (results,) = merge(a.workdir, [b.workdir])
    assert (results.copied, results.same) == (1, 1)
    assert records_of(a) == records_of(b)


@pytest.mark.parametrize("order", [("small", "large"), ("large", "small")])
@pytest.mark.parametrize("into", ["out", "small", "large"])
def test_the_merged_study_has_all_runs_and_points_of_the_grown_one(make, tmp_path, order, into):
    changes = {"subsets.num_runs": 40, "axis.values": [1, 2, 4]}
    small, large = make("small", range(20)), make("large", range(15, 40), changes)
    expected = records_of(large) | records_of(small)
    sources = [tmp_path / name for name in order if name != into]
    study, _ = merge(tmp_path / into, sources)
    assert study.train_mask.shape == (40, 60)
    assert [point.axis_value for point in study.points] == [1, 2, 4]
    assert records_of(study).keys() == expected.keys()
    assert verify.verify(study.workdir).problems == {}


def test_a_report_of_its_own_stays_with_the_workdir(make):
    a = make("a", [0], {"report.title": "mine"})
    b = make("b", [1], {"report.title": "other", "subsets.num_runs": 40})
    study, _ = merge(a.workdir, [b.workdir])
    assert study.config["report"]["title"] == "mine"
    assert len(study.train_mask) == 40


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"schedule.peak": 0.2}, "schedule.peak=0.1.*schedule.peak=0.2 in "),
        ({"seed": 4}, "seed=3.*seed=4 in "),
        ({"training.epochs": 4, "subsets.num_runs": 40}, "training.epochs=3.*training.epochs=4"),
    ],
)
def test_a_study_that_differs_is_refused_by_field_and_nothing_is_written(
    make, tmp_path, changes, named
):
    a, b = make("a", [0]), make("b", [1], changes)
    with pytest.raises(InputError, match=f"^--with: expected studies with {named}"):
        merge(tmp_path / "out", [a.workdir, b.workdir])
    assert not (tmp_path / "out").exists()
    before = files_below(a.workdir)
    with pytest.raises(InputError, match="^--with: "):
        merge(a.workdir, [b.workdir])
    assert files_below(a.workdir) == before


def test_studies_of_other_images_are_refused(make, tmp_path, register, make_config, tiny):
    a = make("a", [0])
    images = tiny.train_images.copy()
    images[0] ^= 1
    other = register(dataclasses.replace(tiny, train_images=images))
    b = studies.open_or_create(tmp_path / "b", make_config(), other)
    with pytest.raises(InputError, match="the same images and labels as in .*a, received others"):
        merge(tmp_path / "out", [a.workdir, b.workdir])


def test_studies_of_which_none_holds_the_others_are_refused(make, tmp_path):
    a = make("a", [0], {"subsets.num_runs": 40})
    b = make("b", [1], {"axis.values": [1, 2, 4]})
    with pytest.raises(InputError, match="holds the runs, axis values and series of all others"):
        merge(tmp_path / "out", [a.workdir, b.workdir])
    assert not (tmp_path / "out").exists()


def test_one_folder_twice_is_refused(make, tmp_path):
    a = make("a", [0])
    os.symlink(a.workdir, tmp_path / "link")
    for sources in ([a.workdir, tmp_path / "link"], [a.workdir, f"{a.workdir}/"]):
        with pytest.raises(InputError, match="^--with: expected folders that differ"):
            merge(tmp_path / "out", sources)
    with pytest.raises(InputError, match="also from --workdir"):
        merge(a.workdir, [a.workdir])


def test_folder_with_foreign_files_is_refused(make, tmp_path):
    a = make("a", [0])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="^--workdir: "):
        merge(tmp_path / "out", [a.workdir])
    assert os.listdir(tmp_path / "out") == ["thesis.tex"]


@pytest.mark.parametrize("writes", [0, 1, 3, 4, 5, 7, 10])
def test_a_merge_that_was_killed_anywhere_goes_on(make, tmp_path, monkeypatch, writes):
    a, b = make("a", range(3), STUDENTS), make("b", range(3, 5), STUDENTS)
    real, left = storage.write, [writes]

    def write(path, data, **options):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        real(path, data, **options)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write", write)
        with pytest.raises(KeyboardInterrupt):
            merge(tmp_path / "out", [a.workdir, b.workdir])
    study, _ = merge(tmp_path / "out", [a.workdir, b.workdir])
    assert records_of(study) == records_of(a) | records_of(b)
    assert verify.verify(study.workdir).problems == {}


@pytest.mark.parametrize("name", ["duplicates.json", "thumbnails.npz"])
def test_a_new_study_takes_no_damaged_file_of_a_source(make, tmp_path, name):
    source = make("a", range(3))
    data = (source.workdir / name).read_bytes()
    (source.workdir / name).write_bytes(data[:-3] + b"[]" + data[-1:])
    with pytest.raises(InputError, match=f"a/{name}: .*list a study with sound files first"):
        merge(tmp_path / "out", [source.workdir])
    assert not (tmp_path / "out").exists()


def test_damaged_features_are_named_and_not_copied(make, tmp_path):
    source = make("a", range(3), {"series": ["one_hot", "last_layer"]})
    missing, name = (f"points/{point.name}/features.npz" for point in source.points[2:])
    (source.workdir / name).write_bytes(b"[]")
    study, (results,) = merge(tmp_path / "out", [source.workdir])
    assert results.problems.keys() == {missing, name}
    assert results.problems[missing] == "is missing"
    assert results.copied == 3 * len(source.points)
    assert not (study.workdir / name).exists()
