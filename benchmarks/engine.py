r"""Images per second of the engine against `Model.fit`, interleaved in one call.

  python -m benchmarks.engine [--rounds=5] [--out=engine.json]

The same ResNet-8 on digits, batch 64, in three ways: memkit's engine in two one-thread processes,
as `memkit run` trains on two cores; default `Model.fit` in one process with all threads; and
`Model.fit` with steps_per_execution = one epoch in two one-thread processes. Every way keeps its
processes, compiled and warm, and they take turns, so a machine that drifts hits all alike.
"""

import json
import multiprocessing
import pathlib
import platform
import statistics
import sys
import time

from absl import app, flags

from memkit import tables
from memkit.sweeps import worker

_ROUNDS = flags.DEFINE_integer("rounds", 5, "turns of each way", lower_bound=1)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")

WIDTHS = (4, 16)
BATCH = 64
EPOCHS = 10
MEMBERS = 15 * BATCH  # whole batches, so that every way sees the same number of images
WAYS = {
    "memkit, 2 processes x 1 thread": ("engine", 2),
    "Model.fit, 1 process, all threads": ("fit", 1),
    "Model.fit, steps_per_execution=epoch, 2 x 1 thread": ("fit_epoch", 2),
}


def _engine(width):
    """Returns a function that trains EPOCHS epochs with memkit's TensorFlow engine."""
    import numpy as np

    from memkit import data, models
    from memkit.models.initial_values import initial_values
    from memkit.training import engines, plan

    engine = engines.load("tensorflow")
    engine.configure(threads=1)
    digits = data.load("digits")
    program = engine.compile_program(
        models.build("resnet", input_shape=(8, 8, 1), num_classes=10, depth=8, width=width),
        images=digits.train_images,
        labels=digits.train_labels,
        mean=(0.3,),
        std=(0.37,),
        optimizer=dict(name="sgd", momentum=0.9, nesterov=True, weight_decay=1e-4, decay_all=False),
        resident=True,
        pad=None,
        eval_batch=512,
    )
    rates = np.full((EPOCHS, MEMBERS // BATCH), 0.01)

    def train():
        program.reset(lambda model: initial_values(model, seed=0, purpose="init", run=0))
        for epoch in plan.epochs(
            np.arange(MEMBERS), batch_size=BATCH, rates=rates, augment="none", pad=4, seed=0, run=0
        ):
            program.train(epoch)

    return train


def _fit(width, *, whole_epochs):
    """Returns a function that trains EPOCHS epochs with `Model.fit`."""
    import keras
    import numpy as np
    import tensorflow as tf

    from memkit import data, models

    if whole_epochs:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    digits = data.load("digits")
    x = (digits.train_images[:MEMBERS] / 255 - 0.3) / 0.37
    x, y = x.astype(np.float32), digits.train_labels[:MEMBERS]
    model = models.build("resnet", input_shape=(8, 8, 1), num_classes=10, depth=8, width=width)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=MEMBERS // BATCH if whole_epochs else 1,
    )

    def train():
        model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0)

    return train


def _serve(connection, way, width):
    """Trains once to warm up, then once for each message."""
    if way == "fit":
        worker.ENVIRONMENT.pop("OMP_NUM_THREADS")
    worker.prepare()
    train = _engine(width) if way == "engine" else _fit(width, whole_epochs=way == "fit_epoch")
    train()
    connection.send("warm")
    while connection.recv():
        train()
        connection.send("done")


def _start(way, count, width):
    context = multiprocessing.get_context("spawn")
    connections = []
    for _ in range(count):
        ours, theirs = context.Pipe()
        context.Process(target=_serve, args=(theirs, way, width), daemon=True).start()
        connections.append(ours)
    for connection in connections:
        connection.recv()
    return connections


def _turn(connections):
    """Lets all processes of a way train side by side; returns images per second."""
    started = time.perf_counter()
    for connection in connections:
        connection.send(True)
    for connection in connections:
        connection.recv()
    return len(connections) * EPOCHS * MEMBERS / (time.perf_counter() - started)


def measure(width, rounds):
    """Returns {way: images per second of each round}."""
    pools = {name: _start(way, count, width) for name, (way, count) in WAYS.items()}
    found = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, connections in pools.items():
            found[name].append(_turn(connections))
    for connections in pools.values():
        for connection in connections:
            connection.send(False)
    return found


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    results = {f"ResNet-8 width {w}": measure(w, _ROUNDS.value) for w in WIDTHS}
    rows = []
    for model, found in results.items():
        ours = next(iter(found.values()))
        for name, rates in found.items():
            ratios = [a / b for a, b in zip(ours, rates, strict=True)]
            rows.append(
                [
                    model,
                    name,
                    round(statistics.median(rates)),
                    f"{statistics.median(ratios):.2f}",
                    f"{min(ratios):.2f} to {max(ratios):.2f}",
                ]
            )
    header = ["model", "way", "images/s", "memkit is faster by", "over the rounds"]
    print(tables.text(header, rows))
    print(f"{_ROUNDS.value} rounds, batch {BATCH}, {multiprocessing.cpu_count()} cores, ", end="")
    print(f"{platform.machine()}, Python {platform.python_version()}")
    if _OUT.value:
        pathlib.Path(_OUT.value).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    sys.exit(app.run(main))
