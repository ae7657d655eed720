r"""What pooled scores cost in a large study: seconds and peak memory.

  python -m benchmarks.pooled_scale [--examples=50000] [--runs=400] [--points=7]

The images and the outcomes of the runs are drawn at random, and the outcomes of a point are mapped
from files as those of a study are. The features of the images are computed once, the scores and
their distribution without noise once per point.
"""

import resource
import sys
import tempfile
import time

import numpy as np
from absl import app, flags

from benchmarks import interleave
from memkit import estimators, tables
from memkit.estimators import noise_free
from memkit.estimators.pooled import posterior

# Tests import several benchmarks into one process, where their flags would clash.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_EXAMPLES = flags.DEFINE_integer("examples", 50_000, "train examples", flag_values=_FLAGS)
_RUNS = flags.DEFINE_integer("runs", 400, "runs per point", flag_values=_FLAGS)
_POINTS = flags.DEFINE_integer("points", 7, "points", flag_values=_FLAGS)
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers", flag_values=_FLAGS)

NUM_CLASSES = 100


def outcomes(folder: str, num_runs: int, num_examples: int) -> tuple[np.ndarray, ...]:
    """Returns correct, logodds and mask [M, N] of a point, mapped from files."""
    rng = np.random.default_rng(0)
    skill = rng.normal(0, 3, num_examples).astype(np.float32)
    arrays = tuple(
        np.lib.format.open_memmap(f"{folder}/{name}.npy", "w+", dtype, (num_runs, num_examples))
        for name, dtype in (("correct", bool), ("logodds", np.float16), ("mask", bool))
    )
    correct, logodds, mask = arrays
    for run in range(num_runs):
        mask[run] = rng.random(num_examples) < 0.7
        logodds[run] = skill + 4 * mask[run] + rng.normal(0, 2, num_examples)
        correct[run] = logodds[run] > 0
    return arrays


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (_EXAMPLES.value, 32, 32, 3), np.uint8)
    labels = rng.integers(0, NUM_CLASSES, _EXAMPLES.value)
    began = time.perf_counter()
    features = estimators.left_out_margins(images, labels, NUM_CLASSES)[:, None]
    rows = [["features of the images", time.perf_counter() - began]]
    history = rng.normal(size=(_EXAMPLES.value, 2))
    with tempfile.TemporaryDirectory() as folder:
        correct, logodds, mask = outcomes(folder, _RUNS.value, _EXAMPLES.value)
        began = time.perf_counter()
        for _ in range(_POINTS.value):
            fitted = posterior(correct, logodds, mask, history=history, features=features)
            noise_free.statistics(noise_free.draws(fitted, rng=rng, num_draws=40))
        rows.append([f"scores of {_POINTS.value} points", time.perf_counter() - began])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(tables.text(["step", "seconds"], rows))
    print(f"peak memory {memory:.2f} GiB")
    interleave.finish(_OUT.value, {"seconds": dict(rows), "GiB": memory})


if __name__ == "__main__":
    sys.exit(app.run(main))
