r"""What the papers' studies cost on 8, 64 and 512 TPU chips, by counting and by playing the queue.

  python -m benchmarks.grid [--configs=NAMES] [--chip=v5e] [--share=0] [--start=20] [--counts=FILE]

The FLOPs of a run are counted from its programs, as `memkit tpu_check` does; nothing is compiled
and nothing is run. The runs of a config reach the share of the chip's peak that the TPU compiler
estimates for one of its points on v5e (SHARES, printed by `benchmarks.tpu_steps`), or --share.
--start, the seconds until a worker is ready, and --compile, the seconds that a worker needs for a
point it has not been at, are assumptions. Then workers take blocks of runs as those of one study
do, each from the point it is at, else from one that nobody is at, until all are done. Counting
takes minutes; --counts names a file that keeps the counts.
"""

import heapq
import importlib
import json
import math
import pathlib
import sys

from absl import app, flags
from memkit.launch import values

from memkit import tables
from memkit.sweeps import pool, queue
from memkit.tpu_check import check as tpu_check
from memkit.tpu_check import chips as tpu_chips
from memkit.tpu_check import programs

# In bfloat16: ResNet-20; ResNet-50 on CIFAR-100, on Tiny-ImageNet and on ImageNet; MobileNet with
# alpha 1. The perceptron is in float32.
_RESNET20, _MOBILENET = 0.13, 0.038
SHARES = {
    "cifar10_resnet_depth": _RESNET20,
    "cifar100_resnet_depth": _RESNET20,
    "tiny_imagenet_resnet_depth": 0.204,
    "cifar100_mobilenet_width": _MOBILENET,
    "tiny_imagenet_mobilenet_width": _MOBILENET,
    "cifar100_distill": _RESNET20,
    "cifar100_teacher_depth": _RESNET20,
    "mnist_mlp": 0.03,
    "cifar100_resnet50": 0.24,
    "imagenet_resnet50": 0.197,
}
NUMBERS = (8, 64, 512)
# Tests import several benchmarks into one process, where their flags would clash.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_CONFIGS = flags.DEFINE_list(
    "configs", list(SHARES), "names of configs, each with an optional :variant", flag_values=_FLAGS
)
_CHIP = flags.DEFINE_enum("chip", "v5e", tuple(tpu_chips.CHIPS), "which chip", flag_values=_FLAGS)
_SHARE = flags.DEFINE_float(
    "share", 0.0, "of the chip's peak that all runs reach; 0 for SHARES", flag_values=_FLAGS
)
_COUNTS = flags.DEFINE_string("counts", "", "a JSON file that keeps counts", flag_values=_FLAGS)
_START = flags.DEFINE_float("start", 20.0, "seconds until a worker is ready", flag_values=_FLAGS)
_COMPILE = flags.DEFINE_float(
    "compile", 60.0, "seconds for the programs of a point", flag_values=_FLAGS
)


def kept_flops(name, chip, file):
    """Returns what `flops` returns, from a JSON file if it has them; else adds them to it."""
    path = pathlib.Path(file)
    kept = json.loads(path.read_text()) if file and path.exists() else {}
    if name not in kept:
        kept[name] = flops(name, chip)
    if file:
        path.write_text(json.dumps(kept))
    return kept[name]


def flops(name, chip):
    """Returns (number of runs of a point, {point: FLOPs of a run}) of a config."""
    stem, _, variant = name.partition(":")
    config = importlib.import_module(f"memkit.configs.{stem}").get_config(variant)
    check = tpu_check.prepare(values.resolved(config, None, ()), topology=f"{chip}:2x2")
    counts = pool.call_in_process(check.environment, programs.count_points, check.job)
    return check.job.study.config["subsets"]["num_runs"], counts


def played(seconds, num_runs, *, workers, start, compile_seconds):
    """Returns the seconds until a study is done.

    Args:
      seconds: {point: seconds of a run}, in the order of the study.
      num_runs: runs of each point.
      workers: how many there are, each with a chip.
      start: seconds until a worker is ready.
      compile_seconds: of a point that the worker has not just been at.
    """
    block = queue.block_size(num_runs * len(seconds), workers)
    left = dict.fromkeys(seconds, math.ceil(num_runs / block))
    ready = [(start, worker, None) for worker in range(workers)]
    busy, ended = {}, start
    while left:
        now, worker, last = heapq.heappop(ready)
        busy.pop(worker, None)
        taken = set(busy.values())
        fresh = next((name for name in left if name not in taken), next(iter(left)))
        name = last if last in left else fresh
        left[name] -= 1
        if not left[name]:
            del left[name]
        taking = block * seconds[name] + (compile_seconds if name != last else 0)
        busy[worker] = name
        ended = max(ended, now + taking)
        heapq.heappush(ready, (now + taking, worker, name))
    return ended


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    peak = tpu_chips.CHIPS[_CHIP.value].peak
    options = {"start": _START.value, "compile_seconds": _COMPILE.value}
    rows, all_runs, all_hours, least = [], 0, 0.0, 0.0
    for name in _CONFIGS.value:
        num_runs, counts = kept_flops(name, _CHIP.value, _COUNTS.value)
        print(f"{name} counted", file=sys.stderr, flush=True)
        share = _SHARE.value or SHARES[name.partition(":")[0]]
        seconds = {point: count / peak / share for point, count in counts.items()}
        runs, work = num_runs * len(counts), num_runs * sum(seconds.values()) / 3600
        hours = {n: played(seconds, num_runs, workers=n, **options) / 3600 for n in NUMBERS}
        cells = [f"{hours[n]:.3g} ({work / n / hours[n]:.0%})" for n in NUMBERS]
        ends = (min(counts.values()), max(counts.values()))
        rows.append([name, runs, *(f"{end:.3g}" for end in ends), f"{share:.1%}", f"{work:.4g}"])
        rows[-1] += cells
        all_runs, all_hours, least = all_runs + runs, all_hours + work, least + work * share
    header = ["config", "runs", "FLOP/run, least", "most", "of peak", "chip-hours"]
    print(tables.text([*header, *(f"hours on {n} (used)" for n in NUMBERS)], rows))
    print(
        f"total: {all_runs:,} runs, {all_hours:,.0f} chip-hours of {_CHIP.value}, "
        f"{least:,.0f} at all of its peak"
    )


if __name__ == "__main__":
    app.run(main)
