r"""Milliseconds of each epoch in which the device waits for the host.

  python -m benchmarks.host [--images=50000] [--batch=512] [--device_ms=50] [--out=host.json]

A stand-in for a device takes a fixed time for an epoch, and memkit's training loop calls it: with
runs whose history is recorded and with others, one and eight of them in a program. What is timed is
the median time from the end of an epoch on the device to the begin of the next one.
"""

import statistics
import sys
import time

import numpy as np
from absl import app, flags

from benchmarks import interleave, small_studies
from memkit import seeds, tables
from memkit.training import engines, loop

_IMAGES = flags.DEFINE_integer("images", 50_000, "train images, of which a run has 70%")
_BATCH = flags.DEFINE_integer("batch", 512, "examples in a batch")
_EPOCHS = flags.DEFINE_integer("epochs", 20, "of each program", lower_bound=3)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")
_DEVICE_MS = flags.DEFINE_float("device_ms", 50.0, "of an epoch of one run on the device")


def waiting(study, point, runs, *, seconds):
    """Returns the seconds between each two epochs of a device that takes `seconds` for a run."""
    begun, ended = [], []

    def train(plans):
        begun.append(time.perf_counter())
        time.sleep(seconds * len(plans))
        steps = [_steps(plan) for plan in plans]
        ended.append(time.perf_counter())
        return steps

    absent = dict.fromkeys(("evaluate", "weights", "state", "restore"))
    program = engines.Program(
        size=len(runs), reset=lambda draws, teachers: None, train=train, **absent
    )
    loop.train_pack(program, study, point, runs)
    return [begin - end for end, begin in zip(ended, begun[1:], strict=False)]


def _steps(plan):
    """Returns made-up outcomes of an epoch, laid out as a device returns them."""
    rng = seeds.stream(0, "host")
    loss, margin, correct = np.moveaxis(rng.random((*plan.index.shape, 3), np.float32), -1, 0)
    return engines.Steps(objective=loss.mean(-1), loss=loss, margin=margin, correct=correct > 0.5)


def _study():
    config = small_studies.config(
        dataset=small_studies.made_up(size=2, channels=1, num_train=_IMAGES.value),
        model=dict(name="mlp", hidden=[1]),
        num_runs=20,
        epochs=_EPOCHS.value,
        batch_size=_BATCH.value,
        augment="pad_crop_flip",
    )
    config["record"] = config["record"] | {"history_runs": 10}
    return small_studies.draft(config)


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    study, point = _study()
    rows = []
    for name, first in (("recorded", 0), ("not recorded", 10)):
        for count in (1, 8):
            runs = list(range(first, first + count))
            waits = waiting(study, point, runs, seconds=_DEVICE_MS.value / 1e3)
            rows.append([name, count, round(1e3 * statistics.median(waits), 2)])
    print(tables.text(["history", "runs in a program", "ms of waiting in an epoch"], rows))
    interleave.finish(_OUT.value, {"rows": rows})


if __name__ == "__main__":
    sys.exit(app.run(main))
