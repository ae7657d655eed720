import pytest

from memkit import studies
from memkit.errors import InputError
from memkit.sweeps import selection
from tests.sweeps import fake_work


def test_everything_is_missing_at_first_and_the_far_end_of_the_axis_comes_first(study):
    missing, problems = selection.missing(study)
    assert list(missing) == ["one_hot_peak0.2", "one_hot_peak0.1"]
    assert all(runs == list(range(20)) for runs in missing.values())
    assert problems == {}


def test_shards_divide_the_runs_alike_at_every_point(study):
    shards = [selection.missing(study, shard=(i, 3))[0] for i in range(3)]
    for name in shards[0]:
        assert sorted(m for shard in shards for m in shard[name]) == list(range(20))
    for shard in shards:
        assert len(set(map(tuple, shard.values()))) == 1


def test_points_and_runs_narrow_the_choice(study):
    missing, _ = selection.missing(study, points=["one_hot_peak0.1"], runs=(3, 6))
    assert missing == {"one_hot_peak0.1": [3, 4, 5]}


def test_a_sound_record_is_not_missing_and_a_truncated_one_is_named_and_missing(study):
    point = study.points[0]
    for run in (2, 5):
        studies.write_record(
            study, point, run, fake_work.arrays(study, point, run), fake_work.info()
        )
    file = study.workdir / "points" / point.name / "runs" / "5.npz"
    file.write_bytes(file.read_bytes()[:-20])
    missing, problems = selection.missing(study)
    assert missing[point.name] == [m for m in range(20) if m != 2]
    assert list(problems) == [f"points/{point.name}/runs/5.npz"]


@pytest.mark.parametrize("runs", [(5, 5), (0, 21)])
def test_runs_outside_the_design_are_refused(study, runs):
    with pytest.raises(InputError, match="--runs: expected first:last with .* 20"):
        selection.missing(study, runs=runs)


def test_an_unknown_point_is_refused_with_the_valid_names(study):
    with pytest.raises(InputError, match="Known: one_hot_peak0.1, one_hot_peak0.2"):
        selection.missing(study, points=["one_hot_peak7"])


SLURM = {
    "SLURM_ARRAY_TASK_ID": "12",
    "SLURM_ARRAY_TASK_MIN": "4",
    "SLURM_ARRAY_TASK_COUNT": "4",
    "SLURM_ARRAY_TASK_STEP": "4",
}
KUBERNETES = {"JOB_COMPLETION_INDEX": "6", "MEMKIT_SHARDS": "8"}
SKYPILOT = {"SKYPILOT_NODE_RANK": "3", "SKYPILOT_NUM_NODES": "4"}
TPU = {"TPU_WORKER_ID": "1", "TPU_WORKER_HOSTNAMES": "10.0.0.1,10.0.0.2"}


@pytest.fixture
def environment(monkeypatch):
    """Returns a function that sets variables, where no scheduler has set any."""
    for name in (*SLURM, *KUBERNETES, *SKYPILOT, *TPU):
        monkeypatch.delenv(name, raising=False)

    def change(variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return change


@pytest.mark.parametrize(
    ("variables", "shard"),
    [
        (SLURM, (2, 4)),
        (KUBERNETES, (6, 8)),
        (TPU, (1, 2)),
        (SKYPILOT, (3, 4)),
        (SKYPILOT | TPU, (3, 4)),  # Each node may be a slice with a number of its own.
        (KUBERNETES | TPU, (6, 8)),  # Each pod may be a slice of its own.
    ],
)
def test_the_shard_follows_from_the_variables_of_a_scheduler(environment, variables, shard):
    environment(variables)
    assert selection.own_shard() == shard


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {},
            "--shard: expected one of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, SKYPILOT_",
        ),
        ({"JOB_COMPLETION_INDEX": "3"}, "--shard: expected MEMKIT_SHARDS in the environment"),
        (KUBERNETES | {"MEMKIT_SHARDS": "6"}, "JOB_COMPLETION_INDEX: expected one of 6 numbers"),
        (KUBERNETES | {"MEMKIT_SHARDS": "six"}, "MEMKIT_SHARDS: expected a whole number"),
        (TPU | {"TPU_WORKER_HOSTNAMES": ""}, "--shard: expected TPU_WORKER_HOSTNAMES"),
        (SLURM | {"SLURM_ARRAY_TASK_ID": "13"}, "SLURM_ARRAY_TASK_ID: .* steps of 4, received 13"),
        (SLURM | {"SLURM_ARRAY_TASK_ID": "40"}, "SLURM_ARRAY_TASK_ID: expected one of 4 numbers"),
    ],
)
def test_missing_or_contradictory_variables_of_a_scheduler_are_an_error(
    environment, variables, line
):
    environment(variables)
    with pytest.raises(InputError, match=f"^{line}"):
        selection.own_shard()


def test_the_parts_of_a_slurm_array_are_all_shards(environment):
    shards = set()
    for task in (4, 8, 12, 16):
        environment(SLURM | {"SLURM_ARRAY_TASK_ID": str(task)})
        shards.add(selection.own_shard())
    assert shards == {(i, 4) for i in range(4)}


def test_records_of_other_shards_are_not_read(study, monkeypatch):
    point, opened, read = study.points[0], [], studies.runs.records.read
    for run in range(6):
        arrays = fake_work.arrays(study, point, run)
        studies.write_record(study, point, run, arrays, fake_work.info())

    def watched(path, sizes):
        opened.append(path.name)
        return read(path, sizes)

    monkeypatch.setattr(studies.runs.records, "read", watched)
    missing, _ = selection.missing(study, points=[point.name], shard=(1, 3))
    assert opened == ["1.npz", "4.npz"]
    assert missing[point.name] == [7, 10, 13, 16, 19]
