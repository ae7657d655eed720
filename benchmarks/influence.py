r"""Influence of 60,000 on 10,000 examples: streamed against two dense products, interleaved.

  python -m benchmarks.influence [--rounds=3] [--tiny] [--out=influence.json]

MNIST size with 2,000 made-up runs, 0/1 outcomes. `streamed` is memkit: one product in blocks, the
pairs of high influence with p and q, the ten strongest influences on every test and of every train
example. `dense` is the published estimate as it is written down: both masks normalized, two
products, their difference, nothing looked for. Each turn is a process of its own with all cores;
both are checked to find the same. The dense way takes about 7 GB of memory.
"""

import json
import statistics
import subprocess
import sys

from absl import app, flags

from benchmarks import interleave
from memkit import tables
from memkit.errors import expected

_ROUNDS = flags.DEFINE_integer("rounds", 3, "turns of each way", lower_bound=1)
_TINY = flags.DEFINE_bool("tiny", False, "600 x 100 examples, 40 runs: to see that it works")
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")

WAYS = ("streamed", "dense")
SIZES, TINY = (60_000, 10_000, 2_000), (600, 100, 40)


def measure(sizes, rounds):
    """Returns {way: list of what `influence_ways` prints}, one entry per round.

    Raises:
      InputError: the two ways found different things.
    """
    found = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, turns_of_way in found.items():
            command = [sys.executable, "-m", "benchmarks.influence_variants", way, *map(str, sizes)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            turns_of_way.append(json.loads(done.stdout))
    for ours, theirs in zip(*found.values(), strict=True):
        close = abs(ours["largest"] - theirs["largest"]) < 1e-4 * theirs["largest"]
        if ours["pairs"] != theirs["pairs"] or not close:
            raise expected("the streamed way", f"what the dense way found {theirs}", ours)
    return found


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    sizes = TINY if _TINY.value else SIZES
    found = measure(sizes, _ROUNDS.value)
    seconds = {way: [turn["seconds"] for turn in found[way]] for way in WAYS}
    rows = [
        [way, statistics.median(seconds[way]), max(turn["peak"] for turn in found[way]) / 2**30]
        for way in WAYS
    ]
    print(tables.text(["way", "seconds", "peak GiB"], rows))
    middle, low, high = interleave.ratios(seconds["dense"], seconds["streamed"])
    print(f"\nstreamed is {middle:.2f} times as fast ({low:.2f} to {high:.2f} over the rounds); ")
    print(f"{found['dense'][0]['pairs']} pairs, the same in both ways")
    print("{} train and {} test examples, {} runs".format(*sizes))
    note = f"{_ROUNDS.value} rounds, "
    interleave.finish(_OUT.value, {"sizes": sizes, "found": found}, note)


if __name__ == "__main__":
    sys.exit(app.run(main))
