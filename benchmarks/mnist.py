r"""Whole MNIST runs per second against a plain JAX loop, interleaved in one call.

  python -m benchmarks.mnist [--rounds=3] [--npz=mnist.npz] [--out=mnist.json]

A run is the perceptron 512-256 of Feldman and Zhang's demonstration, trained with batches of 128
for 10 epochs on 70% of 60,000 images and evaluated on all 70,000: made-up images of that shape, or
those of a file. Three ways: memkit in two one-thread processes, as `memkit run` works on two
cores, with its TensorFlow and with its JAX engine, up to the record of each run; and one process
with all threads that trains one model after another with a jitted update per batch of host data,
the shape of that demonstration. Last, what no way can beat: the arithmetic of a run at the speed
of a float32 matrix product timed in the same call.
"""

import statistics
import sys

from absl import app, flags

from benchmarks import engine_variants, interleave, mnist_variants
from memkit import tables

_ROUNDS = flags.DEFINE_integer("rounds", 3, "turns of each way", lower_bound=1)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")
_NPZ = flags.DEFINE_string("npz", "", "file with x_train, y_train, x_test, y_test")
_EPOCHS = flags.DEFINE_integer("epochs", 10, "epochs of a run", lower_bound=1)
_EXAMPLES = flags.DEFINE_integer("examples", 60_000, "made-up train images", lower_bound=200)
_TESTS = flags.DEFINE_integer("tests", 10_000, "made-up test images", lower_bound=10)

PLAIN = "plain JAX loop, 1 process, all threads"
PEAK = "float32 matrix product, 2 x 1 thread"


def ways(case):
    """Returns {name: Way}."""
    found = {}
    for name in ("tensorflow", "jax"):
        setup, environments = interleave.workers(name)
        options = {"case": case, "setup": setup}
        found[f"memkit, {name}, 2 x 1 thread"] = interleave.Way(
            mnist_variants.engine, options, environments
        )
    hidden = {"JAX_PLATFORMS": "cpu"}
    found[PLAIN] = interleave.Way(mnist_variants.plain, {"case": case}, (hidden,), all_threads=True)
    found[PEAK] = interleave.Way(engine_variants.product, {"size": 2048, "count": 5}, environments)
    return found


def rows(rates, flops):
    """Returns the rows of the table, the last for the arithmetic alone.

    Args:
      rates: {way: runs per second of each round, operations per second for the product}.
      flops: operations of a run.
    """
    table = []
    whole_runs = {name: found for name, found in rates.items() if name != PEAK}
    whole_runs["arithmetic alone"] = [peak / flops for peak in rates[PEAK]]
    for name, found in whole_runs.items():
        middle, low, high = interleave.ratios(found, rates[PLAIN])
        speed = statistics.median(found)
        table.append([name, speed, 1 / speed, f"{middle:.2f}", f"{low:.2f} to {high:.2f}"])
    return table


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    case = mnist_variants.Case(_EXAMPLES.value, _TESTS.value, _EPOCHS.value, _NPZ.value)
    rates = interleave.measure(ways(case), _ROUNDS.value)
    flops = interleave.once(
        interleave.Way(mnist_variants.flops, {"case": case}, interleave.workers("tensorflow")[1])
    )
    header = ["way", "runs/s", "seconds/run", "faster than the plain loop by", "over the rounds"]
    print(tables.text(header, rows(rates, flops)))
    peak = statistics.median(rates[PEAK])
    print(f"\n{flops / 1e12:.2f} TFLOP per run, {PEAK}: {peak / 1e9:.0f} GFLOP/s")
    results = {"case": vars(case), "flops": flops, "rates": rates}
    interleave.finish(_OUT.value, results, f"{_ROUNDS.value} rounds, ")


if __name__ == "__main__":
    sys.exit(app.run(main))
