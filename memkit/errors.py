"""Errors that the person who started memkit can fix, and how they read in one line."""

import errno
import json
import os
import zipfile
import zlib

# What the system says of a full or read-only disk: trying again fails in the same way.
NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class InputError(ValueError):
    """A wrong flag, config field, file or folder.

    The message is one line: the argument, what was expected, what was received. The command
    line prints it without a stack trace and exits with code 2.
    """


class DamagedFileError(InputError):
    """A file that can be read but is not what its name says.

    Attributes:
      where: path of the file.
      reason: what is wrong with it.
      remedy: what to do about it; "" where the caller knows better.
    """

    def __init__(self, where: str | os.PathLike, reason: str, remedy: str = "") -> None:
        self.where, self.reason, self.remedy = os.fspath(where), reason, remedy
        super().__init__(f"{self.where}: {reason}" + (f"; {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.where, self.reason, self.remedy)  # It crosses processes.


def expected(argument: str, expectation: str, received: object) -> InputError:
    """Returns the InputError that says `argument: expected ..., received ...`."""
    return InputError(f"{argument}: expected {expectation}, received {received}")


def reason(error: BaseException) -> str:
    """Returns in a few words why a file could not be read or written.

    >>> reason(PermissionError(13, "Permission denied"))
    'Permission denied'
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not {error.encoding.upper()} text"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} in line {error.lineno}"
    if isinstance(error, (zipfile.BadZipFile, zlib.error, EOFError)):
        return f"damaged archive: {error}" if str(error) else "damaged archive"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
