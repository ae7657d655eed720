r"""The TPU compiler's estimates of a training step, and the memory it needs, of points of configs.

  python -m benchmarks.tpu_steps [--points=CONFIG/POINT,...] [--chips=v5e,v6e]
      [--precisions=float32,bfloat16] [--remat] [--data_parallel=1] [--batch_size=0]
  python -m benchmarks.tpu_steps --count

Compiles the programs of each point, as `memkit tpu_check` does, and prints a row after each. The
milliseconds are the sum of the compiler's "estimated_cycles" (`memkit.tpu_check.cycles`); nothing
runs on a TPU. A point takes minutes on a CPU. The first line has the share of each chip's peak that
a product of two matrices reaches by the same estimates. --count compiles nothing: it prints how
much the largest point of every packaged config keeps for the backward pass, as `memkit plan` does.
"""

import dataclasses
import importlib
import itertools
import os

from absl import app, flags
from memkit.launch import values

from memkit import tables
from memkit.tpu_check import check as tpu_check
from memkit.tpu_check import chips, cycles, table
from memkit.training import activations

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
CONFIGS = (
    *("cifar10_resnet_depth", "cifar100_resnet_depth", "cifar100_label_noise"),
    *("cifar100_equal_fit", "cifar100_augmentation", "cifar100_weight_decay"),
    *("cifar10_distill", "cifar100_distill", "cifar100_teacher_depth", "cifar100_subset_ratio"),
    *("cifar100_mobilenet_width", "cifar100_convnext_width", "cifar100_vit_depth"),
    *("cifar100_resnet50", "tiny_imagenet_resnet_depth", "tiny_imagenet_distill"),
    *("tiny_imagenet_mobilenet_width", "imagenet_resnet50", "mnist_mlp", "digits_width"),
)
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
_COUNT = flags.DEFINE_bool("count", False, "count, compile nothing", flag_values=_FLAGS)
_SHARED = flags.DEFINE_integer("data_parallel", 1, "chips that share a run", flag_values=_FLAGS)
_BATCH = flags.DEFINE_integer("batch_size", 0, "0 = that of the config", flag_values=_FLAGS)


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


def row(name, chip, precision, *, remat=None, data_parallel=1, batch_size=0):
    """Returns the cells of a point of a config, compiled for chips."""
    file, _, point = name.partition("/")
    stem, _, variant = file.partition(":")
    config = importlib.import_module(f"memkit.configs.{stem}").get_config(variant)
    config.training.update(precision=precision, data_parallel=data_parallel)
    if remat is not None:
        config.training.remat = remat
    if batch_size:
        config.training.batch_size = batch_size
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


def counts(name):
    """Returns the cells of the largest point of a config: GiB in float32, and where it has room."""
    config = importlib.import_module(f"memkit.configs.{name}").get_config("")
    config.training.precision = "float32"
    job = tpu_check.prepare(values.resolved(config, None, ()), topology="v5e:2x2").job
    # The points of one model on its axis: the last is the largest.
    series = [point for point in job.study.points if point.series == "one_hot"][-1:]
    study = dataclasses.replace(job.study, points=tuple(series))
    ((point, kept),) = activations.of_points(study, job, "jax").items()
    gib = [number / share / 2**30 for share in (1, 2) for number in kept]
    room = [min((c.hbm, n) for n, c in chips.CHIPS.items() if c.hbm > g * 2**30)[1] for g in gib]
    return [f"{name}/{point}", *(f"{g:.2f} ({chip})" for g, chip in zip(gib, room, strict=True))]


def print_counts():
    rows = []
    for name in CONFIGS:
        rows.append(counts(name))
        print(*rows[-1], sep="\t", flush=True)
    header = ["config/point", "float32, GiB", "with remat", "bfloat16, GiB", "with remat"]
    print(tables.text(header, rows))


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    os.environ.update(tpu_check.ENVIRONMENT, JAX_PLATFORMS="cpu", KERAS_BACKEND="jax")
    if _COUNT.value:
        print_counts()
        return
    for chip in _CHIPS.value:
        share = share_of_product(topology(chip))
        print(f"a product of 4096x4096 matrices on {chip}: {share:.1%} of the peak", flush=True)
    rows = []
    options = {"remat": _REMAT.value, "data_parallel": _SHARED.value, "batch_size": _BATCH.value}
    for case in itertools.product(_POINTS.value, _CHIPS.value, _PRECISIONS.value):
        rows.append(row(*case, **options))
        print(*rows[-1], sep="\t", flush=True)
    print(tables.text(HEADER, rows))


if __name__ == "__main__":
    app.run(main)
