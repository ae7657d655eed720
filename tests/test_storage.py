import os
import socket
import subprocess
import sys
import time

import pytest

from memkit import machine, storage
from memkit.errors import InputError

_SIZE = 1 << 22

_WRITE_FOREVER = """
import itertools, sys
from memkit import storage
for i in itertools.count():
    storage.write(sys.argv[1], bytes([i % 251]) * int(sys.argv[2]))
"""

_WRITE_TOO_MUCH = """
import resource, signal, sys
from memkit import storage
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    storage.write(sys.argv[1], b"n" * 100_000)
except OSError:
    sys.exit(7)
"""


def _temporary(folder, pid, host=None, namespace=None):
    writer = f"{host or socket.gethostname()}-{pid}-{namespace or machine.pid_namespace()}"
    name = folder / f".tmp-{writer}-0123abcd"
    name.write_bytes(b"half")
    return name


def _make_old(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.fixture
def ended_pid():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_written_file_can_be_read(tmp_path):
    storage.write(tmp_path / "a" / "b" / "file", b"\x00\xff" * 10)
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"\x00\xff" * 10
    assert os.listdir(tmp_path / "a" / "b") == ["file"]


def test_a_killed_writer_leaves_only_complete_files(tmp_path):
    path = tmp_path / "file"
    for delay in (0.0, 0.003, 0.007, 0.013):
        child = subprocess.Popen([sys.executable, "-c", _WRITE_FOREVER, str(path), str(_SIZE)])
        path.unlink(missing_ok=True)
        while not path.exists():
            assert child.poll() is None
        time.sleep(delay)
        child.kill()
        child.wait()
        content = path.read_bytes()
        assert len(content) == _SIZE
        assert len(set(content)) == 1
        storage.remove_stale_temporaries(tmp_path)
        assert os.listdir(tmp_path) == ["file"]


def test_a_concurrent_reader_sees_only_complete_files(tmp_path):
    path = tmp_path / "file"
    storage.write(path, b"\xfe" * _SIZE)
    child = subprocess.Popen([sys.executable, "-c", _WRITE_FOREVER, str(path), str(_SIZE)])
    try:
        first_bytes = set()
        while len(first_bytes) < 5:
            content = path.read_bytes()
            assert len(content) == _SIZE
            assert content.count(content[0]) == _SIZE
            first_bytes.add(content[0])
    finally:
        child.kill()
        child.wait()


def test_a_failed_write_leaves_only_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    code = subprocess.run([sys.executable, "-c", _WRITE_TOO_MUCH, str(path)]).returncode
    assert code == 7
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_interrupted_write_leaves_only_the_old_file(tmp_path, monkeypatch):
    storage.write(tmp_path / "file", b"old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        storage.write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_temporary_files_of_ended_processes_are_removed(tmp_path, ended_pid):
    _temporary(tmp_path, ended_pid)
    (tmp_path / "file").write_bytes(b"")
    storage.remove_stale_temporaries(tmp_path)
    assert os.listdir(tmp_path) == ["file"]


def test_writing_removes_temporary_files_of_killed_processes_in_the_same_folder(
    tmp_path, ended_pid
):
    unfinished = _temporary(tmp_path, ended_pid)
    storage.write(tmp_path / "file", b"data")
    assert not unfinished.exists()
    assert os.listdir(tmp_path) == ["file"]


def test_temporary_files_of_running_processes_are_kept(tmp_path):
    of_this_process = _temporary(tmp_path, os.getpid())
    of_init = _temporary(tmp_path, 1)
    storage.remove_stale_temporaries(tmp_path)
    assert of_this_process.exists() and of_init.exists()


def test_temporary_files_of_other_machines_and_containers_are_kept_for_a_day(tmp_path, ended_pid):
    other = _temporary(tmp_path, ended_pid, namespace="01234567")
    earlier = tmp_path / f".tmp-{socket.gethostname()}-{ended_pid}-0123abcd"  # without a namespace
    earlier.write_bytes(b"half")
    for seconds, is_kept in ((80_000, True), (90_000, False)):
        for temporary in (other, earlier):
            _make_old(temporary, seconds)
        storage.remove_stale_temporaries(tmp_path)
        assert other.exists() == earlier.exists() == is_kept


@pytest.mark.parametrize("host", ["host-7", "host-{pid}", "host-{pid}-01234567"])
def test_digits_in_a_host_name_are_not_taken_for_a_process_id(tmp_path, ended_pid, host):
    alive = _temporary(tmp_path, os.getpid(), host=host.format(pid=ended_pid))
    dead = _temporary(tmp_path, ended_pid, host=host.format(pid=os.getpid()))
    storage.remove_stale_temporaries(tmp_path)
    assert alive.exists() and not dead.exists()


def test_old_files_of_users_are_kept(tmp_path):
    notes = tmp_path / ".tmp-notes"
    notes.write_bytes(b"")
    _make_old(notes, 1e6)
    storage.remove_stale_temporaries(tmp_path)
    assert notes.exists()


def test_the_probe_folder_of_a_killed_process_is_removed(tmp_path, ended_pid):
    writer = f"{socket.gethostname()}-{ended_pid}-{machine.pid_namespace()}"
    (tmp_path / f".tmp-{writer}-probe").mkdir()
    storage.remove_stale_temporaries(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_has_no_temporary_files(tmp_path):
    storage.remove_stale_temporaries(tmp_path / "absent")
    assert os.listdir(tmp_path) == []


def test_names_are_sorted_and_exclude_temporary_files(tmp_path):
    _temporary(tmp_path, os.getpid())
    (tmp_path / "b").write_bytes(b"")
    (tmp_path / "a").mkdir()
    assert storage.names(tmp_path) == ["a", "b"]
    assert storage.names(tmp_path / "absent") == []
    assert storage.names(tmp_path / "b") == []


def test_size_counts_the_files_below(tmp_path):
    storage.write(tmp_path / "a" / "x", b"12345")
    storage.write(tmp_path / "y", b"123")
    assert storage.size(tmp_path) == 8


def test_writable_folders_pass_and_keep_no_trace(tmp_path):
    storage.check_writable("--workdir", tmp_path)
    storage.check_writable("--workdir", tmp_path / "new" / "below")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("below", ["", "new"])
def test_a_file_instead_of_a_folder_is_named(tmp_path, below):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError) as error:
        storage.check_writable("--workdir", tmp_path / "file" / below)
    assert str(error.value) == (
        f"--workdir: expected a writable folder, received {tmp_path / 'file' / below} "
        f"({tmp_path / 'file'} is not a folder)"
    )
    assert os.listdir(tmp_path) == ["file"]


def test_a_dangling_link_is_an_error(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="--workdir.*link is not a folder"):
        storage.check_writable("--workdir", tmp_path / "link")


def test_the_error_gives_the_reason_of_the_system(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", fail)
    with pytest.raises(InputError, match=r"--workdir: .* \(Read-only file system\)"):
        storage.check_writable("--workdir", tmp_path)


def test_the_home_folder_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    storage.write("~/file", b"home")
    assert (tmp_path / "file").read_bytes() == b"home"


def test_object_stores_are_not_local():
    assert storage.is_local("/tmp/study")
    assert storage.is_local("study")
    assert not storage.is_local("gs://bucket/study")
