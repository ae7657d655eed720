"""What `memkit status` says of folders in every state."""

import json
import os
import pathlib
import time

import pytest

from memkit import machine, records, studies
from memkit.studies import executors, verify
from memkit.sweeps import heartbeat, status
from tests.sweeps import fake_work
from tests.sweeps.sweeping import execute

HEADER = "point done running missing set aside diverged blocked collapsed"


def write(study, point, runs, **info):
    for run in runs:
        arrays = fake_work.arrays(study, point, run)
        studies.write_record(study, point, run, arrays, fake_work.info() | info)


def announce(study, **changes):
    """Makes this process an executor at work since 100 s, with 10 runs finished."""
    now = time.time()
    state = {"note": "2 workers", "shard": [0, 1], "started": now - 100, "finished": 10}
    executors.announce(study, state | {"blocks": []} | changes)


def status_lines(study, known=None):
    return status.text(study, status.look(study, {} if known is None else known)).splitlines()


def counts(study):
    """Returns the numbers of every row of the table, by point."""
    header, *rows = status_lines(study)[: 1 + len(study.points)]
    assert header.split() == HEADER.split()
    return {row.split()[0]: [int(cell) for cell in row.split()[1:]] for row in rows}


def test_runs_are_done_running_missing_or_set_aside(study):
    first, second = study.points
    write(study, first, range(4))
    write(study, first, range(4, 6), status="diverged")
    write(study, first, [6], status="blocked")
    write(study, first, [7], status="collapsed")
    studies.write_failure(study, first, 8, "Traceback\nValueError: boom")
    announce(study, blocks=[{"point": first.name, "runs": [7, 9]}])  # 7 has just been finished.
    assert counts(study) == {
        first.name: [8, 1, 10, 1, 2, 1, 1],
        second.name: [0, 0, 20, 0, 0, 0, 0],
    }
    assert any(line.startswith("8/40 runs, ") for line in status_lines(study))
    assert f"set aside: {first.name} run 8: ValueError: boom (failures/{first.name}-8.json)" in (
        status_lines(study)
    )


def test_a_failure_of_a_run_that_was_done_since_or_is_being_tried_again_is_history(study):
    point = study.points[0]
    for run in (1, 2):
        studies.write_failure(study, point, run, "ValueError: boom")
    write(study, point, [1])
    announce(study, blocks=[{"point": point.name, "runs": [2]}])
    assert counts(study)[point.name][:4] == [1, 1, 18, 0]
    assert "boom" not in "".join(status_lines(study))


def test_a_teachers_run_without_its_weights_is_missing(make_study):
    study = make_study("taught", series=("one_hot", "distilled"))
    write(study, study.points[0], [0, 1])
    write(study, study.points[0], [2], status="diverged")
    studies.write_weights(study, study.points[0], 1, [])
    name = study.points[0].name
    assert counts(study)[name][:3] == [2, 0, 18]
    line = f"points/{name}/weights/0.npz is missing; `memkit train` trains these runs again"
    assert line in status_lines(study)


def test_time_left_weighs_points_by_their_cost_and_counts_workers_at_work(study):
    first, second = study.points
    write(study, first, range(10), seconds=1.0)
    write(study, second, range(10), seconds=100.0)
    blocks = [{"point": p.name, "runs": [10]} for p in study.points]
    announce(study, blocks=blocks)
    assert "360 runs/hour, about 8 min 25 s left" in status_lines(study)  # (10 * 1 + 10 * 100) / 2


def test_without_executors_no_pace_is_printed(study):
    write(study, study.points[0], range(10))
    assert "runs/hour" not in "".join(status_lines(study))


def test_an_executor_is_named_with_what_it_does_and_when_it_was_seen(study):
    name = study.points[0].name
    blocks = [{"point": name, "runs": [3, 4]}, {"point": name, "runs": [5]}]
    announce(study, blocks=blocks, shard=[2, 8])
    line = (
        f"at work: {machine.process_name()}, shard 2/8, 2 workers: 10 runs finished, "
        f"at {name} run 3 4 5, seen 0 s ago"
    )
    assert line in status_lines(study)


