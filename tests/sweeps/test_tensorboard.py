"""Event files of the curves of finished runs, read back by TensorBoard."""

import functools
import importlib.util
import subprocess
import sys
import time

import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator

from memkit import studies
from memkit.errors import InputError
from memkit.sweeps import tensorboard
from memkit.training import loop
from tests.sweeps import fake_work, small_study, sweeping


def _read(folder):
    """Returns ({tag: values}, steps, wall times) of a folder with an event file."""
    accumulator = event_accumulator.EventAccumulator(str(folder))
    accumulator.Reload()
    scalars = {tag: accumulator.Scalars(tag) for tag in accumulator.Tags()["scalars"]}
    values = {tag: [event.value for event in events] for tag, events in scalars.items()}
    if not scalars:
        return values, [], []
    steps, times = zip(*((e.step, e.wall_time) for e in scalars["loss"]), strict=True)
    return values, list(steps), list(times)


def _finish(study, run, *, steps):
    """Writes a record of the first point, and its event file; returns the folder of the latter."""
    (point, *_), folder = study.points, study.workdir / "logs"
    info = fake_work.info(seconds=4.0) | {"steps": steps}
    studies.write_record(study, point, run, fake_work.arrays(study, point, run), info)
    tensorboard.write(folder, study, point.name, run)
    return folder / point.name / str(run)


def _steps_per_epoch(study):
    return loop.steps_per_epoch(study, study.points[0], 0)


def test_every_finished_run_has_its_curve_in_a_folder_of_its_own(tmp_path):
    study = small_study.make(tmp_path / "study")
    write = functools.partial(tensorboard.write, tmp_path / "logs", study)
    work = functools.partial(_with_steps, steps=2 * _steps_per_epoch(study))
    assert sweeping.execute(study, work, finished=write) == ([], {})
    for point in study.points:
        runs = studies.read_runs(study, point, ("curve",))
        assert len(runs.index) == 20
        for run, curve in zip(runs.index, runs.arrays["curve"], strict=True):
            values, steps, _ = _read(tmp_path / "logs" / point.name / str(run))
            assert steps == [0, 1]
            assert list(values) == ["loss", "accuracy", "learning_rate"]
            np.testing.assert_array_equal(np.transpose(list(values.values())), curve)


def _with_steps(study, point, runs, *, steps):
    for run, arrays, info in fake_work.draw(study, point, runs):
        yield run, arrays, info | {"steps": steps}


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_only_epochs_that_were_trained_are_written(tmp_path, epochs):
    """None of a run that is blocked, one of a run that stopped after the first of two."""
    study = small_study.make(tmp_path / "study")
    _, steps, _ = _read(_finish(study, 3, steps=epochs * _steps_per_epoch(study)))
    assert steps == list(range(epochs))


def test_the_wall_time_of_a_run_is_divided_into_its_epochs(tmp_path):
    study = small_study.make(tmp_path / "study")
    before = time.time()
    _, _, times = _read(_finish(study, 3, steps=2 * _steps_per_epoch(study)))
    assert times[1] - times[0] == pytest.approx(2.0, abs=1e-3)
    assert before <= times[1] <= time.time()


def test_a_run_that_is_trained_again_replaces_its_file(tmp_path):
    study = small_study.make(tmp_path / "study")
    for _ in range(2):
        folder = _finish(study, 3, steps=2 * _steps_per_epoch(study))
    assert [path.name for path in folder.iterdir()] == [tensorboard.FILE]
    assert _read(folder)[1] == [0, 1]


def test_without_the_package_one_line_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"^--tensorboard: .*pip install -e '.\[tensorboard\]'"):
        tensorboard.check(tmp_path)


_WRITE = """
import sys
import numpy as np
from memkit.sweeps import tensorboard
assert tensorboard.events(np.ones((2, 3)), ended=9.0, seconds=4.0)
print(*{name.partition(".")[0] for name in sys.modules} & {"tensorflow", "jax", "keras", "torch"})
"""


def test_writing_curves_imports_no_engine():
    done = subprocess.run([sys.executable, "-c", _WRITE], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
