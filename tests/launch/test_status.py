import os
import pathlib
import shutil
import signal

import pytest

from tests.launch.test_run import record_files


def rows(text):
    """Returns the numbers of a table's rows, by point."""
    return {
        line.split()[0]: [int(cell) for cell in line.split()[1:]]
        for line in text.splitlines()
        if line.startswith("one_hot_momentum")
    }


@pytest.mark.slow
def test_status_follows_a_study_that_another_process_trains_until_all_is_done(
    start, memkit, tiny_config, tmp_path
):
    workdir = tmp_path / "study"
    command = ["train", f"--config={tiny_config}", f"--workdir={workdir}"]
    command.append("--config.training.epochs=30")  # So that the work goes on for many looks.
    assert memkit(*command, "--runs=0:1").code == 0
    watcher = start("status", f"--workdir={workdir}", "--watch=0.2")
    assert watcher.stdout.readline().startswith("point ")
    trainer = start(*command, "--workers=2")
    out, err = watcher.communicate()
    trained = trainer.communicate()
    assert trainer.returncode == 0, trained
    assert (watcher.returncode, err) == (0, "")
    tables = out.split("point ")
    for table in tables:
        assert all(sum(row[:4]) == 20 for row in rows(table).values())  # done to set aside
    totals = [sum(row[0] for row in rows(table).values()) for table in tables]
    assert totals == sorted(totals)
    assert totals[-1] == 40
    running = [table for table in tables if any(row[1] for row in rows(table).values())]
    assert running
    assert all("at work: " in table for table in running)
    assert any("runs/hour" in table for table in tables)
    alone = memkit("status", f"--workdir={workdir}")
    assert alone.code == 0
    assert "at work" not in alone.out


def test_ctrl_c_ends_a_watch_quietly(start, tiny_study, tmp_path):
    workdir = tmp_path / "study"
    shutil.copytree(tiny_study[0], workdir)
    record_files(workdir)[0].unlink()
    watcher = start("status", f"--workdir={workdir}", "--watch")
    assert watcher.stdout.readline().startswith("point")
    os.kill(watcher.pid, signal.SIGINT)
    _, err = watcher.communicate()
    assert (watcher.returncode, err) == (130, "")


@pytest.mark.parametrize("seconds", ["often", "0", "-1", "nan", "inf"])
def test_invalid_seconds_of_watch_are_an_error(memkit, tiny_study, seconds):
    result = memkit("status", f"--workdir={tiny_study[0]}", f"--watch={seconds}")
    assert result.code == 2
    assert result.err.startswith("memkit status: error: --watch: expected ")
    assert len(result.err.splitlines()) == 1


def test_status_changes_nothing_in_a_study(memkit, tiny_study):
    def files():
        paths = pathlib.Path(tiny_study[0]).rglob("*")
        return {path: path.stat().st_mtime_ns for path in paths}

    before = files()
    assert memkit("status", f"--workdir={tiny_study[0]}").code == 0
    assert files() == before