def test_an_executor_without_recent_heartbeat_is_silent_and_its_runs_are_missing(
    study, monkeypatch
):
    announce(study, blocks=[{"point": study.points[0].name, "runs": [3]}])
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + heartbeat.SILENT_AFTER + 60)
    assert counts(study)[study.points[0].name] == [0, 0, 20, 0, 0, 0, 0]
    (line,) = [line for line in status_lines(study) if line.startswith("silent: ")]
    assert line.endswith("seen 3 min 00 s ago")


def test_a_silent_executor_is_at_no_epoch(study, monkeypatch):
    block = {"point": study.points[0].name, "runs": [3], "epochs": [2, 5]}
    announce(study, blocks=[block, block | {"epochs": [4, 5]}, block | {"epochs": [3, 5]}])
    (line,) = [line for line in status_lines(study) if line.startswith("at work: ")]
    assert line.endswith("run 3 3 3, epochs 2/5 to 4/5, seen 0 s ago")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + heartbeat.SILENT_AFTER + 60)
    assert "epoch" not in "".join(status_lines(study))


@pytest.mark.parametrize(
    "changes", [{"shard": []}, {"shard": ["1", 2]}, {"blocks": [{"runs": []}]}]
)
def test_a_state_that_no_executor_has_is_damage(study, changes):
    announce(study, **{"blocks": []} | changes)
    lines = status_lines(study)
    assert any(line.endswith("is damaged: not the state of an executor") for line in lines), lines


@pytest.mark.parametrize("epochs", [None, 3, [1], [2, 1], [0, 0], [-1, 3], [1.5, 3], [True, 3]])
def test_epochs_that_no_run_can_have_are_damage(study, epochs):
    announce(study, blocks=[{"point": study.points[0].name, "runs": [3], "epochs": epochs}])
    lines = status_lines(study)
    assert any(line.endswith("is damaged: not the state of an executor") for line in lines), lines
    assert not any(line.startswith("at work: ") for line in lines)


def test_a_file_that_is_not_a_record_is_named_and_not_done(study):
    point = study.points[0]
    write(study, point, [0, 1])
    (study.workdir / "points" / point.name / "runs" / "1.npz").write_bytes(b"PK")
    assert counts(study)[point.name][:3] == [1, 0, 19]
    (line,) = [line for line in status_lines(study) if "is not a record" in line]
    assert line.startswith(f"points/{point.name}/runs/1.npz")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"engine": "jax"}, "mixes engines, which round differently: 2 runs by fake, 1 run by jax"),
        (
            {"device": "NVIDIA H100"},
            "mixes devices, which round differently: 2 runs on CPU, 1 run on NVIDIA H100",
        ),
        (
            {"device": "NVIDIA H100", "precision": "float32 with NVIDIA_TF32_OVERRIDE=0"},
            "mixes devices and precisions, which round differently: 2 runs on CPU in float32, "
            "1 run on NVIDIA H100 in float32 with NVIDIA_TF32_OVERRIDE=0",
        ),
    ],
)
def test_a_point_that_mixes_engines_devices_or_precisions_is_named(study, changes, text):
    point, other = study.points
    write(study, point, [0, 3])
    write(study, other, [0, 1], **changes)
    assert " mixes " not in "".join(status_lines(study))
    write(study, point, [1], **changes)
    assert f"{point.name} {text}" in status_lines(study)


def test_a_point_with_runs_of_several_kinds_of_processors_is_named(study):
    first, second = study.points[:2]
    for point, runs in ((first, (0, 1)), (second, (0,))):
        for run in runs:
            write(study, point, [run], processor=f"B {run} (avx2)")
    write(study, second, [1], processor="C (avx512f)", device="NVIDIA H200")
    lines = [line for line in status_lines(study) if "kinds of processors" in line]
    assert lines == [
        f"{first.name} has runs of several kinds of processors, which agree up to rounding: "
        "B 0 (avx2), B 1 (avx2)"
    ]


