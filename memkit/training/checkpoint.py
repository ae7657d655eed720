"""How far runs are, kept on disk after an epoch where they take long, so that killed ones go on."""

import dataclasses
import time

import numpy as np

from memkit import studies
from memkit.training.history import History

SECONDS = 300.0  # between two checkpoints; shorter runs have none


@dataclasses.dataclass
class Progress:
    """How far the training of one run is.

    Attributes:
      curve: [epochs, 3] float32, mean objective in nats, mean accuracy and last rate of each epoch,
        NaN for epochs after a non-finite loss.
      history: History.
      steps: done before a non-finite loss.
      is_alive: False after a non-finite loss.
      before: seconds of wall time that it took in processes that ended.
      is_kept: True where a checkpoint is on disk.
    """

    curve: np.ndarray
    history: History
    steps: int = 0
    is_alive: bool = True
    before: float = 0.0
    is_kept: bool = False

    @classmethod
    def of(cls, num_examples, num_epochs):
        """Returns that of a run before its first epoch."""
        curve = np.full((num_epochs, 3), np.nan, np.float32)
        return cls(curve, History(num_examples, num_epochs))

    def add(self, epoch, plan, said):
        """Adds what the steps of one epoch said."""
        self.curve[epoch] = said.objective.mean(), said.correct.mean(), plan.rate[-1]
        self.steps += len(plan.rate)
        self.is_alive = bool(np.isfinite(said.objective).all())
        if self.is_alive:
            self.history.add(epoch, plan.index, said)


class Keeper:
    """Keeps the runs of one pack on disk, at most every `SECONDS`."""

    def __init__(self, program, study, point, runs, *, engine):
        """Starts its clock.

        Args:
          program: the Program that trains them.
          study: Study.
          point: Point.
          runs: indices of the runs; one may stand in for missing ones.
          engine: name of the engine, whose states no other one can take.
        """
        self._program, self._study, self._point = program, study, point
        self._runs, self._engine = runs, engine
        self._started = self._last = time.monotonic()

    def resume(self, progress):
        """Puts the runs where they were; returns the epochs that are done.

        That is nothing unless all runs were kept after the same epoch by the same engine.

        Args:
          progress: Progress of each run, fresh.
        """
        found = [studies.checkpoints.read(self._study, self._point, run) for run in self._runs]
        if None in found:
            return 0
        if {str(arrays["engine"]) for arrays in found} != {self._engine}:
            return 0
        epochs = {int(arrays["epochs"]) for arrays in found}
        if len(epochs) > 1:
            return 0
        self._program.restore([_values(arrays) for arrays in found])
        for one, arrays in zip(progress, found, strict=True):
            one.curve[:] = arrays["curve"]
            one.steps, one.is_alive = int(arrays["steps"]), bool(arrays["is_alive"])
            one.before, one.is_kept = float(arrays["seconds"]), True
            one.history.restore(arrays)
        return epochs.pop()

    def keep(self, progress, epochs):
        """Writes how far the runs are after some epochs, if the last time was long enough ago."""
        if time.monotonic() - self._last < SECONDS:
            return
        share = (time.monotonic() - self._started) / len(self._runs)
        states = self._program.state()
        by_run = dict(zip(self._runs, zip(states, progress, strict=True), strict=True))
        for run, (values, one) in by_run.items():
            arrays = {f"v{place:05d}": value for place, value in enumerate(values)}
            arrays |= {name: getattr(one, name) for name in ("curve", "steps", "is_alive")}
            arrays |= {"seconds": one.before + share, "epochs": epochs, "engine": self._engine}
            arrays |= one.history.state()
            studies.checkpoints.write(self._study, self._point, run, arrays)
        for one in progress:
            one.is_kept = True
        self._last = time.monotonic()


def _values(arrays):
    return [arrays[name] for name in sorted(arrays) if name[0] == "v" and name[1:].isdigit()]
