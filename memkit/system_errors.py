"""Exceptions of the system and of libraries, explained in one line to the person at the terminal.

What is explained here is a matter of files, memory or installed packages. Any other exception is a
bug of memkit or of the user's own code, and keeps its stack trace.
"""

import json
import lzma
import pickle
import re
import tarfile
import zipfile
import zlib

from memkit.errors import NOT_WRITABLE, InputError, reason

# What readers of damaged files raise.
_DAMAGED = (
    *(json.JSONDecodeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, tarfile.TarError),
    *(pickle.UnpicklingError, EOFError),
)
# Packages whose exceptions are about the network or credentials.
_OUTSIDE = (
    *("aiohttp", "adlfs", "azure", "botocore", "fsspec", "gcsfs", "google", "requests", "s3fs"),
    "urllib3",
)
_NO_DEVICE_MEMORY = (
    *("RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY", "CUDNN_STATUS_ALLOC_FAILED"),
    *("CUBLAS_STATUS_ALLOC_FAILED", "Dst tensor is not initialized"),
)
# What TensorFlow adds to a sentence: where in a graph it happened.
_NODES = re.compile(r"\{\{.*?\}\} ?|/job:\S*?(?=device:)| ?\[Op:.*")
_DEVICE_REMEDY = (
    "a smaller training.batch_size, training.precision=bfloat16, a larger training.data_parallel, "
    "dataset.resident=false or fewer --workers on a device need less"
)


def explained(error: BaseException) -> str | None:
    """Returns the line that explains an exception, or None where it has to be taken for a bug."""
    if isinstance(error, InputError):
        return str(error)
    if is_out_of_memory(error):
        return _no_memory(error)
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, UnicodeEncodeError):
        characters = error.object[error.start : error.end]
        return f"{characters!a} cannot be written as {error.encoding.upper()} text: {error.reason}"
    if isinstance(error, (UnicodeError, *_DAMAGED)):
        return reason(error)
    if isinstance(error, ImportError):
        return _of_import(error)
    if type(error).__module__.partition(".")[0] in _OUTSIDE:
        return reason(error)
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether the machine or a device had too little memory, whichever library says so."""
    kind, text = type(error).__name__, str(error)
    if isinstance(error, MemoryError) or kind == "ResourceExhaustedError":
        return True
    # XlaRuntimeError of JAX, InternalError of TensorFlow.
    is_of_engine = type(error).__module__.partition(".")[0] in ("jax", "jaxlib", "tensorflow")
    return is_of_engine and any(word in text for word in _NO_DEVICE_MEMORY)


def _no_memory(error: BaseException) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    first = f" ({_NODES.sub('', first)})" if first else ""
    if isinstance(error, MemoryError):
        return f"this machine has too little memory{first}; fewer --workers need less"
    return f"the device has too little memory{first}; {_DEVICE_REMEDY}"


def _of_system(error: OSError) -> str:
    """Returns "file: reason", with what failed where the reason alone does not say it."""
    names = [name for name in (error.filename, error.filename2) if name is not None]
    where = " and ".join(str(_text(name)) for name in names)
    if error.errno in NOT_WRITABLE:
        where = where or "the output or a temporary file"
        return f"{where} cannot be written: {reason(error)}"
    return f"{where}: {reason(error)}" if where else reason(error)


def _text(name: object) -> object:
    return name.decode(errors="surrogateescape") if isinstance(name, bytes) else name


def _of_import(error: ImportError) -> str | None:
    """Returns the line about a package that is missing or broken, None where it is memkit's."""
    package = (error.name or "").partition(".")[0]
    if package == "memkit":
        return None
    return f"{package or 'a package'} cannot be imported: {error}"
