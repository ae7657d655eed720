r"""Seconds of `memkit.measure` beside what it replaces, in turns on one machine.

  python -m benchmarks.measure [--rounds=3] [--engine=jax] [--epochs=25] [--out=measure.json]

engine: a study of a ResNet-8 on digits, 20 runs, by memkit's engine: a script that calls `measure`,
and the same study by `memkit train` and `memkit estimate`. Both are timed as whole processes.

fit: 20 runs of a perceptron on 400 digits by `Model.fit`: `measure`, and a loop written by hand
that builds, fits and predicts. Both are timed inside of a process that has imported Keras.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from absl import app, flags

from benchmarks import interleave
from memkit import tables

_ROUNDS = flags.DEFINE_integer("rounds", 3, "turns of each way", lower_bound=1)
_ENGINE = flags.DEFINE_enum("engine", "jax", ["jax", "tensorflow"], "backend of Keras")
_EPOCHS = flags.DEFINE_integer("epochs", 25, "epochs of every run", lower_bound=1)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")

_RESNET = """
import sys
import keras
import memkit
from memkit import data, models

digits = data.load("digits")

def build():
    model = models.build("resnet", input_shape=(8, 8, 1), num_classes=10, depth=8, width=8)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), loss)
    return model

memkit.measure(
    build, digits.train_images, digits.train_labels, x_test=digits.test_images,
    y_test=digits.test_labels, epochs=int(sys.argv[2]), batch_size=64, trainer="engine",
    workdir=sys.argv[1],
)
"""
_PERCEPTRON = """
import sys, time
import keras
import numpy as np
from sklearn.datasets import load_digits
import memkit
from memkit import subsets

digits = load_digits()
x, y = digits.images[:400] / 16, digits.target[:400]
train_mask = subsets.balanced(y, 20, 0.7, 0)

def build():
    layers = [keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(64, "relu"),
              keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model

def by_hand():
    for members in train_mask:
        model = build()
        model.fit(x[members], y[members], batch_size=32, epochs=int(sys.argv[2]), verbose=0)
        model.predict(x, batch_size=512, verbose=0)

build().fit(x, y, verbose=0)
started = time.perf_counter()
if sys.argv[1] == "hand":
    by_hand()
else:
    memkit.measure(build, x, y, epochs=int(sys.argv[2]), trainer="fit")
print(time.perf_counter() - started)
"""
_FLAGS = (
    "--config=digits_width",
    "--config.axis.values=(8,)",
    "--config.labels.planted_fraction=0.0",
    "--config.optimizer.weight_decay=0.0",
    "--config.schedule.name=constant",
    "--config.schedule.warmup_epochs=0.0",
)


def _call(command: list[str]) -> str:
    environment = {**os.environ, "KERAS_BACKEND": _ENGINE.value, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def _engine_measure(folder: str) -> float:
    return _seconds(lambda: _call([sys.executable, "-c", _RESNET, folder, str(_EPOCHS.value)]))


def _engine_commands(folder: str) -> float:
    memkit = [sys.executable, "-m", "memkit.cli"]
    study = f"--workdir={folder}"
    epochs = f"--config.training.epochs={_EPOCHS.value}"
    train = [*memkit, "train", *_FLAGS, epochs, study, f"--engine={_ENGINE.value}"]
    return _seconds(lambda: (_call(train), _call([*memkit, "estimate", study])))


def _fit(way: str) -> float:
    return float(_call([sys.executable, "-c", _PERCEPTRON, way, str(_EPOCHS.value)]).split()[-1])


def main(_: list[str]) -> None:
    seconds: dict[str, list[float]] = {}
    for _ in range(_ROUNDS.value):
        with tempfile.TemporaryDirectory() as folder:
            turns = {
                "engine: measure": _engine_measure(f"{folder}/measure"),
                "engine: memkit train, memkit estimate": _engine_commands(f"{folder}/commands"),
                "fit: measure": _fit("measure"),
                "fit: loop by hand": _fit("hand"),
            }
        for name, value in turns.items():
            seconds.setdefault(name, []).append(value)
    names = list(seconds)
    rows = []
    for name, other in zip(names[::2], names[1::2], strict=True):
        ratios = [a / b for a, b in zip(seconds[name], seconds[other], strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        medians = [statistics.median(seconds[way]) for way in (name, other)]
        rows.append([name, other, *medians, statistics.median(ratios), spread])
    print(tables.text(["way", "instead of", "seconds", "instead of", "ratio", "over rounds"], rows))
    note = f"{_ROUNDS.value} rounds, {_ENGINE.value}, "
    interleave.finish(_OUT.value, {"seconds": seconds, "engine": _ENGINE.value}, note)


if __name__ == "__main__":
    app.run(main)
