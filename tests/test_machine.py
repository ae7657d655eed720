import os
import subprocess
import sys

import pytest

from memkit import machine

V1 = """\
30 23 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 {top} /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/unified rw shared:11 - cgroup2 cgroup2 rw
"""
V2 = "31 30 0:27 {top} /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Returns a function that creates a root folder with mounts, control groups and files."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)

    def make(mounts, groups, **files):
        for name, text in {"mountinfo": mounts, "cgroup": groups}.items():
            (tmp_path / "proc/self").mkdir(parents=True, exist_ok=True)
            (tmp_path / "proc/self" / name).write_text(text)
        for name, text in files.items():
            path = tmp_path / "sys/fs/cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path)

    return make


@pytest.mark.parametrize(
    ("limits", "cores"),
    [
        ({"cpu.max": "max 100000"}, 16),
        ({"cpu.max": "400000 100000"}, 4),
        ({"a/cpu.max": "350000 100000"}, 4),
        ({"a/cpu.max": "800000 100000", "a/.b/cpu.max": "max 100000"}, 8),
        ({"a/cpu.max": "200000 100000", "a/.b/cpu.max": "300000 100000"}, 2),
        ({"a/.b/cpu.max": "50000 100000"}, 1),
        ({"a/.b/cpu.max": "6400000 100000"}, 16),
        ({"c/cpu.max": "50000 100000"}, 16),
        ({"a/cpu.max": "nonsense"}, 16),
        ({}, 16),
    ],
    ids=str,
)
def test_the_smallest_quota_of_a_group_and_its_parents_is_used(system, limits, cores):
    assert machine.available_cores(system(V2.format(top="/"), "0::/a/.b\n", **limits)) == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", 16), ("150000", 2), ("1000", 1)])
def test_quotas_of_cgroup_version_1_are_used(system, quota, cores):
    folder = "cpu,cpuacct/docker/a"
    files = {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": "100000"}
    groups = "4:memory:/elsewhere\n3:cpu,cpuacct:/docker/a\n0::/\n"
    assert machine.available_cores(system(V1.format(top="/"), groups, **files)) == cores


@pytest.mark.parametrize("groups", ["0::/docker/a\n", "0::/docker/a/b\n", "0::/\n", "0::/../c\n"])
def test_a_container_finds_its_group_at_the_top_of_the_mount(system, groups):
    mounts = V2.format(top="/docker/a")
    assert machine.available_cores(system(mounts, groups, **{"cpu.max": "300000 100000"})) == 3


def test_an_affinity_smaller_than_the_quota_is_used(system, monkeypatch):
    root = system(V2.format(top="/"), "0::/\n", **{"cpu.max": "400000 100000"})
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert machine.available_cores(root) == 2


def test_without_proc_and_affinity_all_cores_are_used(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert machine.available_cores(str(tmp_path)) == 10
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.available_cores(str(tmp_path)) == 1


def _printed(code, *prefix):
    command = [*prefix, sys.executable, "-c", f"from memkit import machine; print({code})"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if not done.returncode else ""


def test_processes_of_a_machine_share_the_namespace_but_not_the_name():
    assert _printed("machine.pid_namespace()") == machine.pid_namespace()
    assert _printed("machine.process_name()") != machine.process_name()


def test_nothing_is_known_of_processes_of_another_container():
    in_namespace = ("unshare", "--pid", "--fork", "--mount-proc")
    if not _printed("True", *in_namespace):
        pytest.skip("needs the right to make a process namespace")
    assert len(_printed("machine.pid_namespace()", *in_namespace)) == 8
    assert _printed("machine.pid_namespace()", *in_namespace) != machine.pid_namespace()
    ended = f"machine.has_ended({os.getpid()}, {machine.pid_namespace()!r})"
    assert _printed(ended, *in_namespace) == "False"


def test_the_end_of_a_process_of_this_namespace_is_detected():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert machine.has_ended(child.pid, machine.pid_namespace())
    assert machine.has_ended(10**30, machine.pid_namespace())
    assert not machine.has_ended(os.getpid(), machine.pid_namespace())
    assert not machine.has_ended(1, machine.pid_namespace())
    assert not machine.has_ended(child.pid, "01234567")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("model name\t: A 1\nflags\t: fpu fma avx avx2 avx512f\n", "A 1 (avx fma avx2 avx512f)"),
        ("model name\t: A 1\nflags\t: fpu\nmodel name\t: B\n", "A 1"),
        ("Features\t: fp asimd sve\n", "{machine} (asimd sve)"),
        ("", "{machine}"),
    ],
)
def test_processors_differ_by_model_and_vector_instructions(text, name, monkeypatch):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    expected = name.format(machine=machine.platform.machine())
    assert machine.processor_of(text) == expected
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert machine.processor_of(text) != expected
