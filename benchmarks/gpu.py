r"""One GPU: its peaks, ways to train a ResNet as shares of them, and a CIFAR-100 study. See gpu.sh.

  benchmarks/gpu.sh [--budget=325] [--timed=WAY,...] [--study=WAY] [--study_seconds=0] [--tiny] ...

A way is batch/precision/packing:runs[/command buffers][/processes], such as 256/bfloat16/map:8 or
256/bfloat16/none:1/off/4. Needs jax, Keras, SciPy, etils and Pillow, and no TensorFlow. Every step
writes what it has found to --out at once: gpu.json and gpu.txt (all numbers), and every pack of
runs records.npz (correctness of all runs as packed bits, log-odds where they fit) and scores.npz
(memorization and consistency of every train image).
"""

import dataclasses
import functools
import io
import json
import os
import pathlib
import platform
import signal
import sys
import tempfile
import time

_STARTED = time.monotonic()
os.environ["KERAS_BACKEND"] = "jax"

import jax  # noqa: E402
import numpy as np  # noqa: E402
from absl import app, flags  # noqa: E402

from benchmarks import (  # noqa: E402
    gpu_peaks,
    gpu_processes,
    gpu_study,
    gpu_sweep,
    gpu_text,
    small_studies,
)
from memkit import storage  # noqa: E402
from memkit.errors import missing  # noqa: E402
from memkit.training import engines, images  # noqa: E402

# The most telling first. Programs that were compiled before are read from JAX's cache.
_WAYS = [
    "256/bfloat16/none:1",
    "256/bfloat16/map:8",
    "1024/bfloat16/none:1",
    "256/bfloat16/none:1/2",
    "256/bfloat16/none:1/4",
    "256/bfloat16/vmap:8",
    "256/bfloat16/none:1/off",
    "256/bfloat16/none:1/all",
    "256/float32/none:1",
    "1024/float32/none:1",
    "1024/bfloat16/map:8",
    "1024/bfloat16/vmap:8",
    "1024/bfloat16/none:1/2",
    "1024/bfloat16/none:1/all",
]
_OUT = flags.DEFINE_string("out", "out/gpu", "folder for the results")
_BUDGET = flags.DEFINE_float("budget", 325.0, "seconds for everything", lower_bound=10)
_DATA = flags.DEFINE_string("data", "", "folder with cifar_*.npz; without it images are noise")
_SCORES = flags.DEFINE_string("scores", "", "npz with scores [N] and labels [N] to correlate with")
_EPOCHS = flags.DEFINE_integer("epochs", 30, "of a run", lower_bound=3)
_DEPTH = flags.DEFINE_integer("depth", 20, "of the ResNet")
_TIMED = flags.DEFINE_list("timed", _WAYS, "ways to train that are timed, in order")
_STUDY = flags.DEFINE_string("study", "", "way to train the study; default the fastest timed")
_STUDY_SECONDS = flags.DEFINE_float("study_seconds", 0.0, "of the budget; 0 = no study")
_STUDY_RUNS = flags.DEFINE_integer("study_runs", 400, "runs of the study at most", lower_bound=20)
_TINY = flags.DEFINE_boolean("tiny", False, "everything in a size for a CPU")

RESERVE = 15.0  # seconds kept for the last estimates and files
LOGODDS_BYTES = 12 * 2**20  # log-odds beyond this are left out of records.npz


@dataclasses.dataclass(frozen=True)
class Size:
    """How large everything is.

    Attributes:
      model: section of the config.
      epochs: of a run.
      most_runs: of the study.
      most: examples in a batch, however many a way has.
      noise: keyword arguments of `gpu_study.write_noise` where there is no data.
      matrix: arguments of `gpu_peaks.matrix`.
      memory: arguments of `gpu_peaks.memory`.
      seconds_each: timed epochs of a way together, at least.
    """

    model: dict
    epochs: int
    most_runs: int
    most: int
    noise: dict
    matrix: tuple
    memory: tuple
    seconds_each: float


def _size():
    if _TINY.value:
        return Size(
            model=dict(name="resnet", depth=8, width=2),
            epochs=3,
            most_runs=20,
            most=16,
            noise=dict(size=8, num_classes=4, num_train=60, num_test=20),
            matrix=(128, 2),
            memory=(2**16, 2),
            seconds_each=0.1,
        )
    return Size(
        model=dict(name="resnet", depth=_DEPTH.value, width=16),
        epochs=_EPOCHS.value,
        most_runs=_STUDY_RUNS.value,
        most=10**6,
        noise=dict(size=32, num_classes=100, num_train=50_000, num_test=10_000),
        matrix=(8192, 20),
        memory=(2**28, 20),
        seconds_each=2.0,
    )


def _study(size, folder, way):
    """Returns (Study, its Point), trained in one way, on the data of --data or on noise."""
    file = folder / "data.npz"
    if not file.exists() and _DATA.value:
        gpu_study.join_parts(pathlib.Path(_DATA.value), file)
    elif not file.exists():
        gpu_study.write_noise(file, **size.noise)
    mean, std = [0.5071, 0.4865, 0.4409], [0.2673, 0.2564, 0.2762]
    warmup = size.epochs / 10
    config = small_studies.config(
        dataset=dict(name="npz", path=str(file), mean=mean, std=std),
        model=size.model,
        num_runs=size.most_runs,
        epochs=size.epochs,
        batch_size=way.batch,
        schedule=dict(name="cosine", peak=0.1 * way.batch / 128, warmup_epochs=warmup),
        optimizer=dict(nesterov=True, weight_decay=5e-4),
        augment="pad_crop_flip",
        precision=way.precision,
    )
    return small_studies.draft(config, folder / "study")


