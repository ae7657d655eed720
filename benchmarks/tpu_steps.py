r"""The TPU compiler's estimates of a training step, and the memory it needs, of points of configs.

  python -m benchmarks.tpu_steps [--points=CONFIG/POINT,...] [--chips=v5e,v6e]
      [--precisions=float32,bfloat16] [--remat] [--data_parallel=1]

Compiles the programs of each point, as `memkit tpu_check` does, and prints a row after each. The
milliseconds are the sum of the compiler's "estimated_cycles" (`memkit.tpu_check.cycles`); nothing
runs on a TPU. A point takes minutes on a CPU. The first line has the share of each chip's peak that
a product of two matrices reaches by the same estimates.
"""

import importlib
import itertools
import os

from absl import app, flags
from memkit.launch import values

from memkit import tables
from memkit.tpu_check import check as tpu_check
from memkit.tpu_check import chips, cycles, table

POINTS = (
    "cifar100_resnet_depth/one_hot_depth8",
    "cifar100_resnet_depth/one_hot_depth20",
    "cifar100_resnet_depth/one_hot_depth56",
    "cifar100_resnet_depth/one_hot_depth110",
    "cifar100_mobilenet_width/one_hot_alpha1.0",
    "cifar100_distill/distilled_depth20",
    "tiny_imagenet_resnet_depth/one_hot_depth50",
    "imagenet_resnet50/one_hot",
)
HEADER = ["config/point", "batch", "chip", "precision", "ms/step", "runs/hour/chip", "of peak"]
HEADER += ["memory/chip", "of HBM"]
# Tests import several benchmarks into one process, where their flags would clash.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_POINTS = flags.DEFINE_list(
    "points", list(POINTS), "names CONFIG[:variant]/POINT", flag_values=_FLAGS
)
_CHIPS = flags.DEFINE_list("chips", ["v5e", "v6e"], "kinds of chips", flag_values=_FLAGS)
_PRECISIONS = flags.DEFINE_list(
    "precisions", ["float32", "bfloat16"], "values of training.precision", flag_values=_FLAGS
)
_REMAT = flags.DEFINE_bool(
    "remat", None, "training.remat; by default the config's", flag_values=_FLAGS
)
_SHARED = flags.DEFINE_integer("data_parallel", 1, "chips that share a run", flag_values=_FLAGS)


def topology(chip):
    """Returns the topology of four chips, one host of any kind."""
    return chips.topology(f"{chip}:2x2" + "x1" * (chips.CHIPS[chip].sides - 2))


def share_of_product(described, side=4096):
    """Returns the share of the peak of a product of two [side, side] bfloat16 matrices."""
    import jax

    from memkit.tpu_check import lowering

    device = lowering.devices(described.name, described.options)[0]
    sharding = jax.sharding.SingleDeviceSharding(device)
    matrix = jax.ShapeDtypeStruct((side, side), "bfloat16", sharding=sharding)
    program = jax.jit(lambda a, b: a @ b).lower(matrix, matrix).compile()
    return 2 * side**3 / cycles.of_call(program.as_text()) / described.chip.per_cycle


def row(name, chip, precision, *, remat=None, data_parallel=1):
    """Returns the cells of a point of a config, compiled for chips."""
    file, _, point = name.partition("/")
    stem, _, variant = file.partition(":")
    config = importlib.import_module(f"memkit.configs.{stem}").get_config(variant)
    config.training.update(precision=precision, data_parallel=data_parallel)
    if remat is not None:
        config.training.remat = remat
    check = tpu_check.prepare(
        values.resolved(config, None, ()), topology=topology(chip).name, points=[point]
    )
    finding = tpu_check.compiled(check, check.compiled[0])
    cells = [name, check.compiled[0].config["training"]["batch_size"], chip, precision]
    if finding.error:
        return [*cells, "-", "-", "-", finding.error, "-"]
    peak = f"{finding.flops / finding.run / check.job.topology.chip.peak:.1%}"
    cells += [table.plain(1e3 * finding.step), table.plain(3600 / finding.run), peak]
    return cells + table.verdict(finding, check.job.topology.chip)[1:]


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    os.environ.update(tpu_check.ENVIRONMENT, JAX_PLATFORMS="cpu", KERAS_BACKEND="jax")
    for chip in _CHIPS.value:
        share = share_of_product(topology(chip))
        print(f"a product of 4096x4096 matrices on {chip}: {share:.1%} of the peak", flush=True)
    rows = []
    options = {"remat": _REMAT.value, "data_parallel": _SHARED.value}
    for case in itertools.product(_POINTS.value, _CHIPS.value, _PRECISIONS.value):
        rows.append(row(*case, **options))
        print(*rows[-1], sep="\t", flush=True)
    print(tables.text(HEADER, rows))


if __name__ == "__main__":
    app.run(main)
