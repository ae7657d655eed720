r"""Images per second of the engine against `Model.fit`, interleaved in one call.

  python -m benchmarks.engine [--rounds=5] [--out=engine.json]

A ResNet-8 on digits at two widths (batch 64) and a ResNet-20 at 32x32 (batch 128, made-up images),
each in three ways: memkit's TensorFlow engine in two one-thread processes, as `memkit run` trains
on two cores; default `Model.fit` in one process with all threads; and `Model.fit` with
steps_per_execution = one epoch in two one-thread processes. Beside them two one-thread processes
multiply float32 matrices: the machine's matrix peak, of which every way reaches a share. The last
table says where the engine's time goes, as TensorFlow's profiler has it in one process.
"""

import statistics
import sys

from absl import app, flags

from benchmarks import engine_variants, interleave, op_times
from memkit import tables

_ROUNDS = flags.DEFINE_integer("rounds", 5, "turns of each way", lower_bound=1)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")
_CASES = flags.DEFINE_list("cases", None, "which of the cases; default all")
_TINY = flags.DEFINE_boolean(
    "tiny", False, "a step per turn, in one process of each way, to see that everything works"
)

CASES = {
    "digits_width4": engine_variants.Case(depth=8, width=4, size=8, batch=64, steps=15, epochs=10),
    "digits_width16": engine_variants.Case(
        depth=8, width=16, size=8, batch=64, steps=15, epochs=10
    ),
    "resnet20": engine_variants.Case(depth=20, width=16, size=32, batch=128, steps=8, epochs=1),
}
TINY = {"tiny": engine_variants.Case(depth=8, width=2, size=16, batch=8, steps=2, epochs=1)}
ENGINE = "memkit, 2 processes x 1 thread"
FIT = "Model.fit, 1 process, all threads"
FIT_EPOCH = "Model.fit, steps_per_execution=epoch, 2 x 1 thread"
PEAK = "float32 matrix product, 2 x 1 thread"


def ways(case, product, processes):
    """Returns {name: Way} of a case; product is (size, count) of the matrix products of a turn."""
    setup, environments = interleave.workers("tensorflow", processes)
    options = {"case": case}
    fit = {"make": engine_variants.fit, "environments": environments}
    size, count = product
    return {
        ENGINE: interleave.Way(engine_variants.engine, options | {"setup": setup}, environments),
        FIT: interleave.Way(
            engine_variants.fit,
            options | {"whole_epochs": False},
            environments[:1],
            all_threads=True,
        ),
        FIT_EPOCH: interleave.Way(options=options | {"whole_epochs": True}, **fit),
        PEAK: interleave.Way(engine_variants.product, {"size": size, "count": count}, environments),
    }


def measure(case, *, rounds, product=(2048, 5), processes=2):
    """Returns the numbers of one case: rates of each round, FLOPs of an image, seconds by group."""
    setup, environments = interleave.workers("tensorflow")
    profile = interleave.Way(op_times.profile, {"case": case, "setup": setup}, environments[:1])
    flops = interleave.Way(engine_variants.flops, {"case": case}, environments[:1])
    return {
        "rates": interleave.measure(ways(case, product, processes), rounds),
        "processes": processes,
        "flops_per_image": interleave.once(flops),
        "seconds_by_group": interleave.once(profile),
        "images_profiled": case.images,
    }


def _speed_rows(name, found):
    rates = dict(found["rates"])
    peak = statistics.median(rates.pop(PEAK))
    rows = []
    for way, images in rates.items():
        middle, low, high = interleave.ratios(rates[ENGINE], images)
        share = statistics.median(images) * found["flops_per_image"] / peak
        speed = round(statistics.median(images))
        rows.append([name, way, speed, f"{share:.0%}", f"{middle:.2f}", f"{low:.2f} to {high:.2f}"])
    rows.append([name, PEAK, None, f"{peak / 1e9:.0f} GFLOP/s", None, None])
    return rows


def _profile_rows(name, found):
    groups = found["seconds_by_group"]
    total = sum(groups.values())
    peak = statistics.median(found["rates"][PEAK]) / found["processes"]  # The profile is of one.
    work = found["images_profiled"] * found["flops_per_image"]
    in_convolutions = sum(groups[group] for group in op_times.GROUPS[:2])
    rows = [[name, group, f"{seconds / total:.1%}"] for group, seconds in groups.items()]
    share = f"{work / in_convolutions / peak:.0%}"
    return [*rows, [name, "speed of the convolutions alone, share of the peak", share]]


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    cases = TINY if _TINY.value else {name: CASES[name] for name in _CASES.value or CASES}
    options = {"product": (64, 1), "processes": 1} if _TINY.value else {}
    found = {n: measure(case, rounds=_ROUNDS.value, **options) for n, case in cases.items()}
    header = ["model", "way", "images/s", "share of peak", "memkit is faster by", "over the rounds"]
    print(tables.text(header, [row for item in found.items() for row in _speed_rows(*item)]))
    print()
    header = ["model", "where the engine's time goes", "share"]
    print(tables.text(header, [row for item in found.items() for row in _profile_rows(*item)]))
    interleave.finish(_OUT.value, {"cases": found}, f"{_ROUNDS.value} rounds, ")


if __name__ == "__main__":
    sys.exit(app.run(main))
