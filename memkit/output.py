"""What memkit prints: text from other people's files cannot act upon the terminal."""

import sys
import typing

from memkit.printable import printable


class Guarded:
    """A text stream that escapes every control character except the end of a line.

    Attributes:
      unguarded: the stream that is written to.
    """

    def __init__(self, stream: typing.TextIO) -> None:
        self.unguarded = stream

    def write(self, text: str) -> int:
        """Writes text; returns its length before anything was escaped."""
        self.unguarded.write("\n".join(map(printable, text.split("\n"))))
        return len(text)

    def writelines(self, lines: typing.Iterable[str]) -> None:
        """Writes several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self.unguarded, name)


def guard_output() -> None:
    """Guards the standard output and error of this process; a closed one stays closed.

    Characters that the encoding of a stream lacks are escaped too, rather than raise an error.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, Guarded):
            continue
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, Guarded(stream))


def control(stream: typing.TextIO, text: str) -> None:
    """Writes control characters of memkit's own, such as a carriage return, to a stream."""
    (stream.unguarded if isinstance(stream, Guarded) else stream).write(text)
