"""The training curves of finished runs as event files, which TensorBoard shows."""

import importlib.util
import io
import time

import numpy as np
from etils import epy

from memkit import storage
from memkit.errors import install, missing
from memkit.studies import Study
from memkit.studies.runs import read_record
from memkit.training import loop
from memkit.typing import FloatArray, Path

with epy.lazy_imports():  # Neither these modules nor this one import TensorFlow.
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer import record_writer

TAGS = ("loss", "accuracy", "learning_rate")  # The columns of a curve, see `records.SCHEMA`.
FILE = "events.out.tfevents.memkit"  # TensorBoard reads all files with "tfevents" in their name.


def check(folder: Path) -> None:
    """Checks that event files can be written into a folder.

    Raises:
      InputError: TensorBoard is not installed, or the folder cannot be written.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise missing("--tensorboard", "package tensorboard", install("tensorboard"))
    storage.check_writable("--tensorboard", folder)


def write(folder: Path, study: Study, name: str, run: int) -> None:
    """Writes the curve of a finished run to `folder`/`point`/`run`, replacing an earlier file.

    Steps are epochs, counted from 0. Only epochs that were trained are written: none of a run that
    is blocked or of the series `last_layer`.

    Args:
      folder: of the event files of all runs.
      study: whose record of the run is on disk.
      name: of the point.
      run: its index.
    """
    point = study.point(name)
    arrays, info = read_record(study, point, run)
    trained = -(-info["steps"] // loop.steps_per_epoch(study, point, run))
    data = events(arrays["curve"][:trained], ended=time.time(), seconds=info["seconds"])
    storage.write(storage.path(folder) / point.name / str(run) / FILE, data)


def events(curve: FloatArray, *, ended: float, seconds: float) -> bytes:
    """Returns the content of an event file.

    Args:
      curve: [epochs, 3] loss in nats, accuracy and learning rate.
      ended: Unix time of the end of the last epoch.
      seconds: that all epochs took; each is assumed to have taken the same time.
    """
    file = io.BytesIO()
    writer = record_writer.RecordWriter(file)
    started = ended - seconds
    first = event_pb2.Event(wall_time=started, file_version="brain.Event:2")
    writer.write(first.SerializeToString())
    for epoch, row in enumerate(np.asarray(curve, float)):
        values = [
            summary_pb2.Summary.Value(tag=tag, simple_value=value)
            for tag, value in zip(TAGS, row, strict=True)
        ]
        event = event_pb2.Event(
            wall_time=started + seconds * (epoch + 1) / len(curve),
            step=epoch,
            summary=summary_pb2.Summary(value=values),
        )
        writer.write(event.SerializeToString())
    return file.getvalue()
