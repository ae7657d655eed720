"""The studies that are damaged: a finished one, and one with a run amid its training."""

import json
import os
import pathlib
import shutil

from tests.fuzz import forks

CONFIG = pathlib.Path(__file__).with_name("tiny.py")
P, Q = "one_hot_epochs6", "one_hot_epochs2"
STUDENT, OTHER_STUDENT = "distilled_epochs6", "distilled_epochs2"
LINEAR, OTHER_LINEAR = "last_layer_epochs6", "last_layer_epochs2"
UNFINISHED = 11  # the run that the second study lacks at P
HERE = ["--devices=cpu", "--workers=1"]
REMOVAL = ["removal", "--workdir=study", "--repeats=1", "--thresholds=0.3", *HERE]
_FINISH = (["estimate", "--workdir=study"], REMOVAL, ["audit", "--workdir=study"])


def build(folder: pathlib.Path, *, is_whole: bool = True) -> None:
    """Makes finished/study, and other/study and unfinished/study where the world is to be whole.

    Raises:
      RuntimeError: a command failed; says what it printed.
    """
    _finish(folder / "finished", str(CONFIG))
    if is_whole:
        _finish(folder / "other", f"{CONFIG}:other")
        _interrupt(folder / "finished", folder / "unfinished")


def copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copies a folder by hard links; memkit writes no file in place."""
    shutil.copytree(source, target, copy_function=os.link)


def _finish(folder, config):
    folder.mkdir()
    _do(folder, ["train", f"--config={config}", "--workdir=study", *HERE])
    _do(folder, lambda: _write_stop())
    for words in _FINISH:
        _do(folder, words)


def _write_stop():
    from memkit import studies

    stop = {"wanted": 0.5, "half_width": 0.4, "runs": 12, "block": 4, "is_reached": True}
    studies.write_stop(studies.load("study"), stop)


def _interrupt(finished, folder):
    """Makes a study one of whose runs fails after its last checkpoint, and has an executor."""
    folder.mkdir()
    copy(finished / "study", folder / "study")
    for part in ("runs", "weights"):
        (folder / "study/points" / P / part / f"{UNFINISHED}.npz").unlink()
    shutil.rmtree(folder / "study/removal")
    _do(folder, _fail, code=1)
    for words in _FINISH:
        _do(folder, words)
    (folder / "study/workers").mkdir(exist_ok=True)
    state = {"host": "elsewhere", "process": 7, "time": forks.FROZEN}
    state |= {"started": forks.FROZEN - 10} | {"note": "1 workers", "shard": [0, 1], "finished": 3}
    state["blocks"] = [{"point": P, "runs": [UNFINISHED]}]
    (folder / "study/workers/elsewhere-7.json").write_text(json.dumps(state))


def _fail():
    from memkit.training import checkpoint, recording

    checkpoint.SECONDS = -1.0

    def arrays(*_):
        raise RuntimeError("made up")

    recording.outcome_arrays = arrays
    forks.main(["train", "--workdir=study", f"--points={P}", *HERE])


def _do(folder, task, code=0):
    body = task if callable(task) else lambda: forks.main(task)
    done = forks.call(body, folder / "study" if folder is None else folder)
    if done.code != code:
        raise RuntimeError(f"{task}: {done}")
