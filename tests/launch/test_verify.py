import shutil

import pytest

from memkit import records, studies
from memkit.studies.runs import record_file
from tests.studies.test_verify import everything_below


def test_a_sound_study_exits_0_with_counts_and_time_and_is_left_alone(memkit, tiny_study):
    workdir, _ = tiny_study
    before = everything_below(workdir)
    result = memkit("verify", f"--workdir={workdir}")
    assert (result.code, result.err) == (0, "")
    counts, time = result.out.splitlines()
    assert counts.startswith("verify: 40 sound records of 40 runs, ")
    assert counts.endswith(" sound derived files, no problems")
    assert time.startswith("done in ")
    assert everything_below(workdir) == before


def test_every_problem_is_a_line_and_the_exit_code_is_1(memkit, tiny_study, tmp_path):
    shutil.copytree(tiny_study[0], tmp_path / "study")
    folders = [
        tmp_path / "study" / "points" / p.name / "runs"
        for p in studies.load(tmp_path / "study").points
    ]
    (folders[0] / "3.npz").write_bytes((folders[0] / "3.npz").read_bytes()[:-1])
    shutil.copy(folders[0] / "5.npz", folders[1] / "5.npz")
    result = memkit("verify", f"--workdir={tmp_path / 'study'}")
    assert (result.code, result.err) == (1, "")
    *problems, counts, _ = result.out.splitlines()
    first, second = problems[:2]
    assert (
        first
        == "problem: points/one_hot_momentum0.5/runs/3.npz: not a complete record (BadZipFile)"
    )
    assert second.startswith("problem: points/one_hot_momentum0.9/runs/5.npz: fingerprint is ")
    assert counts.startswith("verify: 38 sound records of 40 runs, ")
    assert counts.endswith(f", {len(problems)} problems")


def test_a_folder_without_a_study_is_refused_in_one_line(memkit, tmp_path):
    result = memkit("verify", f"--workdir={tmp_path}")
    assert result.code == 2
    assert result.err.startswith("memkit verify: error: --workdir: expected a folder with a study")


@pytest.mark.slow
def test_retrained_runs_are_the_same_bits_and_a_forged_one_is_found(memkit, tiny_study, tmp_path):
    workdir, _ = tiny_study
    before = everything_below(workdir)
    result = memkit("verify", f"--workdir={workdir}", "--retrain=2", "--seed=5")
    assert result.code == 0, result.out
    assert result.out.count("is the same, bit for bit") == 2
    assert everything_below(workdir) == before
    shutil.copytree(workdir, tmp_path / "forged")
    study = studies.load(tmp_path / "forged")
    for point in study.points:
        for run in range(20):
            forge(study, point, run)
    result = memkit("verify", f"--workdir={study.workdir}", "--retrain=1")
    assert result.code == 1
    stale, problem, counts, _ = result.out.splitlines()
    assert stale.startswith("problem: derived.json: ") and "run `memkit estimate` again" in stale
    assert problem.startswith("problem: ") and "7 of 500 answers differ" in problem
    assert counts.startswith("verify: 40 sound records of 40 runs, ")
    assert counts.endswith(" sound derived files, 1 problem")


def forge(study, point, run):
    """Writes a sound record in which 7 answers are made up."""
    sizes = study.sizes_at(point, run)
    arrays, info = records.read(record_file(study, point, run), sizes)
    arrays["test_predicted"][:7] ^= 1
    unchanged = {name: value for name, value in info.items() if name not in ("format", "checksum")}
    studies.write_record(study, point, run, arrays, unchanged)
