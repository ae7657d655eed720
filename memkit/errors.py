"""The one exception for mistakes that the person who started memkit can mend."""

import errno

# What the system says of a full or read-only disk: the same will fail again.
NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class InputError(ValueError):
    """A wrong flag, config field, file or folder.

    The message is one line: the argument, what was expected, what was received. The command
    line prints it without a stack trace and exits with code 2.
    """


def expected(argument, expectation, received):
    """Returns the InputError that says `argument: expected ..., received ...`."""
    return InputError(f"{argument}: expected {expectation}, received {received}")
