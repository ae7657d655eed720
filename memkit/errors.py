"""Errors that the user can fix, each with a message of one line.

Messages follow three patterns, built by `expected`, `unknown` (or `unknown_field`) and
`missing`.
"""

import difflib
import errno
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable

# Errors of a full or read-only disk: a second attempt fails in the same way.
NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)

_MOST_NAMES = 15  # valid names that a message lists


class InputError(ValueError):
    """A mistake in a flag, a config field, a file or a folder.

    The message is one line that begins with the name of the argument or file. The command line
    prints it without a stack trace and exits with code 2.
    """


class DamagedFileError(InputError):
    """A readable file whose content is damaged or is not what its name promises.

    Attributes:
      reason: what is wrong with it.
      remedy: what to do about it; "" if that depends on the caller.
    """

    def __init__(self, where: str | os.PathLike[str], reason: str, remedy: str = "") -> None:
        self.where, self.reason, self.remedy = os.fspath(where), reason, remedy
        super().__init__(f"{self.where}: {reason}" + (f"; {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[type["DamagedFileError"], tuple[str, str, str]]:
        return type(self), (self.where, self.reason, self.remedy)  # Workers send it to executors.


def expected(argument: str, expectation: str, received: object) -> InputError:
    """Returns an InputError for a value that does not meet an expectation.

    Examples:
      >>> expected("training.epochs", "a whole number of at least 1", 0)
      InputError('training.epochs: expected a whole number of at least 1, received 0')
    """
    return InputError(f"{argument}: expected {expectation}, received {received}")


def unknown(argument: str, name: object, valid: Iterable[str], *, kind: str = "name") -> InputError:
    """Returns an InputError for a value that is not one of the valid names.

    The message suggests the most similar valid name and lists the valid names, or the first of
    them if there are many.

    Args:
      argument: the flag or field whose value is the name.
      name: the unknown name; may be a value that is not a str.
      kind: the kind of name, such as "verb" or "point".

    Examples:
      >>> unknown("model.name", "restnet", ["mlp", "resnet"], kind="model")
      InputError("model.name: unknown model 'restnet'; did you mean 'resnet'? Known: mlp, resnet")
    """
    return _unknown(argument, f"unknown {kind} {name!r}", name, list(valid), repr)


def unknown_field(section: str, name: str, valid: Iterable[str]) -> InputError:
    """Returns an InputError for a field, or an option, that a section does not have.

    Args:
      section: the section, such as "model"; "" for the top level.
      valid: the fields that the section has.

    Examples:
      >>> unknown_field("model", "wdith", ["depth", "width"])
      InputError('model.wdith: unknown field; did you mean model.width? Known: depth, width')
    """
    prefix = f"{section}." if section else ""
    names = list(valid)
    return _unknown(f"{prefix}{name}", "unknown field", name, names, lambda hint: prefix + hint)


def missing(argument: str, what: str, remedy: str = "") -> InputError:
    """Returns an InputError for something that should be there but is not.

    Args:
      argument: the flag, field, file or folder where it should be.
      what: what is missing, without an article.
      remedy: what to do about it, as a clause of its own.

    Examples:
      >>> missing("dataset.path", "value")
      InputError('dataset.path: missing value')
      >>> missing("--workdir", "estimates in out/digits", "run `memkit estimate` first")
      InputError('--workdir: missing estimates in out/digits; run `memkit estimate` first')
    """
    return InputError(f"{argument}: missing {what}" + (f"; {remedy}" if remedy else ""))


def _unknown(
    argument: str, problem: str, name: object, valid: list[str], shown: Callable[[str], str]
) -> InputError:
    similar = _most_similar(name, valid) if isinstance(name, str) else None
    question = f"; did you mean {shown(similar)}?" if similar else "."
    known = ", ".join(valid[:_MOST_NAMES]) or "none"
    if len(valid) > _MOST_NAMES:
        known += f", ... ({len(valid):,} in all)"
    return InputError(f"{argument}: {problem}{question} Known: {known}")


def _most_similar(name: str, valid: list[str]) -> str | None:
    by_lower_case = {candidate.lower(): candidate for candidate in valid}
    matches = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    return by_lower_case[matches[0]] if matches else None


def install(extra: str) -> str:
    """Returns how to install an extra, as the end of a sentence.

    memkit is installed from a clone, because another project has its name on PyPI.

    Examples:
      >>> install("gpu")
      "`pip install -e '.[gpu]'` in your clone of memkit installs it"
    """
    return f"`pip install -e '.[{extra}]'` in your clone of memkit installs it"


def reason(error: BaseException) -> str:
    """Returns a short explanation of why a file could not be read or written.

    Examples:
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
