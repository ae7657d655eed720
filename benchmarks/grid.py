r"""What the papers' studies cost on 8, 64 and 512 TPU chips, by counting and by playing the queue.

  python -m benchmarks.grid [--configs=NAMES] [--chip=v5e] [--share=0.25] [--start=20]

The FLOPs of a run are counted from its programs, as `memkit tpu_check` does; nothing is compiled
and nothing is run. What share of its peak a chip reaches is not known without one: --share is an
assumption, and so are --start, the seconds until a worker is ready, and --compile, the seconds that
a worker needs for a point it has not been at. Then workers take blocks of runs as those of one
study do, each from the point it is at, else from one that nobody is at, until all are done.
"""

import importlib
import json
import pathlib
import sys

from absl import app, flags
from memkit.launch import values

from benchmarks import grid_play
from memkit import tables
from memkit.sweeps import pool
from memkit.tpu_check import check as tpu_check
from memkit.tpu_check import chips as tpu_chips
from memkit.tpu_check import programs

GRID = (
    "cifar10_resnet_depth",
    "cifar100_resnet_depth",
    "tiny_imagenet_resnet_depth",
    "cifar100_mobilenet_width",
    "tiny_imagenet_mobilenet_width",
    "cifar100_distill",
    "cifar100_teacher_depth",
    "mnist_mlp",
    "cifar100_resnet50",
    "imagenet_resnet50",
)
NUMBERS = (8, 64, 512)
_CONFIGS = flags.DEFINE_list(
    "configs", list(GRID), "names of configs, each with an optional :variant"
)
_CHIP = flags.DEFINE_enum("chip", "v5e", tuple(tpu_chips.CHIPS), "which chip")
_SHARE = flags.DEFINE_float("share", 0.25, "of the chip's peak that a run reaches: an assumption")
_START = flags.DEFINE_float("start", 20.0, "seconds until a worker is ready")
_COMPILE = flags.DEFINE_float("compile", 60.0, "seconds for the programs of a point")
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")
_REPLAY = flags.DEFINE_string("replay", None, "an earlier JSON file, whose FLOPs are taken")


def flops(name, chip):
    """Returns (number of runs of a point, {point: FLOPs of a run}) of a config."""
    stem, _, variant = name.partition(":")
    config = importlib.import_module(f"memkit.configs.{stem}").get_config(variant)
    check = tpu_check.prepare(values.resolved(config, None), topology=f"{chip}:2x2")
    counts = pool.call_in_process(check.environment, programs.count_points, check.job)
    return check.job.study.config["subsets"]["num_runs"], counts


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    speed = tpu_chips.CHIPS[_CHIP.value].peak * _SHARE.value
    known = json.loads(pathlib.Path(_REPLAY.value).read_text()) if _REPLAY.value else {}
    rows, found = [], {}
    for name in _CONFIGS.value:
        if name in known:
            counts = known[name]["flops"]
            num_runs = known[name]["runs"] // len(counts)
        else:
            num_runs, counts = flops(name, _CHIP.value)
            print(f"{name} counted", file=sys.stderr, flush=True)
        seconds = {point: count / speed for point, count in counts.items()}
        work = num_runs * sum(seconds.values()) / 3600
        options = {"start": _START.value, "compile_seconds": _COMPILE.value}
        hours = {
            n: grid_play.played(seconds, num_runs, workers=n, **options) / 3600 for n in NUMBERS
        }
        ends = (min(counts.values()), max(counts.values()))
        cells = [f"{hours[n]:.3g} ({work / n / hours[n]:.0%})" for n in NUMBERS]
        runs = num_runs * len(counts)
        rows.append([name, runs, *(f"{end:.3g}" for end in ends), f"{work:.4g}", *cells])
        found[name] = {"runs": runs, "flops": counts, "chip_hours": work, "hours": hours}
    header = ["config", "runs", "FLOP/run, least", "most", "chip-hours"]
    print(tables.text([*header, *(f"hours on {n} (used)" for n in NUMBERS)], rows))
    total = sum(one["chip_hours"] for one in found.values())
    print(
        f"total: {sum(one['runs'] for one in found.values()):,} runs, {total:,.0f} chip-hours of "
        f"{_CHIP.value} at {_SHARE.value:.0%} of its peak, {total * _SHARE.value:,.0f} at all of it"
    )
    if _OUT.value:
        pathlib.Path(_OUT.value).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    app.run(main)