def _device(number, barrier, size, study, point):
    """Yields what one process finds of the device and of the network."""
    engines.load("jax").configure(engines.Setup("jax", kind=jax.default_backend()))
    yield {
        "kind": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "peaks": {
            "flops_per_second": gpu_peaks.matrix(*size.matrix),
            "bytes_per_second": gpu_peaks.memory(*size.memory),
        },
        "costs": gpu_sweep.costs(study, point, images.load_dataset(study.config).image_shape),
    }


def _circumstances(study):
    return {
        "jax": jax.__version__,
        "python": platform.python_version(),
        "data": "cifar_*.npz" if _DATA.value else "noise",
        "network": "ResNet-{depth}, width {width}".format(**study.config["model"]),
        "train_images": int(study.train_mask[0].sum()),
        "evaluated_images": study.sizes.train + study.sizes.test,
        "epochs": study.config["training"]["epochs"],
        "command": " ".join(["benchmarks/gpu.sh", *sys.argv[1:]]),
    }


def _sweep(found, size, study, point, ways, *, end):
    """Adds a row to found["sweep"] for every way; returns the fastest, or None."""
    found["sweep"], best = [], (0.0, None)
    for way, timed in gpu_sweep.sweep(
        study, point, ways, kind=found["kind"], seconds_each=size.seconds_each, end=end
    ):
        row = dataclasses.asdict(way)
        if isinstance(timed, str):
            row["note"] = timed
        else:
            row |= dataclasses.asdict(timed)
            row |= gpu_sweep.rates(way, timed, study, size.epochs)
            row |= gpu_sweep.shares(row, found["costs"], found["peaks"])
            best = max(best, (row["models_per_hour"], way))
        found["sweep"].append(row)
        _write(found)
    return best[1]


def _run_study(found, study, point, way, given, *, end):
    """Trains, and writes records.npz and scores.npz while it trains."""
    setup, seconds, due = gpu_sweep.setup_of(way, found["kind"]), [], 0.0
    found["study"] = {"way": dataclasses.asdict(way), "pack_seconds": seconds}
    packs = gpu_processes.outcomes(
        functools.partial(gpu_study.train, count=way.processes, end=end),
        *(study, point, setup),
        count=way.processes,
        variables=gpu_processes.environment(way.buffers),
        end=end,
    )
    try:
        for pack_seconds in packs:
            seconds.append(pack_seconds)
            if (started := time.monotonic()) >= due:
                _estimate(found, study, point, given)
                due = time.monotonic() + 3 * (time.monotonic() - started)
    except (RuntimeError, TimeoutError) as error:
        found["study"]["note"] = str(error)
    if seconds:
        _estimate(found, study, point, given)


def _estimate(found, study, point, given):
    """Writes records.npz and scores.npz of the runs that are finished."""
    out = pathlib.Path(_OUT.value)
    records, scores, numbers = gpu_study.score(study, point, given)
    if records["train_logodds"].nbytes > LOGODDS_BYTES:
        del records["train_logodds"]
    for name, arrays in (("records", records), ("scores", scores)):
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)
        storage.write(out / f"{name}.npz", content.getvalue())
    found["study"] |= numbers
    _write(found)


def _write(found):
    """Writes and returns what has been found so far."""
    out, text = storage.path(_OUT.value), gpu_text.text(found)
    found["seconds"] = round(time.monotonic() - _STARTED, 1)
    storage.write(out / "gpu.json", json.dumps(found, indent=1).encode())
    storage.write(out / "gpu.txt", text.encode())
    return text


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Ends the processes, too.
    end, size, given = _STARTED + _BUDGET.value, _size(), None
    ways = [gpu_sweep.combination(text, most=size.most) for text in _TIMED.value]
    wanted = [gpu_sweep.combination(text, most=size.most) for text in [_STUDY.value] if text]
    if not ways and not wanted:
        raise missing("--study", "a way to train, or --timed to choose the fastest from")
    pathlib.Path(_OUT.value).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        study, point = _study(size, folder, (*ways, *wanted)[0])
        if _SCORES.value:
            given = gpu_study.read_scores(_SCORES.value, study.examples.train_labels)
        (device,) = gpu_processes.outcomes(_device, size, study, point)
        found = _circumstances(study) | device
        _write(found)
        sweep_end = end - (_STUDY_SECONDS.value + RESERVE if _STUDY_SECONDS.value else 0)
        fastest = _sweep(found, size, study, point, ways, end=sweep_end)
        way = (*wanted, fastest)[0]
        if _STUDY_SECONDS.value and way:
            study, point = _study(size, folder, way)
            _run_study(found, study, point, way, given, end=end - RESERVE)
        print(_write(found))


if __name__ == "__main__":
    sys.exit(app.run(main))
