"""Terminal output in which text from other people's files cannot control the terminal."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from memkit.printable import printable

# What TensorFlow logs while it is imported, before any setting of its own takes effect.
_STARTUP_LOG = re.compile(
    rb"[IWE]0000 00:00:\d+|\d{4}-\d\d-\d\d [\d:.]+: [IWE] \w|"
    rb"To enable the following instructions: |WARNING: All log messages before absl::InitializeLog"
)


class Guarded:
    """A text stream that escapes every control character except line feeds."""

    def __init__(self, stream: TextIO) -> None:
        self.unguarded = stream

    def write(self, text: str) -> int:
        """Writes text and returns its length before escaping."""
        self.unguarded.write("\n".join(map(printable, text.split("\n"))))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes several lines, which include their line feeds."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


def guard_output() -> None:
    """Guards the standard output and standard error of this process, unless they are closed.

    Characters that the encoding of a stream cannot represent are escaped instead of raising an
    error.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, Guarded):
            continue
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, Guarded(stream))


def control(stream: TextIO | Guarded, text: str) -> None:
    """Writes control characters that memkit itself needs, such as a carriage return."""
    (stream.unguarded if isinstance(stream, Guarded) else stream).write(text)


@contextlib.contextmanager
def without_startup_logs() -> Iterator[None]:
    """Leaves out what TensorFlow logs when the block imports it.

    Native code writes it to file descriptor 2. All else that is written there meanwhile appears
    when the block ends.
    """
    try:
        original = os.dup(2)
    except OSError:  # There is no error stream.
        yield
        return
    with tempfile.TemporaryFile() as file:
        _flush_errors()
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            _flush_errors()
            os.dup2(original, 2)
            os.close(original)
            file.seek(0)
            kept = b"".join(line for line in file if not _STARTUP_LOG.match(line))
            with contextlib.suppress(OSError):
                os.write(2, kept)


def _flush_errors() -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # Closed, or None.
        sys.stderr.flush()
