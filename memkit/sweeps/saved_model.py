"""Saves the network of a finished run as a `.keras` file, by training the run again."""

import dataclasses
import os
import tempfile

import numpy as np

from memkit import records, storage, studies
from memkit.errors import expected, missing
from memkit.studies import Point, Study, copies
from memkit.studies.points import LAST_LAYER
from memkit.sweeps import placement, pool
from memkit.training import network_file
from memkit.typing import Path

_PREDICTED = ("train_predicted", "test_predicted")


@dataclasses.dataclass(frozen=True)
class Saved:
    """A saved network, compared with the record of its run.

    Attributes:
      path: the file.
      answers: number of train and test examples whose predicted class differs from the record.
      total: number of train and test examples.
    """

    path: str
    answers: int
    total: int


def save(study: Study, point: Point, run: int, out: Path) -> Saved:
    """Trains a finished run again, with its engine, and saves its network.

    The network takes the images of the data set as they are, [B, H, W, C] from 0 to 255, and
    returns logits [B, C]. The file is loaded again before it is compared with the record. Nothing
    is written into the study.

    Args:
      study: the study. A user's model must be allowed, see `models.allow`.
      point: the point of the run; not of the series "last_layer", which has no network of its own.
      run: index of a finished run.
      out: folder of the file, which is named `<point>_<run>.keras`.

    Raises:
      InputError: the run is not finished or diverged, its engine is not installed, or the data
        differ from those of the study.
    """
    if point.series == LAST_LAYER:
        raise expected("--points", "a point of another series than last_layer", point.name)
    finished = studies.read_runs(study, point, _PREDICTED, among=[run])
    if not len(finished.index) or finished.infos[0]["status"] not in records.USABLE:
        remedy = "see `memkit status`"
        raise missing("--run", f"finished run {run} of {point.name} that did not diverge", remedy)
    placed = placement.place(
        engine=finished.infos[0]["engine"],
        data_parallel=point.config["training"]["data_parallel"],
        one_at_a_time=True,
    )
    with tempfile.TemporaryDirectory(prefix="memkit-") as folder:
        copied = copies.copy_to_train(study, point, [run], folder)
        file = os.path.join(folder, "model.keras")
        arguments = (copied, point.name, run, file, placed.setup)
        predicted = pool.call_in_process(
            placed.worker_envs[0], network_file.train_and_save, *arguments
        )
        path = storage.path(out) / f"{point.name}_{run}.keras"
        storage.write(path, storage.read(file))
    recorded = np.concatenate([finished.arrays[name][0] for name in _PREDICTED])
    return Saved(str(path), int(np.count_nonzero(predicted != recorded)), len(recorded))
