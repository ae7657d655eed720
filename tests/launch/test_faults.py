"""Full disks, folders that cannot be written, and kill -9, with the real engine."""

import os
import random
import shlex
import signal
import subprocess
import sys
import time

import pytest

from memkit import studies
from tests.launch.test_run import read_all, record_files, wait_for_end_of_group

MEMKIT = f"{shlex.quote(sys.executable)} -m memkit.cli"


def run_with_mounts(script):
    """Runs a shell script that may mount folders, which nobody else sees."""
    enter = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*enter, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system lets nobody mount folders of their own")
    return subprocess.run([*enter, "bash", "-c", script], capture_output=True, text=True)


@pytest.mark.slow
def test_a_full_disk_gets_one_line_and_the_same_command_goes_on_when_there_is_space(
    tiny_study, tiny_config, tmp_path
):
    disk, workdir = tmp_path / "disk", tmp_path / "disk" / "study"
    disk.mkdir()
    train = f"{MEMKIT} train --config={tiny_config} --workdir={workdir}"
    done = run_with_mounts(f"""
        mount -t tmpfs -o size=2m tmpfs {disk} && {train} --runs=0:1 2> /dev/null || exit 99
        free=$(df --output=avail -B1 {disk} | tail -1)
        head -c $((free - 64 * 1024)) /dev/zero > {disk}/ballast
        {train} 2> {tmp_path}/first; echo code $?
        find {disk} -name '.tmp-*' -o -path '*/workers/*' -o -path '*/failures/*'
        rm {disk}/ballast
        {train} 2> {tmp_path}/second; echo code $?
        cp -r {workdir} {tmp_path}/result
    """)
    assert done.returncode == 0, done.stderr
    lines = [
        line
        for line in done.stdout.splitlines()
        if not line.startswith(("reading ", "train: ", "done "))
    ]
    assert lines == ["code 2", "code 0"]
    line = (tmp_path / "first").read_text().splitlines()[-1]
    assert line.startswith(f"memkit train: error: {workdir}: No space left on device (run ")
    assert "of 38 runs were finished and are kept; the same command goes on from there" in line
    assert read_all(tmp_path / "result") == read_all(tiny_study[0])


@pytest.mark.slow
def test_a_limit_on_file_sizes_gets_one_line_and_leaves_nothing_half_written(
    memkit, tiny_study, tiny_config, tmp_path
):
    workdir = tmp_path / "study"
    command = ["train", "--workers=1", f"--config={tiny_config}", f"--workdir={workdir}"]
    assert memkit(*command, "--runs=0:1").code == 0
    words = shlex.join(map(str, command))
    limited = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; {MEMKIT} {words} 2>&1 | cat; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
    )
    assert limited.returncode == 2, limited.stdout
    line = limited.stdout.splitlines()[-1]
    assert line.startswith(f"memkit train: error: {workdir}: File too large (run ")
    assert not list(workdir.rglob(".tmp-*"))
    assert len(record_files(workdir)) == 2
    assert memkit(*command).code == 0
    assert read_all(workdir) == read_all(tiny_study[0])


def test_a_read_only_study_is_refused_for_training_and_fine_for_looking(tiny_study, tiny_config):
    workdir, _ = tiny_study
    before = {path: path.stat().st_mtime_ns for path in workdir.rglob("*")}
    train = f"{MEMKIT} train --config={tiny_config} --workdir={workdir}"
    done = run_with_mounts(f"""
        mount --bind {workdir} {workdir} && mount -o remount,ro,bind {workdir} || exit 99
        {train} --config.subsets.num_runs=40; echo code $?
        {MEMKIT} status --workdir={workdir}; echo code $?
    """)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert "--workdir: expected a writable folder" in line
    assert "Read-only file system" in line
    reading, refused, *status, code = done.stdout.splitlines()
    assert reading.startswith("reading the data set")
    assert (refused, code) == ("code 2", "code 0")
    assert any(line.startswith("40/40 runs") for line in status)
    assert {path: path.stat().st_mtime_ns for path in workdir.rglob("*")} == before


@pytest.mark.proof
def test_five_kills_of_workers_and_of_the_command_lose_nothing(
    start, memkit, tiny_config, tmp_path
):
    workdir, rng, kills, code = tmp_path / "killed", random.Random(0), 0, None
    # More epochs, so that most of the runs are still missing when a process is killed.
    command = ["train", f"--config={tiny_config}", "--config.training.epochs=15"]
    assert memkit(*command, f"--workdir={tmp_path / 'whole'}").code == 0
    while code != 0:
        earlier = {p: p.stat().st_mtime_ns for p in record_files(workdir)}
        process = start(*command, f"--workdir={workdir}")
        before = len(earlier)
        while process.poll() is None and kills < 5:
            if len(record_files(workdir)) > before:
                time.sleep(rng.uniform(0, 0.2))
                before = len(record_files(workdir))
                family = _processes_of(process.pid)
                if not family:  # It ended meanwhile.
                    break
                os.kill(rng.choice(family) if kills % 2 else process.pid, signal.SIGKILL)
                kills += 1
            time.sleep(0.02)
        _, error = process.communicate()
        code = process.returncode
        wait_for_end_of_group(process.pid)
        assert "Traceback" not in error
        assert {p: p.stat().st_mtime_ns for p in earlier} == earlier
    assert f"train {40 - len(earlier)}/{40 - len(earlier)} runs" in error
    assert kills == 5
    assert read_all(workdir) == read_all(tmp_path / "whole")
    assert not list(workdir.rglob(".tmp-*"))
    assert studies.executors.announced(studies.load(workdir)) == {}


def _processes_of(group):
    listed = subprocess.run(["ps", "-eo", "pid,pgid,stat"], capture_output=True, text=True)
    rows = [line.split() for line in listed.stdout.splitlines()[1:]]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and "Z" not in stat]


def test_a_study_that_cannot_even_be_made_gets_one_line(tiny_config, tmp_path):
    workdir = tmp_path / "study"
    train = f"{MEMKIT} train --config={tiny_config} --workdir={workdir}"
    limited = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; {train} 2>&1 | cat; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
    )
    assert limited.returncode == 2
    error = f"memkit train: error: {workdir}/examples.npz cannot be written: File too large"
    assert limited.stdout.splitlines()[-1] == error
    assert not list(workdir.rglob(".tmp-*"))
