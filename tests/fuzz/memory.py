"""Remembers what slow functions on arrays return: most cells ask for the same numbers again."""

import functools
import hashlib
import io
import os
import pathlib
import pickle
import sys
import types

# Pure, by the floors of the architecture.
_SLOW = (
    "memkit.comparisons.errors.agreement",
    "memkit.estimators.convergence.agreements",
    "memkit.estimators.influence.pairs",
    "memkit.proxies.canaries.proxy_aurocs",
    "memkit.proxies.canaries.scores",
    "memkit.proxies.leaderboard.board",
    "memkit.proxies.leaderboard.standard_errors",
    "memkit.trajectories.null.change_test",
)


def remember(folder: pathlib.Path) -> None:
    """Makes this process and its forks share the results of slow functions in a folder."""
    folder.mkdir(exist_ok=True)
    for name in _SLOW:
        module, _, function = name.rpartition(".")
        original = getattr(sys.modules[module], function)
        remembered = _remembering(original, folder)
        for other in [m for n, m in sys.modules.items() if n.startswith("memkit.")]:
            for attribute, value in list(vars(other).items()):
                if value is original:
                    setattr(other, attribute, remembered)


def _remembering(function, folder):
    @functools.wraps(function)
    def call(*arguments, **options):
        path = folder / _key([function.__qualname__, arguments, options])
        if path.exists():
            return pickle.loads(path.read_bytes())
        result = function(*arguments, **options)
        temporary = folder / f"{os.getpid()}.tmp"
        temporary.write_bytes(pickle.dumps(result))
        temporary.rename(path)
        return result

    return call


class _Contents(pickle.Pickler):
    """Writes a function as its code and what it closes over."""

    def reducer_override(self, value):
        if isinstance(value, types.FunctionType):
            closed = [cell.cell_contents for cell in value.__closure__ or ()]
            return list, ([value.__qualname__, value.__code__.co_code, closed],)
        return NotImplemented


def _key(value):
    buffer = io.BytesIO()
    _Contents(buffer).dump(value)
    return hashlib.sha256(buffer.getvalue()).hexdigest()
