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


def _make_old(where, seconds):
    os.utime(where, (time.time() - seconds,) * 2)


@pytest.fixture
def dead_pid():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_written_bytes_come_back(tmp_path):
    storage.write(tmp_path / "a" / "b" / "file", b"\x00\xff" * 10)
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"\x00\xff" * 10
    assert os.listdir(tmp_path / "a" / "b") == ["file"]


def test_killed_writer_leaves_only_whole_contents(tmp_path):
    where = tmp_path / "file"
    for delay in (0.0, 0.003, 0.007, 0.013):
        child = subprocess.Popen([sys.executable, "-c", _WRITE_FOREVER, str(where), str(_SIZE)])
        where.unlink(missing_ok=True)
        while not where.exists():
            assert child.poll() is None
        time.sleep(delay)
        child.kill()
        child.wait()
        content = where.read_bytes()
        assert len(content) == _SIZE
        assert len(set(content)) == 1
        storage.remove_stale_temporaries(tmp_path)
        assert os.listdir(tmp_path) == ["file"]


def test_reader_beside_a_writer_sees_only_whole_contents(tmp_path):
    where = tmp_path / "file"
    storage.write(where, b"\xfe" * _SIZE)
    child = subprocess.Popen([sys.executable, "-c", _WRITE_FOREVER, str(where), str(_SIZE)])
    try:
        seen = set()
        while len(seen) < 5:
            content = where.read_bytes()
            assert len(content) == _SIZE
            assert content.count(content[0]) == _SIZE
            seen.add(content[0])
    finally:
        child.kill()
        child.wait()


def test_failing_write_leaves_the_old_file_and_nothing_else(tmp_path):
    where = tmp_path / "file"
    where.write_bytes(b"old")
    code = subprocess.run([sys.executable, "-c", _WRITE_TOO_MUCH, str(where)]).returncode
    assert code == 7
    assert where.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    storage.write(tmp_path / "file", b"old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        storage.write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_temporaries_of_the_dead_are_removed(tmp_path, dead_pid):
    _temporary(tmp_path, dead_pid)
    (tmp_path / "file").write_bytes(b"")
    storage.remove_stale_temporaries(tmp_path)
    assert os.listdir(tmp_path) == ["file"]


def test_a_process_that_writes_removes_what_a_killed_one_left_in_the_folder(tmp_path, dead_pid):
    left = _temporary(tmp_path, dead_pid)
    storage.write(tmp_path / "file", b"data")
    assert not left.exists()
    assert os.listdir(tmp_path) == ["file"]


def test_temporaries_of_the_living_stay(tmp_path):
    mine = _temporary(tmp_path, os.getpid())
    everybodys = _temporary(tmp_path, 1)
    storage.remove_stale_temporaries(tmp_path)
    assert mine.exists() and everybodys.exists()


def test_temporaries_of_other_machines_and_containers_stay_for_a_day(tmp_path, dead_pid):
    other = _temporary(tmp_path, dead_pid, namespace="01234567")
    earlier = tmp_path / f".tmp-{socket.gethostname()}-{dead_pid}-0123abcd"  # without a namespace
    earlier.write_bytes(b"half")
    for seconds, is_kept in ((80_000, True), (90_000, False)):
        for temporary in (other, earlier):
            _make_old(temporary, seconds)
        storage.remove_stale_temporaries(tmp_path)
        assert other.exists() == earlier.exists() == is_kept


@pytest.mark.parametrize("host", ["host-7", "host-{pid}", "host-{pid}-01234567"])
def test_digits_in_a_host_name_are_no_process(tmp_path, dead_pid, host):
    alive = _temporary(tmp_path, os.getpid(), host=host.format(pid=dead_pid))
    dead = _temporary(tmp_path, dead_pid, host=host.format(pid=os.getpid()))
    storage.remove_stale_temporaries(tmp_path)
    assert alive.exists() and not dead.exists()


def test_files_of_users_stay_however_old(tmp_path):
    theirs = tmp_path / ".tmp-notes"
    theirs.write_bytes(b"")
    _make_old(theirs, 1e6)
    storage.remove_stale_temporaries(tmp_path)
    assert theirs.exists()


def test_probe_folder_of_a_killed_check_is_removed(tmp_path, dead_pid):
    writer = f"{socket.gethostname()}-{dead_pid}-{machine.pid_namespace()}"
    (tmp_path / f".tmp-{writer}-probe").mkdir()
    storage.remove_stale_temporaries(tmp_path)
    assert os.listdir(tmp_path) == []


def test_absent_folder_has_no_temporaries(tmp_path):
    storage.remove_stale_temporaries(tmp_path / "absent")
    assert os.listdir(tmp_path) == []


def test_names_are_sorted_and_ignore_temporaries(tmp_path):
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
def test_file_in_the_way_is_refused_by_name(tmp_path, below):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError) as error:
        storage.check_writable("--workdir", tmp_path / "file" / below)
    assert str(error.value) == (
        f"--workdir: expected a writable folder, received {tmp_path / 'file' / below} "
        f"({tmp_path / 'file'} is not a folder)"
    )
    assert os.listdir(tmp_path) == ["file"]


def test_dangling_link_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="--workdir.*link is not a folder"):
        storage.check_writable("--workdir", tmp_path / "link")


def test_refusal_gives_the_reason_of_the_system(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(InputError, match=r"--workdir: .* \(Read-only file system\)"):
        storage.check_writable("--workdir", tmp_path)


def test_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    storage.write("~/file", b"home")
    assert (tmp_path / "file").read_bytes() == b"home"


def test_object_stores_are_not_local():
    assert storage.is_local("/tmp/study")
    assert storage.is_local("study")
    assert not storage.is_local("gs://bucket/study")
