r"""One GPU: its peaks, packed training as shares of them, and a CIFAR-100 study. See gpu.sh.

  benchmarks/gpu.sh [--budget=450] [--data=FOLDER] [--scores=FILE] [--study_seconds=180] [--tiny]

Needs jax, Keras, SciPy, etils and Pillow, and no TensorFlow. Every stage writes what it has found
to --out at once: gpu.json and gpu.txt (all numbers), records.npz (correctness of all runs as packed
bits, log-odds where they fit) and scores.npz (memorization and consistency of every train image).
"""

import dataclasses
import gc
import json
import os
import pathlib
import platform
import sys
import tempfile
import time

_STARTED = time.monotonic()
os.environ["KERAS_BACKEND"] = "jax"

import jax  # noqa: E402
import numpy as np  # noqa: E402
from absl import app, flags  # noqa: E402

from benchmarks import gpu_peaks, gpu_study, gpu_sweep, gpu_text, small_studies  # noqa: E402
from memkit.errors import expected  # noqa: E402
from memkit.training import engines, images  # noqa: E402

_OUT = flags.DEFINE_string("out", "out/gpu", "folder for the results")
_BUDGET = flags.DEFINE_float("budget", 450.0, "seconds for everything", lower_bound=10)
_DATA = flags.DEFINE_string("data", "", "folder with cifar_*.npz; without it images are noise")
_SCORES = flags.DEFINE_string("scores", "", "npz with scores [N] and labels [N] to correlate with")
_STUDY_SECONDS = flags.DEFINE_float("study_seconds", 180.0, "of the budget; 0 = no study")
_EPOCHS = flags.DEFINE_integer("epochs", 30, "of a run", lower_bound=3)
_DEPTHS = flags.DEFINE_list("depths", ["20", "56"], "of the ResNets that are timed")
_BATCHES = flags.DEFINE_list("batches", ["128", "512", "1024"], "batch sizes that are timed")
_PACKINGS = flags.DEFINE_list(
    "packings", ["none:1", "vmap:8", "map:8", "vmap:4", "vmap:16", "map:4"], "packing:runs"
)
_STUDY_BATCH = flags.DEFINE_integer("study_batch", 512, "batch size of the study")
_STUDY_PACKING = flags.DEFINE_string("study_packing", "", "packing:runs; default the fastest timed")
_STUDY_RUNS = flags.DEFINE_integer("study_runs", 200, "runs of the study at most", lower_bound=20)
_TINY = flags.DEFINE_boolean("tiny", False, "everything in a size for a CPU")

RESERVE = 15.0  # seconds kept for estimates and files
LOGODDS_BYTES = 12 * 2**20  # log-odds beyond this are left out of records.npz


@dataclasses.dataclass(frozen=True)
class Size:
    """How large everything is.

    Attributes:
      depths: of the ResNets that are timed; the study has the first.
      batches: that are timed.
      packings: (packing, runs) pairs.
      study_batch: of the study.
      width: filters of the first stage.
      noise: keyword arguments of `gpu_study.write_noise` where there is no data.
      matrix: arguments of `gpu_peaks.matrix`.
      memory: arguments of `gpu_peaks.memory`.
      seconds_each: timed epochs of a combination together, at least.
      first_guess: seconds that the first compilation may take.
    """

    depths: tuple
    batches: tuple
    packings: tuple
    study_batch: int
    width: int = 16
    noise: dict = dataclasses.field(
        default_factory=lambda: dict(size=32, num_classes=100, num_train=50_000, num_test=10_000)
    )
    matrix: tuple = (8192, 20)
    memory: tuple = (2**28, 20)
    seconds_each: float = 2.0
    first_guess: float = 60.0


TINY = Size(
    depths=(8,),
    batches=(16,),
    packings=(("none", 1), ("vmap", 2), ("map", 2)),
    study_batch=16,
    width=2,
    noise=dict(size=8, num_classes=4, num_train=60, num_test=20),
    matrix=(128, 2),
    memory=(2**16, 2),
    seconds_each=0.1,
    first_guess=5.0,
)


def _size():
    if _TINY.value:
        return TINY
    return Size(
        depths=tuple(map(int, _DEPTHS.value)),
        batches=tuple(map(int, _BATCHES.value)),
        packings=tuple(map(_packing, _PACKINGS.value)),
        study_batch=_STUDY_BATCH.value,
    )


def _packing(text):
    """Returns (packing, runs) of a text such as "map:8"."""
    packing, _, runs = text.partition(":")
    if packing not in engines.PACKINGS or not runs.isdigit():
        wanted = f"packing:runs with a packing among {', '.join(engines.PACKINGS)}"
        raise expected("--packings and --study_packing", wanted, repr(text))
    if int(runs) < 1 or (packing == "none" and int(runs) > 1):
        raise expected("--packings and --study_packing", "none:1, map:R or vmap:R", repr(text))
    return packing, int(runs)


