r"""How cost grows with runs, examples and epochs, and whether 500 runs leave memory behind.

  python -m benchmarks.scaling [--engines=tensorflow,jax] [--out=scaling.json]

ResNet-8 of width 4 on made-up 8x8 images, batch 64, in one one-thread process per engine and
question. The exponent is the slope of log seconds over log size: 1 = the cost is proportional,
below 1 = a fixed cost is part of it. Memory is what the process has in RAM, looked at every few
of many short runs, each from initial values to its record on disk; the slope is fitted to the last
half, when caches are full.
"""

import sys

from absl import app, flags

from benchmarks import interleave, scaling_variants
from memkit import tables

_ENGINES = flags.DEFINE_list("engines", ["tensorflow", "jax"], "engines to measure")
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")
_RUNS = flags.DEFINE_integer("runs", 500, "short runs for the memory", lower_bound=8)
_TINY = flags.DEFINE_boolean("tiny", False, "two small sizes, to see that everything works")

TINY = dict(runs=(1, 2), examples=(200, 400), epochs=(1, 2), repeats=1, every=1)


def measure(engine, sizes):
    """Returns {"growth": ..., "memory": ...} of an engine, see `scaling_ways`."""
    setup, environments = interleave.workers(engine, 1)
    options = {"setup": setup, "sizes": sizes}
    kinds = {"growth": scaling_variants.growth, "memory": scaling_variants.memory}
    return {
        n: interleave.once(interleave.Way(make, options, environments)) for n, make in kinds.items()
    }


def growth_rows(engine, found):
    """Returns the rows of the table of one engine."""
    rows = []
    for axis, pairs in found.items():
        slope = f"{scaling_variants.exponent(pairs):.2f}"
        rows += [
            [engine, axis, size, seconds, 1e3 * seconds / size, slope] for size, seconds in pairs
        ]
    return rows


def memory_row(engine, pairs):
    """Returns the row of the table of one engine."""
    (first, start), (last, end) = pairs[0], pairs[-1]
    slope = scaling_variants.bytes_per_run(pairs)
    return [engine, first, tables.size(start), last, tables.size(end), f"{slope / 1e3:.1f} kB"]


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    options = TINY if _TINY.value else {}
    sizes = scaling_variants.Sizes(many=_RUNS.value, **options)
    found = {engine: measure(engine, sizes) for engine in _ENGINES.value}
    header = ["engine", "axis", "size", "seconds", "ms per unit", "exponent"]
    table = [row for engine, one in found.items() for row in growth_rows(engine, one["growth"])]
    print(tables.text(header, table))
    header = ["engine", "after runs", "memory", "after runs", "memory", "per run, last half"]
    print("\n" + tables.text(header, [memory_row(e, one["memory"]) for e, one in found.items()]))
    interleave.finish(_OUT.value, {"engines": found})


if __name__ == "__main__":
    sys.exit(app.run(main))
