"""Terminal output in which text from other people's files cannot control the terminal."""

import sys
from collections.abc import Iterable
from typing import Any, TextIO

from memkit.printable import printable


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
