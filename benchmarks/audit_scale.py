r"""Seconds and memory of `memkit audit` on a large folder of images, stage by stage.

  python -m benchmarks.audit_scale --folder=out/large [--images=87000] [--side=64] [--classes=200]

Writes JPEG files of made-up images into folders of classes, unless the folder exists, and audits
them as `memkit audit FOLDER` does, but trains only the first 2 runs, for 1 epoch, and does not
search for a learning rate. Memory is what all processes hold together at the peak: what cannot be
dropped (anonymous and shared memory), and all resident pages, files that are mapped included, in
which pages that processes share count for each of them. The last lines say what the whole audit
would cost: here, from the epoch that memkit measures for its plan, and on one GPU, by arithmetic
alone: its operations at GPU_FLOPS, or its steps at GPU_STEP, whichever takes longer. A call that
was interrupted goes on without measuring the stages again that it finished.
"""

import collections
import concurrent.futures
import contextlib
import functools
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import PIL.Image
from absl import app, flags

from benchmarks import interleave
from memkit import models, studies, tables
from memkit.audits import choices, sources
from memkit.sweeps import placement
from memkit.sweeps.progress import duration
from memkit.training.measure import Cost
from memkit.typing import Json

# Tests import several benchmarks into one process, where their flags would clash.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_FOLDER = flags.DEFINE_string("folder", None, "the images", flag_values=_FLAGS)
_WORKDIR = flags.DEFINE_string(
    "workdir", "", "of the study; default FOLDER.study", flag_values=_FLAGS
)
_IMAGES = flags.DEFINE_integer("images", 87_000, "number of images", flag_values=_FLAGS)
_SIDE = flags.DEFINE_integer("side", 64, "pixels of a side", flag_values=_FLAGS)
_CLASSES = flags.DEFINE_integer("classes", 200, "number of classes", flag_values=_FLAGS)
_MINUTES = flags.DEFINE_float("minutes", 10.0, "--minutes of the audit", flag_values=_FLAGS)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers", flag_values=_FLAGS)

RUNS, EPOCHS = 2, 1
INTERVAL = 0.1  # seconds between looks at the memory
GPU_FLOPS = 1e13  # operations per second, an eighth to a sixth of the float32 peak of large GPUs
GPU_STEP = 2e-3  # seconds of a step that is too small to fill a GPU


def write(folder: pathlib.Path, *, images: int, side: int, classes: int) -> None:
    """Writes JPEG files into a folder per class: waves of a color and direction of their class."""
    folder.mkdir(parents=True)
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        each = functools.partial(_write_class, folder, images, side, classes)
        list(pool.map(each, range(classes), chunksize=4))


def _write_class(folder: pathlib.Path, images: int, side: int, classes: int, number: int) -> None:
    rng = np.random.default_rng(number)
    place = folder / f"class{number:03d}"
    place.mkdir()
    down, right = np.mgrid[:side, :side] / side
    color, direction = rng.uniform(40, 215, 3), rng.normal(0, 6, 2)
    for image in range(number, images, classes):
        phase, noise = rng.uniform(0, 6.3), rng.normal(0, 25, (side, side, 3))
        wave = np.sin(direction[0] * down + direction[1] * right + phase)[..., None]
        pixels = np.clip(color + 40 * wave + noise, 0, 255).astype(np.uint8)
        PIL.Image.fromarray(pixels).save(place / f"{image:06d}.jpg", quality=85)


def audit(folder: str, workdir: str, stages_file: str, minutes: str) -> None:
    """Does what `memkit audit FOLDER` does with fewer runs; writes the times of its stages."""
    from memkit.launch import audit as command
    from memkit.launch import quick_audit, stages

    from memkit.audits import choices
    from memkit.sweeps import costs

    choices._EPOCHS = (EPOCHS, EPOCHS)
    stages.train = functools.partial(stages.train, runs=(0, RUNS))
    quick_audit._with_recipe = lambda config, *_: config
    timed = {
        "read": (stages, "read_dataset"),
        "plan": (costs, "measured"),
        "open": (stages, "open_study"),
        "train": (stages, "train"),
        "estimate": (stages, "estimate"),
        "list": (command, "_print"),
        "page": (stages, "write_report"),
    }
    planned = [line["cost"] for line in finished(pathlib.Path(stages_file)) if "cost" in line]
    if planned:
        del timed["plan"]
        costs.measured = lambda *_: [Cost(**planned[0])]
    with open(stages_file, "a", buffering=1) as log:
        for name, (module, function) in timed.items():
            setattr(module, function, _timed(name, getattr(module, function), log))
        flags.FLAGS([sys.argv[0], f"--data={folder}", f"--workdir={workdir}", minutes])
        sys.exit(command.main())


def finished(stages_file: pathlib.Path) -> list[Json]:
    """Returns a line of each stage that has finished, the last of those with the same name."""
    if not stages_file.exists():
        return []
    lines = map(json.loads, stages_file.read_text().splitlines())
    return list({line["stage"]: line for line in lines}.values())


