"""Training finished runs once more, to see that their records can be made again."""

import dataclasses
import sys
import tempfile

import numpy as np

from memkit import records, seeds, studies
from memkit.studies import copies
from memkit.sweeps import executor, placement
from memkit.sweeps.progress import Progress
from memkit.training.runner import Runner

_ANY_ORDER = "accelerators add up in any order"
SAME_PLACE = ("engine", "device", "host", "processor", "versions")


@dataclasses.dataclass(frozen=True)
class Retrained:
    """How a run came out the second time.

    Attributes:
      point: name of the point.
      run: int.
      different: names of the arrays that are not the same bit for bit.
      answers: number of train and test examples that are predicted otherwise.
      total: number of train and test examples.
      largest: float, largest change of a log-odds; infinite where it is
        finite in one record only.
      elsewhere: entries of the record (of SAME_PLACE) that were otherwise where it was made.
      device: what it was trained on this time.
      failure: why it could not be trained; "" where it was.
    """

    point: str
    run: int
    different: tuple = ()
    answers: int = 0
    total: int = 0
    largest: float = 0.0
    elsewhere: tuple = ()
    device: str = ""
    failure: str = ""

    @property
    def is_problem(self):
        """True where the same place and packages gave another record, or none.

        Only of a CPU is the same record to be expected: accelerators may add up in any order.
        """
        expected_same = not self.elsewhere and self.device == "CPU"
        return bool(self.failure or (self.different and expected_same))


def draw(sound, count, seed):
    """Draws finished runs at random, blocked ones left out.

    Args:
      sound: {point name: {run: info}}, see `studies.verify.Verified`.
      count: int; all are taken where there are fewer.
      seed: int >= 0.

    Returns:
      {(engine, point name): [runs]}.
    """
    known = [
        (info["engine"], name, run)
        for name, infos in sound.items()
        for run, info in infos.items()
        if info["status"] != "blocked"
    ]
    places = seeds.stream(seed, "retrain").permutation(len(known))[:count]
    chosen = {}
    for engine, name, run in (known[place] for place in sorted(places)):
        chosen.setdefault((engine, name), []).append(run)
    return chosen


def retrain(study, chosen):
    """Trains runs again with the engine that made them, in a temporary folder, and compares.

    Args:
      study: Study; nothing is written into its folder.
      chosen: as `draw` returns it.

    Yields:
      Retrained of each run.

    Raises:
      InputError: the engine is not installed, or the data are not those of the study.
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


def _train(study, point, runs, engine):
    """Returns {run: reason} of the runs that could not be trained."""
    place = placement.place(engine=engine, data_parallel=point.config["training"]["data_parallel"])
    runner = Runner(place.setup)
    counts = {point.name: len(runs)}
    workers = min(len(place.environments), len(runs))
    failures, left = executor.execute(
        study,
        {point.name: runs},
        runner.train_runs,
        setup=runner.configure,
        environments=place.environments,
        progress=Progress(counts, workers=workers, stream=sys.stderr),
        runs_at_once=place.runs_at_once,
    )
    reasons = {failure.run: failure.reason for failure in failures}
    return reasons | dict.fromkeys(sum(left.values(), []), "others of its point failed")


def _compare(study, again, point, run):
    """Returns the Retrained of a run from its records in both folders."""
    names = tuple(records.array_specs(study.sizes_at(point, run)))
    found = [studies.read_runs(one, point, names, among=[run]) for one in (study, again)]
    old, new = (one.arrays for one in found)
    answers, largest = 0, 0.0
    for part in ("train", "test"):
        answers += np.count_nonzero(old[f"{part}_predicted"] != new[f"{part}_predicted"])
        largest = max(largest, _largest(old[f"{part}_logodds"], new[f"{part}_logodds"]))
    first, second = (one.infos[0] for one in found)
    return Retrained(
        point.name,
        run,
        different=tuple(name for name in names if old[name].tobytes() != new[name].tobytes()),
        answers=int(answers),
        total=study.sizes.train + study.sizes.test,
        largest=largest,
        elsewhere=tuple(
            name for name in SAME_PLACE if name in first and first[name] != second[name]
        ),
        device=second["device"],
    )


def _largest(old, new):
    """Returns the largest difference; infinity where a number is finite in one of the two only."""
    both = np.isfinite(old) & np.isfinite(new)
    if (np.isfinite(old) != np.isfinite(new)).any():
        return float("inf")
    return float(np.abs(old[both].astype(float) - new[both]).max(initial=0))


def text(one):
    """Returns one line about a run that was trained again."""
    where = f"{one.point} run {one.run}"
    if one.failure:
        return f"problem: {where} could not be trained again: {one.failure}"
    if not one.different:
        return f"trained again: {where} is the same, bit for bit"
    change = f"{one.answers} of {one.total} answers differ, log-odds by up to {one.largest:.3g}"
    if one.is_problem:
        return f"problem: {where}: on the same machine and packages, {change}"
    reason = f"it was made with another {', '.join(one.elsewhere)}" if one.elsewhere else _ANY_ORDER
    return (
        f"trained again: {where}: {change}; {reason}, and training enlarges what rounding changes"
    )
