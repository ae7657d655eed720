"""Retrains finished runs to check that their records can be reproduced."""

import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from memkit import records, seeds, studies
from memkit.studies import Point, Study, copies
from memkit.sweeps import executor, placement
from memkit.sweeps.progress import Progress
from memkit.training.runner import Runner
from memkit.typing import FloatArray

_ANY_ORDER = "accelerators sum in any order"
# Entries of a record that must be equal for its arrays to be reproduced bit for bit.
SAME_PLACE = ("engine", "device", "host", "processor", "versions")

# {(engine, point name): runs}.
Chosen: TypeAlias = dict[tuple[str, str], list[int]]


@dataclasses.dataclass(frozen=True)
class Retrained:
    """The comparison of a run with its repetition.

    Attributes:
      different: names of the arrays that are not equal bit for bit.
      answers: number of train and test examples whose predictions differ.
      total: number of train and test examples.
      largest: largest change of a log-odds; infinite if one is finite in one record only.
      elsewhere: names of SAME_PLACE whose values differ from those in the original record.
      device: the device of the repetition.
      failure: why it could not be retrained; "" if it was.
    """

    point: str
    run: int
    different: tuple[str, ...] = ()
    answers: int = 0
    total: int = 0
    largest: float = 0.0
    elsewhere: tuple[str, ...] = ()
    device: str = ""
    failure: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether the same machine and packages gave a different record, or none.

        Equal records are expected of CPUs only: accelerators may sum in any order.
        """
        expected_same = not self.elsewhere and self.device == "CPU"
        return bool(self.failure or (self.different and expected_same))


def draw(sound: Mapping[str, Mapping[int, Mapping[str, Any]]], count: int, seed: int) -> Chosen:
    """Draws finished runs at random, except blocked ones.

    Args:
      sound: {point name: {run: info}}, see `studies.verify.Verified`.
      count: number of runs to draw; all runs if there are fewer.
      seed: at least 0.
    """
    finished = [
        (info["engine"], name, run)
        for name, infos in sound.items()
        for run, info in infos.items()
        if info["status"] != "blocked"
    ]
    indices = seeds.stream(seed, "retrain").permutation(len(finished))[:count]
    chosen: Chosen = {}
    for engine, name, run in (finished[index] for index in sorted(indices)):
        chosen.setdefault((engine, name), []).append(run)
    return chosen


def retrain(study: Study, chosen: Chosen) -> Iterator[Retrained]:
    """Retrains runs with their original engine, in a temporary folder, and compares the records.

    Args:
      study: the study; nothing is written into its folder.
      chosen: {(engine, point name): runs}.

    Raises:
      InputError: the engine is not installed, or the data differ from those of the study.
    """
    for (engine, name), runs in chosen.items():
        point = study.point(name)
        with tempfile.TemporaryDirectory(prefix="memkit-") as folder:
            copied = copies.copy_to_train(study, point, runs, folder)
            failures = _train(copied, copied.point(name), runs, engine)
            for run in runs:
                if run in failures:
                    yield Retrained(name, run, failure=failures[run])
                else:
                    yield _compare(study, copied, point, run)


def _train(study: Study, point: Point, runs: Sequence[int], engine: str) -> dict[int, str]:
    """Returns {run: reason} of the runs that could not be trained."""
    options = point.config["training"]
    placed = placement.place(
        engine=engine,
        data_parallel=options["data_parallel"],
        one_at_a_time=bool(options["until_accuracy"]),
    )
    runner = Runner(placed.setup)
    counts = {point.name: len(runs)}
    workers = min(len(placed.worker_envs), len(runs))
    failures, left = executor.execute(
        study,
        {point.name: runs},
        runner.train,
        setup=runner.configure,
        placement=placed,
        progress=Progress(counts, workers=workers, stream=sys.stderr),
    )
    reasons = {failure.run: failure.reason for failure in failures}
    untried = [run for of_point in left.values() for run in of_point]
    return reasons | dict.fromkeys(untried, "other runs of its point failed")


def _compare(study: Study, copied: Study, point: Point, run: int) -> Retrained:
    """Compares the record of a run with that of its repetition."""
    names = tuple(records.array_specs(study.sizes_at(point, run)))
    originals = studies.read_runs(study, point, names, among=[run])
    repetitions = studies.read_runs(copied, point, names, among=[run])
    old, new = originals.arrays, repetitions.arrays
    answers, largest = 0, 0.0
    for part in ("train", "test"):
        answers += int(np.count_nonzero(old[f"{part}_predicted"] != new[f"{part}_predicted"]))
        largest = max(largest, _largest(old[f"{part}_logodds"], new[f"{part}_logodds"]))
    first, second = originals.infos[0], repetitions.infos[0]
    return Retrained(
        point.name,
        run,
        different=tuple(name for name in names if old[name].tobytes() != new[name].tobytes()),
        answers=answers,
        total=study.sizes.train + study.sizes.test,
        largest=largest,
        elsewhere=tuple(
            name for name in SAME_PLACE if name in first and first[name] != second[name]
        ),
        device=second["device"],
    )


def _largest(old: FloatArray, new: FloatArray) -> float:
    """Returns the largest difference; infinity if a number is finite in one of the two only."""
    both = np.isfinite(old) & np.isfinite(new)
    if (np.isfinite(old) != np.isfinite(new)).any():
        return float("inf")
    return float(np.abs(old[both].astype(float) - new[both]).max(initial=0))


def text(retrained: Retrained) -> str:
    """Returns one line about a retrained run."""
    name = f"{retrained.point} run {retrained.run}"
    if retrained.failure:
        return f"problem: {name} could not be retrained: {retrained.failure}"
    if not retrained.different:
        return f"retrained: {name} is the same, bit for bit"
    change = (
        f"{retrained.answers} of {retrained.total} answers differ, "
        f"log-odds by up to {retrained.largest:.3g}"
    )
    if retrained.is_problem:
        return f"problem: {name}: on the same machine and packages, {change}"
    reason = _ANY_ORDER
    if retrained.elsewhere:
        reason = f"the original has another {', '.join(retrained.elsewhere)}"
    return f"retrained: {name}: {change}; {reason}, and training amplifies rounding differences"
