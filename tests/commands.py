"""Runs `memkit` commands in forks of one process that has imported their modules already.

Each command is a process of its own, with its own exit code, output, environment and modules, but
does not spend a second on imports. No engine is imported beforehand.
"""

import atexit
import contextlib
import dataclasses
import gc
import importlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

from tests.fuzz.forks import drop_privileges

ROOT = pathlib.Path(__file__).parents[1]
ENGINES = ("tensorflow", "keras", "jax")
# What the modules of the verbs import. They themselves define flags, so each fork imports one.
MODULES = (
    "memkit.analysis.audit.text",
    "memkit.analysis.across_text",
    "memkit.analysis.exports",
    "memkit.configs.common",
    "memkit.data.digits",
    "memkit.launch.flags",
    "memkit.launch.stages",
    "memkit.launch.values",
    "memkit.models.mlp",
    "memkit.models.resnet",
    "memkit.report.chart_files",
    "memkit.report.gather",
    "memkit.studies.merge",
    "memkit.studies.verify",
    "memkit.sweeps.costs",
    "memkit.sweeps.retrain",
    "memkit.sweeps.status",
    "memkit.tpu_check.check",
    "sklearn.datasets",
    "sklearn.model_selection",
)


@dataclasses.dataclass(frozen=True)
class Result:
    """How a command ended.

    Attributes:
      code: exit code.
      out, err: text of the output and of the error stream.
      engines: the modules of ENGINES that the process of the command imported.
    """

    code: int
    out: str
    err: str
    engines: tuple[str, ...] = ()


class Commands:
    """Runs commands one after another, see `run`."""

    def __init__(self):
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.commands"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *args, cwd=None, is_root=True):
        """Runs `memkit ARGS` to its end; returns its Result.

        Args:
          *args: words of the command.
          cwd: the working directory.
          is_root: False takes from the superuser the right to read and write everything.
        """
        with tempfile.TemporaryDirectory() as folder:
            request = {
                "args": list(map(str, args)),
                "cwd": str(cwd or os.getcwd()),
                "environment": dict(os.environ),
                "folder": folder,
                "is_root": is_root,
            }
            print(json.dumps(request), file=self._server.stdin, flush=True)
            code = int(self._server.stdout.readline())
            out, err, engines = (
                (pathlib.Path(folder) / name).read_text() for name in ("out", "err", "engines")
            )
        return Result(code, out, err, tuple(engines.split()))

    def close(self):
        self._server.communicate()


def _next_command():
    """Forks for every line of standard input; returns its request in the fork, None at the end."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            return request
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def _become(request):
    """Gives this process what `python -m memkit.cli ARGS` would have been started with."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    if "PYTHONPATH" in os.environ:
        sys.path[1:1] = os.environ["PYTHONPATH"].split(os.pathsep)
    sys.path[0] = request["cwd"]
    sys.argv = ["memkit", *request["args"]]
    for number, name in enumerate((os.devnull, "out", "err")):
        file = os.open(os.path.join(request["folder"], name), os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    if not request["is_root"] and not os.geteuid():
        drop_privileges()
    # Worker processes import the main module of their parent.
    sys.modules["__main__"].__spec__ = importlib.util.find_spec("memkit.cli")


def _execute(args):
    """Runs the command; returns the exit code with which Python would end."""
    try:
        importlib.import_module("memkit.cli").main(args)
    except SystemExit as stop:
        return stop.code
    except BaseException:
        traceback.print_exc()
        return 1


def _exit(code):
    """Ends this process as Python does, but without clearing every module, which takes a second."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError):
            stream.flush()
    os._exit(code)


def main():
    for name in MODULES:
        module = importlib.import_module(name)
        # Some are imported at their first use.
        dir(module)
    # Altair checks a specification when it is complete, and not each of its parts before.
    importlib.import_module("altair.utils.schemapi").disable_debug_mode()
    gc.freeze()  # The collector of a fork would copy the memory of all that is imported.
    request = _next_command()
    if request is None:
        return
    _become(request)
    code = _execute(request["args"])
    engines = " ".join(set(ENGINES) & set(sys.modules))
    pathlib.Path(request["folder"], "engines").write_text(engines)
    _exit(code)


if __name__ == "__main__":
    main()
