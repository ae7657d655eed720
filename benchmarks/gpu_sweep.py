"""Images per second of packed training programs, within a time that it watches itself."""

import dataclasses
import gc
import math
import time

from benchmarks import arithmetic
from memkit import models, recipe
from memkit.studies import points
from memkit.training import engines, loop
from memkit.training.compiler import Compiler

_SLOWER = 1.5  # packed runs over unpacked ones, until it is measured


@dataclasses.dataclass(frozen=True, order=True)
class Combination:
    """What is timed.

    Attributes:
      depth: of the ResNet.
      batch: examples in a batch.
      packing: one of engines.PACKINGS.
      runs: in one program.
    """

    depth: int
    batch: int
    packing: str
    runs: int


@dataclasses.dataclass(frozen=True)
class Timed:
    """What was found of a combination.

    Attributes:
      compile_seconds: of the first epoch and evaluation, beyond what they take later.
      epoch_seconds: of one epoch of all runs of the program, with drawing their plans.
      eval_seconds: of evaluating all examples in all runs.
      reset_seconds: of drawing initial values of all runs.
      epochs_timed: number.
    """

    compile_seconds: float
    epoch_seconds: float
    eval_seconds: float
    reset_seconds: float
    epochs_timed: int


def combinations(depths, batches, packings):
    """Returns the combinations, the most telling first: packing by packing over all programs.

    Args:
      depths: of the ResNets.
      batches: sizes.
      packings: (packing, runs) pairs.
    """
    return [Combination(d, b, *pack) for pack in packings for d in depths for b in batches]


def sweep(study, point, wanted, *, kind, seconds_each, end, first_guess):
    """Times combinations while there is time; yields (Combination, Timed or why there is none).

    Args:
      study: Study whose design has as many runs as the largest program.
      point: its Point, with the recipe.
      wanted: Combinations, in order.
      kind: "gpu", "tpu" or "cpu", what the programs run on.
      seconds_each: what the timed epochs of a combination should take together, at least.
      end: `time.monotonic()` after which nothing is to run.
      first_guess: seconds that the first compilation may take.
    """
    found = {}
    for combination in wanted:
        needed, left = _expected_seconds(combination, found, first_guess), end - time.monotonic()
        if needed > left:
            yield combination, f"skipped: needs about {needed:.0f} s, {max(0, left):.0f} s left"
            continue
        try:
            found[combination] = _measure(study, point, combination, kind, seconds_each)
            yield combination, found[combination]
        except Exception as error:  # One that does not fit in memory must not end the others.
            yield combination, f"failed: {type(error).__name__}: {str(error).splitlines()[0][:200]}"


def adapted(point, combination):
    """Returns the point with a combination's network and batch."""
    config = points.plain(point.config)
    config["model"]["depth"] = combination.depth
    config["training"]["batch_size"] = combination.batch
    return dataclasses.replace(point, config=config)


def setup_of(combination, kind):
    """Returns the engines.Setup of a combination on one device."""
    return engines.Setup(
        engine="jax",
        kind=kind,
        packing=combination.packing,
        runs_per_program=combination.runs,
    )


def rates(combination, timed, study, epochs):
    """Returns {name: number} of a Timed: speed, and models per hour of a recipe of `epochs`."""
    members = int(study.train_mask[0].sum())
    steps = recipe.steps_per_epoch(members, combination.batch)
    program = timed.reset_seconds + epochs * timed.epoch_seconds + timed.eval_seconds
    examples = study.sizes.train + study.sizes.test
    return {
        "images_per_second": combination.runs * steps * combination.batch / timed.epoch_seconds,
        "evaluated_per_second": combination.runs * examples / timed.eval_seconds,
        "models_per_hour": 3600 * combination.runs / program,
    }


def shares(rate, cost, peaks):
    """Returns {name: share} of the device's measured peaks that training reaches.

    Args:
      rate: `rates` of a combination.
      cost: `costs` of its depth.
      peaks: {"flops_per_second", "bytes_per_second"} of the device.
    """
    images = rate["images_per_second"]
    return {
        "of_matrix_peak": images * cost["flops"] / peaks["flops_per_second"],
        "of_memory_peak": images * cost["bytes"] / peaks["bytes_per_second"],
    }


def costs(depth, study, point, image_shape):
    """Returns {name: FLOPs or bytes in bfloat16} of one image's training step at a depth."""
    options = point.config["model"] | {"depth": depth}
    classes = study.sizes.classes
    model = models.build(input_shape=tuple(image_shape), num_classes=classes, **options)
    return {
        "flops": arithmetic.training_flops(model),
        "bytes": arithmetic.training_bytes(model, itemsize=2),
    }


def _measure(study, point, combination, kind, seconds_each):
    """Returns the Timed of a combination: one epoch to compile, then one, then what is missing."""
    point = adapted(point, combination)
    gc.collect()  # The device has room for one program at a time.
    started = time.monotonic()
    program = Compiler(setup_of(combination, kind)).compile(study, point)
    built = time.monotonic() - started
    reset, warm, epochs = _epochs(program, study, point, count=2)
    missing = math.ceil(seconds_each / epochs[0]) - 1
    if missing > 0:
        epochs = _epochs(program, study, point, count=1 + missing)[2]
    evaluations = [_seconds(program.evaluate) for _ in range(2)]
    seconds = sum(epochs) / len(epochs)
    return Timed(
        compile_seconds=built + warm - seconds + evaluations[0] - evaluations[1],
        epoch_seconds=seconds,
        eval_seconds=evaluations[1],
        reset_seconds=reset,
        epochs_timed=len(epochs),
    )


def _epochs(program, study, point, *, count):
    """Trains epochs; returns seconds of (reset, the first epoch, [each of the others])."""
    ends = []

    def noted(function):
        def call(*arguments):
            result = function(*arguments)
            ends.append(time.monotonic())
            return result

        return call

    watched = dataclasses.replace(program, reset=noted(program.reset), train=noted(program.train))
    started = time.monotonic()
    epochs = point.config["training"]["epochs"]
    count = min(count, epochs)
    loop.train_pack(watched, study, point, list(range(program.size)), stop_after=count)
    reset, warm, *others = [b - a for a, b in zip([started, *ends], ends, strict=False)]
    return reset, warm, others


def _seconds(function):
    started = time.monotonic()
    function()
    return time.monotonic() - started


def _expected_seconds(combination, found, first_guess):
    """Returns what measuring a combination may take, from what similar ones took."""
    if not found:
        return first_guess
    compilation = max(
        timed.compile_seconds * combination.depth / other.depth for other, timed in found.items()
    )
    same = [o for o in found if o.packing == combination.packing]
    slower = 1 if same or combination.packing == "none" else _SLOWER
    per_layer = max(
        found[o].epoch_seconds / (o.runs * o.depth) * max(1, o.batch / combination.batch)
        for o in same or found
    )
    epoch = slower * per_layer * combination.runs * combination.depth
    return compilation + 3 * epoch
