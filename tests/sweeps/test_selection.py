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
    with pytest.raises(InputError, match="one of one_hot_peak0.1, one_hot_peak0.2"):
        selection.missing(study, points=["one_hot_peak7"])