def test_records_of_earlier_versions_name_no_processor_and_no_precision(study, monkeypatch):
    with monkeypatch.context() as patch:
        for name in records.NEWER:
            patch.delitem(records.INFO, name)
        info = {k: v for k, v in fake_work.info().items() if k not in records.NEWER}
        point = study.points[0]
        studies.write_record(study, point, 0, fake_work.arrays(study, point, 0), info)
    write(study, point, [1])
    assert not any("processors" in line or " mixes " in line for line in status_lines(study))
    assert list(studies.read_runs(study, point).index) == [0, 1]
    write(study, point, [2], precision="bfloat16")
    text = "1 run in a precision that is not recorded, 1 run in bfloat16, 1 run in float32"
    assert any(text in line for line in status_lines(study))


def test_of_many_failures_the_first_ten_are_named_and_the_others_counted(study):
    for run in range(20):
        studies.write_failure(study, study.points[0], run, "ValueError: boom")
    assert sum("boom" in line for line in status_lines(study)) == 10
    assert "and 10 more" in status_lines(study)


def test_a_second_status_reads_only_new_records(study, monkeypatch):
    opened, read = [], studies.read_info
    point = study.points[0]

    def watched(study, point, run):
        opened.append(run)
        return read(study, point, run)

    monkeypatch.setattr(studies, "read_info", watched)
    known = {}
    write(study, point, [0, 1])
    status.look(study, known)
    write(study, point, [2])
    assert len(status.look(study, known).points[point.name].done) == 3
    assert sorted(opened) == [0, 1, 2]


def test_status_writes_nothing(study):
    execute(study)
    before = files(study)
    status_lines(study)
    assert files(study) == before


def files(study):
    """Returns when every file and folder of a study was last changed."""
    paths = pathlib.Path(study.workdir).rglob("*")
    return {path: path.stat().st_mtime_ns for path in [pathlib.Path(study.workdir), *paths]}


@pytest.mark.parametrize(
    ("namespace", "process", "age", "is_kept"),
    [
        ("01234567", 2**22 + 1, 0, True),
        ("01234567", 2**22 + 1, 2 * 86400, False),
        (None, 2**22 + 1, 0, True),
        (machine.pid_namespace(), os.getpid(), 0, True),
        (machine.pid_namespace(), 2**22 + 1, 0, False),  # Above the largest process number.
    ],
    ids=["elsewhere", "elsewhere, long ago", "of an earlier version", "here, alive", "here, ended"],
)
def test_heartbeats_of_processes_that_ended_here_or_long_ago_are_removed(
    study, namespace, process, age, is_kept
):
    announce(study)
    (file,) = (study.workdir / "workers").iterdir()
    state = json.loads(file.read_text()) | {"process": process, "time": time.time() - age}
    del state["namespace"], state["checksum"]
    file.write_text(json.dumps(state | ({"namespace": namespace} if namespace else {})))
    executors.remove_ended(study)
    assert bool(executors.announced(study)) == is_kept


@pytest.mark.parametrize("content", ["[]", "{", '{"time": "noon"}', '"text"', None])
def test_damaged_heartbeats_are_named_and_otherwise_ignored(study, content):
    announce(study, blocks=[{"point": study.points[0].name, "runs": [3]}])
    (file,) = (study.workdir / "workers").iterdir()
    file.write_text(file.read_text().replace("3", "NaN", 1) if content is None else content)
    executors.remove_ended(study)
    assert not any(line.startswith(("at work", "silent")) for line in status_lines(study))
    assert any(line.startswith(f"workers/{file.name} is damaged: ") for line in status_lines(study))
    assert list(verify.verify(study.workdir).problems) == [f"workers/{file.name}"]


def test_a_worker_without_progress_is_named(study):
    name = study.points[0].name
    stalled = {"point": name, "runs": [3], "seconds": 600.0, "usual": 5.0}
    announce(study, blocks=[stalled, {"point": name, "runs": [7]}])
    (line,) = [line for line in status_lines(study) if line.startswith("no progress")]
    assert line == (
        f"no progress: a worker of {machine.process_name()} has finished no run for "
        f"10 min 00 s, at {name} run 3; a run there usually takes 5 s. --run_limit=SECONDS "
        "replaces such workers"
    )
