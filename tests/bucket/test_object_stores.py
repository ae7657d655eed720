import collections
import dataclasses
import subprocess
import sys

import numpy as np
import pytest

import memkit
from memkit import analysis, storage, studies
from memkit.studies import verify
from memkit.studies.merge import merge
from tests.analysis import recorded
from tests.launch.conftest import TINY

ADDRESS = "gs://bucket/some/study"


@pytest.fixture
def study(bucket, make_config, tiny):
    return studies.open_or_create(ADDRESS, make_config(), tiny)


def objects(bucket):
    return {name.name: name.read_bytes() for name in (bucket / "objects").iterdir()}


def test_a_file_is_one_upload_under_its_final_name(bucket, uploads):
    storage.write("gs://bucket/a/b/file", b"12345")
    assert uploads() == ["bucket/a/b/file"]
    assert storage.path("gs://bucket/a/b/file").read_bytes() == b"12345"


def test_names_and_size_of_a_prefix(bucket):
    for name, data in (("a/x", b"12345"), ("a/b/y", b"123"), ("ab/z", b"1")):
        storage.write(f"gs://bucket/{name}", data)
    assert storage.names("gs://bucket/a") == ["b", "x"]
    assert storage.names("gs://bucket/none") == []
    assert storage.size("gs://bucket/a") == 8


def test_what_another_machine_uploads_is_seen(study, bucket):
    point = study.points[0]
    assert studies.listed_runs(study, point) == set()
    recorded.record(dataclasses.replace(study, points=(point,), train_mask=study.train_mask[:1]))
    assert studies.listed_runs(study, point) == {0}
    child = (
        "import sys; from memkit import storage;"
        "storage.write(sys.argv[2], storage.path(sys.argv[1]).read_bytes())"
    )
    folder = f"{ADDRESS}/points/{point.name}/runs"
    subprocess.run([sys.executable, "-c", child, f"{folder}/0.npz", f"{folder}/1.npz"], check=True)
    assert studies.listed_runs(study, point) == {0, 1}
    runs = studies.read_runs(study, point)
    assert runs.index.tolist() == [0]
    assert list(runs.problems) == [f"points/{point.name}/runs/1.npz"]


def test_a_study_in_a_bucket_gives_the_numbers_of_a_folder(
    study, uploads, tmp_path, make_config, tiny
):
    local = studies.open_or_create(tmp_path / "local", make_config(), tiny)
    for recorded_study in (study, local):
        recorded.record(recorded_study)
        assert verify.verify(recorded_study.workdir).problems == {}
    names = collections.Counter(uploads())
    assert set(names.values()) == {1}
    assert sum("/runs/" in name for name in names) == 40
    for recorded_study in (study, local):
        analysis.estimate(recorded_study)
    assert studies.read_summary(study) == studies.read_summary(local)
    assert not [name for name in uploads() if ".tmp" in name]
    for point in study.points:
        for a, b in zip(*(studies.read_estimates(s, point).values() for s in (study, local))):
            np.testing.assert_equal(vars(a), vars(b))
    stored, in_folder = memkit.load(ADDRESS), memkit.load(local.workdir)
    assert stored.table().equals(in_folder.table())
    assert stored._repr_html_() == in_folder._repr_html_()


def test_studies_in_buckets_and_folders_are_merged(study, tmp_path, make_config, tiny):
    local = studies.open_or_create(tmp_path / "local", make_config(), tiny)
    recorded.record(local)
    grown, (part,) = merge(ADDRESS, [local.workdir])
    assert part.copied == 40
    assert verify.verify(grown.workdir).problems == {}
    again, (part,) = merge(tmp_path / "back", [ADDRESS])
    assert part.copied == 40
    assert verify.verify(again.workdir).problems == {}


def test_growing_a_study_in_a_bucket_keeps_its_runs(study, make_config, tiny):
    recorded.record(study)
    grown = studies.open_or_create(ADDRESS, make_config({"subsets.num_runs": 40}), tiny)
    assert len(studies.listed_runs(grown, grown.points[0])) == 20


@pytest.mark.proof
def test_real_commands_run_a_study_whose_workdir_is_a_bucket(bucket, uploads, tmp_path):
    config = tmp_path / "tiny.py"
    config.write_text(TINY)

    def memkit(verb, *flags):
        command = [sys.executable, "-m", "memkit.cli", verb, f"--workdir={ADDRESS}", *flags]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    memkit("train", f"--config={config}", "--workers=1", "--runs=0:3")
    memkit("run", f"--config={config}", "--workers=2")
    names = collections.Counter(uploads())
    runs = {name: count for name, count in names.items() if "/runs/" in name}
    assert len(runs) == 40 and set(runs.values()) == {1}
    assert not [name for name in names if ".tmp" in name]
    assert names["bucket/some/study/report/index.html"] == 1
    assert "40/40 runs" in memkit("status")
    assert "no problems" in memkit("verify", "--retrain=1")
    memkit("train", f"--config={config}")
    assert not [name for name in uploads() if "/runs/" in name]
