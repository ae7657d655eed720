import errno
import json
import os
import zipfile
import zlib

import numpy as np
import pytest

from memkit import storage
from memkit.errors import InputError
from memkit.system_errors import explained, is_out_of_memory


def raised(function, *arguments):
    """Returns the exception that a function raises."""
    with pytest.raises(BaseException) as error:
        function(*arguments)
    return error.value


def exception(module, name, text):
    """Returns an exception of a class of another package, which need not be installed."""
    return type(name, (RuntimeError,), {"__module__": module})(text)


def test_system_errors_name_their_files(tmp_path):
    (tmp_path / "file").write_text("")
    assert explained(raised(open, tmp_path)) == f"{tmp_path}: Is a directory"
    assert explained(raised(open, tmp_path / "none")) == f"{tmp_path / 'none'}: " + (
        "No such file or directory"
    )
    message = explained(raised((tmp_path / "none").rename, tmp_path / "new"))
    assert message == f"{tmp_path / 'none'} and {tmp_path / 'new'}: No such file or directory"
    assert explained(PermissionError(errno.EACCES, "Permission denied", b"/a\xff")) == (
        "/a\udcff: Permission denied"
    )


def test_a_full_disk_is_reported_as_a_failed_write():
    assert explained(OSError(errno.ENOSPC, "No space left on device", "/a")) == (
        "/a cannot be written: No space left on device"
    )


def test_text_that_cannot_be_read_or_written_is_explained():
    assert explained(raised(b"ab\xff".decode)) == "byte 2 is not UTF-8 text"
    assert explained(raised("a\udcffb".encode)).startswith("'\\udcff' cannot be written as UTF-8")


@pytest.mark.parametrize(
    "error",
    [
        raised(zlib.decompress, b"none"),
        raised(json.loads, "{"),
        zipfile.BadZipFile("File is not a zip file"),
        EOFError("Ran out of input"),
        InputError("a line"),
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        exception("gcsfs.retry", "HttpError", "Invalid bucket name"),
        exception("google.auth.exceptions", "DefaultCredentialsError", "not found"),
        exception("botocore.exceptions", "NoCredentialsError", "Unable to locate credentials"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_damaged_files_and_network_errors_are_explained_in_one_line(error):
    assert explained(error)
    assert len(explained(error).splitlines()) == 1


@pytest.mark.parametrize(
    "error",
    [TypeError("x"), ValueError("x"), KeyError("x"), AttributeError("x"), RuntimeError("x")],
    ids=lambda error: type(error).__name__,
)
def test_bugs_keep_their_stack_trace(error):
    assert explained(error) is None


def test_a_missing_package_is_named_but_a_missing_memkit_module_is_a_bug():
    missing = ModuleNotFoundError("No module named 'gone'", name="gone.part")
    assert explained(missing) == "gone cannot be imported: No module named 'gone'"
    assert explained(ImportError("cannot import name", name="memkit.cli")) is None


@pytest.mark.parametrize(
    "error",
    [
        exception(
            "tensorflow.python.framework.errors_impl",
            "ResourceExhaustedError",
            "{{function_node f}} OOM when allocating tensor on /job:localhost/task:0/device:GPU:0"
            " by allocator GPU_0_bfc [Op:MatMul]",
        ),
        exception("jax.errors", "JaxRuntimeError", "RESOURCE_EXHAUSTED: Out of memory\nmore"),
        exception("tensorflow.python", "InternalError", "CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exhausted_device_memory_gets_advice(error):
    line = explained(error)
    assert is_out_of_memory(error)
    for word in ("batch_size", "bfloat16", "data_parallel", "dataset.resident=false"):
        assert word in line
    assert not any(word in line for word in ("{{", "/job", "[Op", "\n"))


def test_an_exhausted_machine_memory_is_explained_with_the_requested_size():
    error = raised(np.zeros, (10**6, 10**6, 100))
    assert is_out_of_memory(error)
    assert "Unable to allocate 728. TiB" in explained(error)
    assert not is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED in a book title"))


def test_an_input_error_of_the_disk_names_the_file(tmp_path, monkeypatch):
    file = tmp_path / "0.npz"
    file.write_bytes(b"data")
    path = type(storage.path(file))
    monkeypatch.setattr(path, "read_bytes", lambda _: fail(OSError(errno.EIO, "input")))
    line = explained(raised(storage.read, file))
    assert line == f"{file}: {os.strerror(errno.EIO)}"


def fail(error):
    raise error
