"""Checkpoints of runs that take long, so that a killed run resumes after its last kept epoch."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from memkit import studies
from memkit.studies.points import Point
from memkit.studies.study import Study
from memkit.training import engines
from memkit.training.history import History
from memkit.training.plan import EpochPlan
from memkit.typing import Array, FloatArray

SECONDS = 300.0  # Minimum time between two checkpoints; shorter runs have none.


@dataclasses.dataclass
class Progress:
    """Progress of the training of one run.

    Attributes:
      curve: [epochs, 3] float32, mean objective in nats, mean accuracy and last rate of each epoch,
        NaN for epochs after a non-finite loss; see `end`.
      history: per-example sums over the steps, or None if they are not recorded.
      steps: number of steps up to the end of the epoch with a non-finite loss, or of all steps.
      is_alive: False after a non-finite loss.
      seconds_before: wall time spent on the run by earlier processes.
      is_kept: True if a checkpoint is on disk.
    """

    curve: FloatArray
    history: History | None
    steps: int = 0
    is_alive: bool = True
    seconds_before: float = 0.0
    is_kept: bool = False

    @classmethod
    def new(cls, num_epochs: int, history: History | None) -> Self:
        """Returns the progress of a run before its first epoch."""
        return cls(np.full((num_epochs, 3), np.nan, np.float32), history)

    def add(self, epoch: int, plan: EpochPlan, steps: engines.Steps) -> None:
        """Adds the outcomes of the steps of one epoch, except to the history."""
        self.curve[epoch] = steps.objective.mean(), steps.correct.mean(), plan.rate[-1]
        self.steps += len(plan.rate)
        self.is_alive = bool(np.isfinite(steps.objective).all())

    def end(self, epoch: int) -> None:
        """Ends the run after an epoch, whose row the rest of the curve repeats."""
        self.curve[epoch + 1 :] = self.curve[epoch]


class Keeper:
    """Writes checkpoints of the runs of one pack, one every `SECONDS`, and reads them back."""

    def __init__(
        self,
        program: engines.Program,
        study: Study,
        point: Point,
        runs: Sequence[int],
        *,
        engine: str,
    ) -> None:
        """Creates a keeper; the time to the first checkpoint counts from now.

        Args:
          runs: indices of the runs; an index may occur several times to fill up the pack.
          engine: name of the engine; no other engine can read its states.
        """
        self._program, self._study, self._point = program, study, point
        self._runs, self._engine = runs, engine
        self._started, self._last = time.perf_counter(), time.monotonic()

    def resume(self, progress: Sequence[Progress]) -> int:
        """Restores the runs from their checkpoints and returns the number of finished epochs.

        Nothing is restored, and 0 returned, unless all runs have a checkpoint of the same epoch
        written by the same engine.

        Args:
          progress: new Progress of each run, updated in place.
        """
        checkpoints: list[dict[str, Array]] = []
        for run in self._runs:
            arrays = studies.checkpoints.read(self._study, self._point, run)
            if arrays is None or str(arrays["engine"]) != self._engine:
                return 0
            checkpoints.append(arrays)
        epochs = {int(arrays["epochs"]) for arrays in checkpoints}
        if len(epochs) > 1:
            return 0
        self._program.restore([_state(arrays) for arrays in checkpoints])
        for run_progress, arrays in zip(progress, checkpoints, strict=True):
            run_progress.curve[:] = arrays["curve"]
            run_progress.steps = int(arrays["steps"])
            run_progress.is_alive = bool(arrays["is_alive"])
            run_progress.seconds_before = float(arrays["seconds"])
            run_progress.is_kept = True
            if run_progress.history is not None:
                run_progress.history.restore(arrays)
        return epochs.pop()

    def is_due(self) -> bool:
        """Returns whether the last checkpoint is at least `SECONDS` old."""
        return time.monotonic() - self._last >= SECONDS

    def keep(self, progress: Sequence[Progress], epochs: int) -> None:
        """Writes a checkpoint of each run, whose history must be that of all these epochs."""
        seconds = (time.perf_counter() - self._started) / len(self._runs)
        states = self._program.state()
        by_run = dict(zip(self._runs, zip(states, progress, strict=True), strict=True))
        for run, (state, run_progress) in by_run.items():
            arrays = {f"v{index:05d}": array for index, array in enumerate(state)}
            arrays |= {
                "curve": run_progress.curve,
                "steps": np.asarray(run_progress.steps),
                "is_alive": np.asarray(run_progress.is_alive),
                "seconds": np.asarray(run_progress.seconds_before + seconds),
                "epochs": np.asarray(epochs),
                "engine": np.asarray(self._engine),
            }
            if run_progress.history is not None:
                arrays |= run_progress.history.state()
            studies.checkpoints.write(self._study, self._point, run, arrays)
        for run_progress in progress:
            run_progress.is_kept = True
        self._last = time.monotonic()


def _state(arrays: Mapping[str, Array]) -> engines.Values:
    """Returns the arrays of a program's state from those of a checkpoint."""
    return [arrays[name] for name in sorted(arrays) if name[0] == "v" and name[1:].isdigit()]
