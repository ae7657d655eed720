"""Trains the runs of a study and hands over their records."""

import time
from collections.abc import Iterator, Sequence

from memkit import studies
from memkit.studies.points import LAST_LAYER, Point
from memkit.studies.study import Study
from memkit.training import checkpoint, engines, last_layer, loop, recording
from memkit.training.compiler import Compiler
from memkit.training.history import History
from memkit.training.recording import RunRecord


class Runner:
    """Trains runs with one engine.

    A worker process uses one Runner for all its work: the compiled program of the last point stays
    in memory for the next runs. A new Runner can be pickled.

    Attributes:
      compiler: compiles the points, and holds the last program and the data set.
    """

    def __init__(self, setup: engines.Setup) -> None:
        """Creates a runner; nothing is loaded or compiled before it is needed."""
        self._setup = setup
        self.compiler = Compiler(setup)

    def configure(self) -> None:
        """Configures the engine of this process; must come before it computes anything."""
        engines.load(self._setup.engine).configure(self._setup)

    def train_runs(self, study: Study, point: Point, runs: Sequence[int]) -> Iterator[RunRecord]:
        """Trains runs of one point, as many at a time as its compiled program takes.

        The weights of a run that is a student's teacher are on disk before its record is yielded.

        Args:
          runs: indices of the runs, rows of the design.

        Yields:
          (run, arrays, info) of each finished run, as `studies.write_record` takes them.

        Raises:
          InputError: the data set is not the one the study was made with, or a student's teacher
            has no finished run of the same subset.
        """
        if point.series == LAST_LAYER:
            yield from last_layer.train_runs(study, point, runs, compiler=self.compiler)
            return
        blocked = [run for run in runs if studies.teacher_diverged(study, point, run)]
        for run in blocked:
            yield self._blocked_record(study, point, run)
        remaining = [run for run in runs if run not in blocked]
        while remaining:
            started = time.perf_counter()
            program = self.compiler.compile(study, point)
            pack, remaining = remaining[: program.size], remaining[program.size :]
            yield from self._train_pack(program, study, point, pack, started=started)

    def _blocked_record(self, study: Study, point: Point, run: int) -> RunRecord:
        epochs = point.config["training"]["epochs"]
        arrays = recording.blocked_arrays(study, epochs)
        history = History(study.sizes.train, epochs)
        return recording.record(study, point, run, arrays, history, self._setup, is_blocked=True)

    def _train_pack(
        self,
        program: engines.Program,
        study: Study,
        point: Point,
        pack: list[int],
        *,
        started: float,
    ) -> Iterator[RunRecord]:
        # A compiled program has one size; the copies that fill it up are thrown away.
        filled = pack + [pack[-1]] * (program.size - len(pack))
        teachers = [studies.read_weights(study, point, run) for run in filled if point.teacher]
        keeper = self._keeper(program, study, point, filled)
        trained = loop.train_pack(program, study, point, filled, teachers=teachers, keeper=keeper)
        evaluations = program.evaluate()
        if studies.is_teacher(study, point):
            for run, weights in zip(pack, program.weights()):
                studies.write_weights(study, point, run, weights)
        seconds = (time.perf_counter() - started) / len(pack)
        for progress, evaluation, run in zip(trained, evaluations, pack):
            yield recording.record(
                study,
                point,
                run,
                recording.outcome_arrays(evaluation, progress.curve, study),
                progress.history,
                self._setup,
                steps=progress.steps,
                seconds=round(seconds + progress.seconds_before, 4),
            )
            if progress.is_kept:
                studies.checkpoints.remove(study, point, run)

    def _keeper(
        self, program: engines.Program, study: Study, point: Point, runs: list[int]
    ) -> checkpoint.Keeper | None:
        # Several processes would each keep a different epoch; a draft has no folder to write to.
        if self._setup.strategy == "multi_worker" or study.workdir is None:
            return None
        return checkpoint.Keeper(program, study, point, runs, engine=self._setup.engine)
