"""One-line explanations of exceptions raised by the operating system and by libraries.

Only exceptions about files, memory, the network or installed packages are explained. Any other
exception is a bug in memkit or in the user's own code, and keeps its stack trace.
"""

import json
import lzma
import pickle
import re
import tarfile
import zipfile
import zlib
from typing import Any

from memkit.errors import NOT_WRITABLE, InputError, reason

# Exceptions that readers raise for damaged files.
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
# Positions in a graph, which TensorFlow adds to its messages.
_NODES = re.compile(r"\{\{.*?\}\} ?|/job:\S*?(?=device:)| ?\[Op:.*")
_DEVICE_REMEDY = (
    "try training.remat=true, a smaller training.batch_size, training.precision=bfloat16, a larger "
    "training.data_parallel, dataset.resident=false or fewer --workers per device"
)


def explained(error: BaseException) -> str | None:
    """Returns a one-line explanation of an exception, or None if the exception is a bug."""
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
    """Returns whether an exception of any library means that memory was exhausted."""
    kind, text = type(error).__name__, str(error)
    if isinstance(error, MemoryError) or kind == "ResourceExhaustedError":
        return True
    # Such as XlaRuntimeError of JAX and InternalError of TensorFlow.
    is_from_engine = type(error).__module__.partition(".")[0] in ("jax", "jaxlib", "tensorflow")
    return is_from_engine and any(word in text for word in _NO_DEVICE_MEMORY)


def _no_memory(error: BaseException) -> str:
    first_line = next(iter(str(error).strip().splitlines()), "")
    details = f" ({_NODES.sub('', first_line)})" if first_line else ""
    if isinstance(error, MemoryError):
        return f"this machine has too little memory{details}; try fewer --workers"
    return f"the device has too little memory{details}; {_DEVICE_REMEDY}"


def _of_system(error: OSError) -> str:
    """Returns "file: reason"; for a full or read-only disk, also that writing failed."""
    names = [name for name in (error.filename, error.filename2) if name is not None]
    where = " and ".join(map(_text, names))
    if error.errno in NOT_WRITABLE:
        where = where or "the output or a temporary file"
        return f"{where} cannot be written: {reason(error)}"
    return f"{where}: {reason(error)}" if where else reason(error)


def _text(name: Any) -> str:
    return name.decode(errors="surrogateescape") if isinstance(name, bytes) else str(name)


def _of_import(error: ImportError) -> str | None:
    """Returns an explanation if a package is missing or broken, None if the package is memkit."""
    package = (error.name or "").partition(".")[0]
    if package == "memkit":
        return None
    return f"{package or 'a package'} cannot be imported: {error}"
