"""Runs `memkit` commands in forks of one process that has loaded everything once.

Importing takes seconds, a fork some milliseconds. The process must not have started an engine, and
nothing that starts threads may be called in it.
"""

import contextlib
import ctypes
import dataclasses
import importlib
import json
import multiprocessing
import os
import pathlib
import pkgutil
import signal
import sys
import time
import traceback

SECONDS = 300  # of one command; only one that hangs forever takes as long
FROZEN = 1.0e9  # what every clock says that gets into files: they are compared
THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "CUDA_VISIBLE_DEVICES": "",
}
# Verbs define flags, and one process has one engine.
_NOT_LOADED = (
    "memkit.launch",
    "memkit.configs",
    "memkit.training.engines.jax",
    "memkit.tpu_check",  # It imports the JAX engine.
)
# Packages that commands import when they need them.
_LATER = (
    "altair",
    "keras",
    "ml_collections.config_flags",
    "pyarrow.csv",
    "pyarrow.parquet",
    "scipy.special",
    "scipy.stats",
    "sklearn.datasets",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "tensorflow",
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What a command printed and how it ended; `code` is None where it was stopped for hanging."""

    code: int | None
    out: str
    err: str


def load() -> None:
    """Imports everything but the verbs, which define flags, and makes a command cheap.

    Charts are not drawn: the numbers that go into them take their place. Analyses resample less.
    """
    import memkit

    for module in pkgutil.walk_packages(memkit.__path__, "memkit."):
        if not module.name.startswith(_NOT_LOADED):
            importlib.import_module(module.name)
    for name in _LATER:
        importlib.import_module(name)
    _resample_less()
    _draw_nothing()


def run(words: list[str], folder: pathlib.Path, *, is_root: bool = True) -> Result:
    """Runs one command in a folder.

    Args:
      words: after `memkit`.
      folder: the working directory; what the command prints goes into files beside it.
      is_root: False takes the capability to read and write everything from the superuser.
    """
    return call(lambda: main(words), folder, is_root=is_root)


def call(
    body, folder: pathlib.Path, *, is_root: bool = True, killed_after: float | None = None
) -> Result:
    """Calls a function in a fork, in a folder.

    Args:
      body: function without arguments; the exit code is what it exits with, or 0.
      folder: the working directory.
      is_root: see `run`.
      killed_after: seconds of wall time after which the fork and its workers are killed, or None.

    Returns:
      Result; the code is -9 where the fork was killed.
    """
    printed = [folder.with_name(f"{folder.name}.{name}") for name in ("out", "err")]
    pid = os.fork()
    if not pid:
        _child(body, folder, printed, is_root)
    code = _wait(pid, killed_after)
    texts = [file.read_text(errors="backslashreplace") for file in printed]
    for file in printed:
        file.unlink()
    return Result(code, *texts)


def _child(body, folder, printed, is_root):
    code = 70
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        for number, file in enumerate(printed, 1):
            opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            os.dup2(opened, number)
            os.close(opened)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False, buffering=1)  # noqa: SIM115
        if not is_root:
            drop_privileges()
        _freeze_clocks()
        body()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, OSError):
                stream.flush()
        os._exit(code)


def _wait(pid, killed_after):
    """Returns the exit code of a child, None where it had to be killed for hanging."""
    started, pause = time.monotonic(), 0.002
    limit = SECONDS if killed_after is None else killed_after
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        is_late = time.monotonic() > started + limit
        if done or is_late:
            with contextlib.suppress(ProcessLookupError):  # Workers may live on for a moment.
                os.killpg(pid, signal.SIGKILL)
        if done:
            return os.waitstatus_to_exitcode(status)
        if is_late:
            os.waitpid(pid, 0)
            return None if killed_after is None else -signal.SIGKILL
        time.sleep(pause)
        pause = min(0.05, pause * 1.5)


def main(words: list[str]) -> None:
    """Runs a command in this process, which it ends."""
    from memkit import cli

    sys.argv = ["memkit", *words]
    cli.main(words)


def _freeze_clocks():
    """Makes repeated commands write the same times; workers are forks, so it holds for them."""
    time.perf_counter = lambda: 0.0
    time.time = lambda: FROZEN
    fork = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda method=None: fork


def drop_privileges() -> None:
    """Takes from the superuser what lets it open files of any mode; others never had it."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    for number in (0, 1, 2):  # effective, permitted, inheritable; bits 1 and 2 are what goes
        sets[number] &= ~0b110
    for capability in (1, 2):
        libc.prctl(24, capability, 0, 0, 0)  # From the bounding set, so that no exec regains it.
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


class _Undrawn:
    """Stands for a chart: keeps what it was to show."""

    def __init__(self, name, shown):
        self.description, self._shown = name, shown

    def to_dict(self):
        return {
            "chart": self.description,
            "shows": json.loads(json.dumps(self._shown, default=str)),
        }

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: self


def _draw_nothing():
    import memkit.charts
    from memkit.charts import lines
    from memkit.report import assets

    def undrawn(name):
        return lambda *shown, **options: _Undrawn(name, [*shown, options])

    for name, module in sys.modules.items():
        is_of_question = name.startswith("memkit.analysis.") and name.endswith("chart")
        if is_of_question or name.startswith("memkit.charts."):
            for function, value in list(vars(module).items()):
                if callable(value) and (function == "chart" or function.endswith("_chart")):
                    setattr(module, function, undrawn(f"{name}.{function}"))
    lines.against_size = lines.by_series = undrawn("lines")

    def images(spec, formats=memkit.charts.USUAL):
        return {kind: json.dumps(spec, sort_keys=True).encode() for kind in formats}

    memkit.charts.images = images
    assets.bundle = str


def _resample_less():
    from memkit.analysis import across
    from memkit.analysis.proxies import estimate as proxies
    from memkit.estimators import convergence, reliability
    from memkit.proxies import leaderboard

    proxies.NUM_SPLITS, proxies.NUM_REPLICATES = 1, 4
    across.NUM_REPLICATES = 4
    leaderboard.SINGLE_RUNS = 1
    convergence.SPLITS = 2
    convergence.agreements.__defaults__ = (2,)
    reliability.run_weights.__defaults__ = (8,)
