"""Trains the runs of a study and hands over their records."""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from memkit import seeds, studies
from memkit.proxies import ntk
from memkit.studies.points import LAST_LAYER, Point
from memkit.studies.study import Study
from memkit.training import (
    checkpoint,
    engines,
    last_layer,
    loop,
    penultimate,
    recording,
    tangent_features,
)
from memkit.training.compiler import Compiler, Given
from memkit.training.history import History
from memkit.training.recording import RunRecord
from memkit.typing import Array, Epochs


class Runner:
    """Trains runs with one engine.

    A worker process uses one Runner for all its work: the compiled program of the last point stays
    in memory for the next runs. A new Runner can be pickled.

    Attributes:
      compiler: compiles the points, and holds the last program and the data set.
    """

    def __init__(self, setup: engines.Setup, given: Given | None = None) -> None:
        """Creates a runner; nothing is loaded or compiled before it is needed.

        Args:
          given: see `Compiler`.
        """
        self._setup = setup
        self.compiler = Compiler(setup, given)

    def configure(self) -> None:
        """Configures the engine of this process; must come before it computes anything."""
        engines.load(self._setup.engine).configure(self._setup)

    def train_runs(self, study: Study, point: Point, runs: Sequence[int]) -> Iterator[RunRecord]:
        """Does what `train` does, and yields the records alone."""
        for each in self.train(study, point, runs):
            if not isinstance(each, Epochs):
                yield each

    def train(
        self, study: Study, point: Point, runs: Sequence[int]
    ) -> Iterator[RunRecord | Epochs]:
        """Trains runs of one point, as many at a time as its compiled program takes.

        The weights of a run that is a student's teacher are on disk before its record is yielded.

        Args:
          runs: indices of the runs, rows of the design.

        Yields:
          (run, arrays, info) of each finished run, as `studies.write_record` takes them; after
          each epoch, how far the runs are that are being trained.

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
    ) -> Iterator[RunRecord | Epochs]:
        # A compiled program has one size; the copies that fill it up are thrown away.
        filled = pack + [pack[-1]] * (program.size - len(pack))
        teachers = [studies.read_weights(study, point, run) for run in filled if point.teacher]
        keeper = self._keeper(program, study, point, filled)
        trained = yield from loop.train_epochs(
            program, study, point, filled, teachers=teachers, keeper=keeper
        )
        evaluations = program.evaluate()
        if studies.is_teacher(study, point):
            for run, weights in zip(pack, program.weights()):
                studies.write_weights(study, point, run, weights)
        scores = self._from_weights(program, study, point, pack)
        seconds = (time.perf_counter() - started) / len(pack)
        for progress, evaluation, run in zip(trained, evaluations, pack):
            yield recording.record(
                study,
                point,
                run,
                recording.outcome_arrays(evaluation, progress.curve, study) | scores[run],
                progress.history,
                self._setup,
                steps=progress.steps,
                seconds=round(seconds + progress.seconds_before, 4),
            )
            if progress.is_kept:
                studies.checkpoints.remove(study, point, run)

    def _from_weights(
        self, program: engines.Program, study: Study, point: Point, pack: list[int]
    ) -> dict[int, dict[str, Array]]:
        """Returns {run: {name: array of its record that follows from the trained weights}}."""
        asked = {run: study.sizes_at(point, run).asked for run in pack}
        is_asked = any({"ntk", "features_runs"} & set(names) for names in asked.values())
        weights = program.weights() if is_asked else []
        arrays: dict[int, dict[str, Array]] = {run: {} for run in pack}
        for run, values in zip(pack, weights):
            if "ntk" in asked[run]:
                arrays[run] |= self._ntk_memorization(study, point, run, values)
            if "features_runs" in asked[run]:
                arrays[run] |= self._features(study, point, run, values)
        return arrays

    def _ntk_memorization(
        self, study: Study, point: Point, run: int, weights: engines.Values
    ) -> dict[str, Array]:
        """Returns the array `ntk_memorization`; examples that the run left out are NaN."""
        members = np.flatnonzero(study.train_mask[run])
        model, gradients = self.compiler.gradients(study, point)
        for variable, value in zip(model.variables, weights, strict=True):
            variable.assign(value)
        features = tangent_features.features(
            model,
            gradients,
            self.compiler.dataset(study).train_images,
            members,
            rng=seeds.stream(point.config["seed"], f"ntk{point.stream}", study.unit[run]),
            normalization={name: point.config["dataset"][name] for name in ("mean", "std")},
        )
        values = np.full(study.sizes.train, np.nan, np.float32)
        values[members] = ntk.memorization(
            features, study.examples.given_labels[members], num_classes=study.sizes.classes
        )
        return {"ntk_memorization": values}

    def _features(
        self, study: Study, point: Point, run: int, weights: engines.Values
    ) -> dict[str, Array]:
        """Returns the arrays `train_features` and `test_features`."""
        features = self.compiler.last_inputs(study, point, weights)
        rng = seeds.stream(point.config["seed"], f"features{point.stream}", study.unit[run])
        return recording.feature_arrays(penultimate.folded(features, rng), study)

    def _keeper(
        self, program: engines.Program, study: Study, point: Point, runs: list[int]
    ) -> checkpoint.Keeper | None:
        # Several processes would each keep a different epoch; a draft has no folder to write to.
        if self._setup.strategy == "multi_worker" or study.workdir is None:
            return None
        return checkpoint.Keeper(program, study, point, runs, engine=self._setup.engine)