def _timed(name: str, function: Callable[..., Any], log: Any) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        started = time.time()
        result = function(*args, **options)
        line = {"stage": name, "started": started, "ended": time.time()}
        if name == "plan":
            (line["cost"],) = [vars(cost) for cost in result]
        log.write(json.dumps(line) + "\n")
        return result

    return call


@contextlib.contextmanager
def watched(process: subprocess.Popen) -> Iterator[list[tuple[float, int, int]]]:
    """Collects (time, bytes that cannot be dropped, resident bytes) of a process and its own."""
    found: list[tuple[float, int, int]] = []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(_watch, process, found)
        yield found


def _watch(process: subprocess.Popen, found: list[tuple[float, int, int]]) -> None:
    while process.poll() is None:
        sizes: collections.Counter[str] = collections.Counter()
        for number in _tree(process.pid):
            with contextlib.suppress(OSError):  # It has just ended.
                for line in pathlib.Path(f"/proc/{number}/status").read_text().splitlines():
                    if line.startswith("Rss") or line.startswith("VmRSS"):
                        name, size, _ = line.split()
                        sizes[name] += int(size) * 1024
        found.append((time.time(), sizes["RssAnon:"] + sizes["RssShmem:"], sizes["VmRSS:"]))
        time.sleep(INTERVAL)


def _tree(root: int) -> list[int]:
    """Returns the numbers of a process and of all its descendants."""
    members, waiting = [], [root]
    while waiting:
        members.append(waiting.pop())
        with contextlib.suppress(OSError):
            for task in pathlib.Path(f"/proc/{members[-1]}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return members


def whole(cost: Cost, config: Json, images: int, classes: int) -> dict[str, float]:
    """Returns what an audit takes that is not cut short, its search for a recipe included.

    Args:
      cost: of one epoch of one run.
      config: of the audit.
      images: number of images.
      classes: number of classes.
    """
    from benchmarks import arithmetic

    workers = placement.available_cores()
    amount = choices.amount(cost, minutes=_MINUTES.value, workers=workers)
    full = choices.with_amount(config, amount)
    short = choices.short(full, peak=0.1, augment="none")["training"]["epochs"]
    searched = (len(choices.PEAKS) + 1) * short
    epochs = amount.num_runs * amount.epochs + searched
    shape = (sources.MOST_SIDE, sources.MOST_SIDE, 3)
    model = models.build(**config["model"], input_shape=shape, num_classes=classes)
    trained = epochs * choices.TRAIN_FRACTION * images * arithmetic.training_flops(model)
    evaluated = (amount.num_runs + len(choices.PEAKS) + 1) * images
    flops = trained + evaluated * arithmetic.forward_flops(model)
    return {
        "runs": amount.num_runs,
        "epochs": amount.epochs,
        "steps": epochs * cost.steps,
        "flops": flops,
        "seconds here": amount.seconds + searched * cost.seconds,
        "seconds on a GPU": max(flops / GPU_FLOPS, epochs * cost.steps * GPU_STEP),
    }


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    folder = pathlib.Path(_FOLDER.value)
    workdir = pathlib.Path(_WORKDIR.value or f"{folder}.study")
    if not folder.exists():
        write(folder, images=_IMAGES.value, side=_SIDE.value, classes=_CLASSES.value)
    stages_file = workdir.with_name(f"{workdir.name}.stages")
    code = "import sys; from benchmarks import audit_scale; audit_scale.audit(*sys.argv[1:])"
    minutes = f"--minutes={_MINUTES.value}"
    words = [sys.executable, "-c", code, folder, workdir, stages_file, minutes]
    process = subprocess.Popen(words)
    with watched(process) as memory:
        process.wait()
    if process.returncode:
        raise app.UsageError(f"the audit ended with exit code {process.returncode}")
    stages, rows = finished(stages_file), []
    for stage in stages:
        seen = [sizes for when, *sizes in memory if stage["started"] <= when <= stage["ended"]]
        held, resident = np.max(seen, axis=0) / 2**30 if seen else (np.nan, np.nan)
        rows.append([stage["stage"], stage["ended"] - stage["started"], held, resident])
    print(tables.text(["stage", "seconds", "GiB held", "GiB resident"], rows))
    peaks = {"held": max(h for _, h, _ in memory), "resident": max(r for *_, r in memory)}
    print(", ".join(f"peak {size / 2**30:.2f} GiB {name}" for name, size in peaks.items()))
    study = studies.load(workdir)
    cost = Cost(**next(stage["cost"] for stage in stages if "cost" in stage))
    audited = whole(cost, study.config, study.sizes.train, study.sizes.classes)
    print(
        f"the whole audit: {audited['runs']} runs of {audited['epochs']} epochs, "
        f"{audited['steps']:,} steps, {audited['flops'] / 1e15:.2f} PFLOP; "
        f"{duration(audited['seconds here'])} here, by arithmetic "
        f"{duration(audited['seconds on a GPU'])} on one GPU"
    )
    results = {"rows": rows, "peaks": peaks, "cost": vars(cost), "whole": audited}
    interleave.finish(_OUT.value, results)


if __name__ == "__main__":
    sys.exit(app.run(main))