def _study(size, folder):
    """Returns (Study, Point, shape of an image) of the study, on the data of --data or on noise."""
    file = folder / "data.npz"
    if _DATA.value:
        gpu_study.join_parts(pathlib.Path(_DATA.value), file)
    else:
        gpu_study.write_noise(file, **size.noise)
    epochs = 3 if _TINY.value else _EPOCHS.value
    mean, std = [0.5071, 0.4865, 0.4409], [0.2673, 0.2564, 0.2762]
    config = small_studies.config(
        dataset=dict(name="npz", path=str(file), mean=mean, std=std),
        model=dict(name="resnet", depth=size.depths[0], width=size.width),
        num_runs=20 if _TINY.value else _STUDY_RUNS.value,
        epochs=epochs,
        batch_size=size.study_batch,
        schedule=dict(name="cosine", peak=0.1 * size.study_batch / 128, warmup_epochs=epochs / 10),
        optimizer=dict(nesterov=True, weight_decay=5e-4),
        augment="pad_crop_flip",
        precision="bfloat16",
    )
    study, point = small_studies.draft(config, folder / "study")
    return study, point, images.load_dataset(config).image_shape


def _circumstances(study):
    device = jax.devices()[0]
    return {
        "device": device.device_kind,
        "backend": jax.default_backend(),
        "jax": jax.__version__,
        "python": platform.python_version(),
        "data": "cifar_*.npz" if _DATA.value else "noise",
        "train_images": int(study.train_mask[0].sum()),
        "evaluated_images": study.sizes.train + study.sizes.test,
        "epochs": study.config["training"]["epochs"],
        "command": " ".join(["benchmarks/gpu.sh", *sys.argv[1:]]),
    }


def _sweep(found, size, study, point, image_shape, *, end):
    """Adds a row to found["sweep"] for every combination; returns the fastest one for the study."""
    found["costs"] = {d: gpu_sweep.costs(d, study, point, image_shape) for d in size.depths}
    found["sweep"], best = [], (0.0, gpu_sweep.Combination(size.depths[0], 0, "none", 1))
    for combination, timed in gpu_sweep.sweep(
        study,
        point,
        gpu_sweep.combinations(size.depths, size.batches, size.packings),
        kind=jax.default_backend(),
        seconds_each=size.seconds_each,
        end=end,
        first_guess=size.first_guess,
    ):
        row = dataclasses.asdict(combination)
        if isinstance(timed, str):
            row["note"] = timed
        else:
            row |= dataclasses.asdict(timed)
            row |= gpu_sweep.rates(combination, timed, study, study.config["training"]["epochs"])
            row |= gpu_sweep.shares(row, found["costs"][combination.depth], found["peaks"])
            is_study = (combination.depth, combination.batch) == (size.depths[0], size.study_batch)
            if is_study:
                best = max(best, (row["models_per_hour"], combination))
        found["sweep"].append(row)
        _write(found)
    return best[1]


def _run_study(found, study, point, setup, given, *, end, first_guess):
    """Trains, estimates and writes records.npz and scores.npz."""
    out = pathlib.Path(_OUT.value)
    gc.collect()  # Frees what the last timed program holds on the device.
    seconds = gpu_study.train(study, point, setup, end=end, first_guess=first_guess)
    if not seconds:
        found["study"] = {"note": "skipped: no time was left"}
        return
    records, scores, numbers = gpu_study.score(study, point, given)
    if records["train_logodds"].nbytes > LOGODDS_BYTES:
        del records["train_logodds"]
    np.savez_compressed(out / "records.npz", **records)
    np.savez_compressed(out / "scores.npz", **scores)
    packed = {"packing": setup.packing, "runs_per_program": setup.runs_per_program}
    found["study"] = packed | {"pack_seconds": seconds} | numbers


def _write(found):
    """Writes and returns what has been found so far."""
    out, text = pathlib.Path(_OUT.value), gpu_text.text(found)
    found["seconds"] = round(time.monotonic() - _STARTED, 1)
    (out / "gpu.json").write_text(json.dumps(found, indent=1))
    (out / "gpu.txt").write_text(text)
    return text


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    end, size, given = _STARTED + _BUDGET.value, _size(), None
    pathlib.Path(_OUT.value).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        study, point, image_shape = _study(size, pathlib.Path(folder))
        if _SCORES.value:
            given = gpu_study.read_scores(_SCORES.value, study.examples.train_labels)
        kind = jax.default_backend()
        engines.load("jax").configure(engines.Setup(engine="jax", kind=kind))
        found = {"circumstances": _circumstances(study)}
        found["peaks"] = {
            "flops_per_second": gpu_peaks.matrix(*size.matrix),
            "bytes_per_second": gpu_peaks.memory(*size.memory),
        }
        sweep_end = end - _STUDY_SECONDS.value - RESERVE
        best = _sweep(found, size, study, point, image_shape, end=sweep_end)
        if _STUDY_PACKING.value:
            packing, runs = _packing(_STUDY_PACKING.value)
            best = dataclasses.replace(best, packing=packing, runs=runs)
        if _STUDY_SECONDS.value:
            setup = gpu_sweep.setup_of(best, kind)
            limits = {"end": end - RESERVE, "first_guess": size.first_guess}
            _run_study(found, study, point, setup, given, **limits)
        print(_write(found))


if __name__ == "__main__":
    sys.exit(app.run(main))
