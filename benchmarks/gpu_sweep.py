"""Images per second of training programs on one device, within a time that is watched."""

import dataclasses
import math
import re
import time

from benchmarks import arithmetic, gpu_processes
from memkit import models, recipe
from memkit.errors import expected
from memkit.studies import points
from memkit.training import engines, loop
from memkit.training.compiler import Compiler

# On an NVIDIA GPU from Ampere on, float32 is TF32.
_TEXT = re.compile(
    r"([1-9]\d*)/(float32|bfloat16)/(none:1|(?:map|vmap):[1-9]\d*)"
    rf"(?:/({'|'.join(gpu_processes.BUFFERS)}))?(?:/([1-9]\d*))?"
)


@dataclasses.dataclass(frozen=True, order=True)
class Combination:
    """What is timed, or how a study is trained.

    Attributes:
      batch: examples in a batch.
      precision: "float32" or "bfloat16".
      packing: one of engines.PACKINGS.
      runs: in one program.
      buffers: key of gpu_processes.BUFFERS.
      processes: that train at the same time, a program each.
    """

    batch: int
    precision: str
    packing: str
    runs: int
    buffers: str = "default"
    processes: int = 1


@dataclasses.dataclass(frozen=True)
class Timed:
    """What was found of a combination, the mean of its processes.

    Attributes:
      compile_seconds: until the first epoch and evaluation, beyond what they take later.
      epoch_seconds: of one epoch of all runs of the program, with drawing their plans.
      eval_seconds: of evaluating all examples in all runs.
      reset_seconds: of drawing initial values of all runs.
      epochs_timed: number.
    """

    compile_seconds: float
    epoch_seconds: float
    eval_seconds: float
    reset_seconds: float
    epochs_timed: float


def combination(text, *, most):
    """Returns the Combination of a text such as "256/bfloat16/map:8" or "256/float32/none:1/off/4".

    Args:
      text: batch/precision/packing:runs, and then the buffers and processes where they are not
        "default" and 1.
      most: limit for the batch, however large the text wants it.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        wanted = "batch/precision/packing:runs[/buffers][/processes], such as 256/bfloat16/map:8"
        raise expected("--timed and --study", wanted, repr(text))
    batch, precision, packed, buffers, processes = match.groups()
    packing, _, runs = packed.partition(":")
    return Combination(
        batch=min(int(batch), most),
        precision=precision,
        packing=packing,
        runs=int(runs),
        buffers=buffers or "default",
        processes=int(processes or 1),
    )


def sweep(study, point, wanted, *, kind, seconds_each, end):
    """Times combinations while there is time; yields (Combination, Timed or why there is none).

    Args:
      study: Study whose design has as many runs as the largest program.
      point: its Point, with the recipe.
      wanted: Combinations, in order.
      kind: "gpu", "tpu" or "cpu", what the programs run on.
      seconds_each: what the timed epochs of a combination should take together, at least.
      end: `time.monotonic()` at which what still runs is killed.
    """
    for each in wanted:
        try:
            timed = gpu_processes.outcomes(
                _measure,
                *(study, point, each, kind, seconds_each),
                count=each.processes,
                variables=gpu_processes.environment(each.buffers),
                end=end,
            )
            yield each, _mean(list(timed))
        except (RuntimeError, TimeoutError) as error:  # One that fails must not end the others.
            yield each, f"failed: {error}"


def _mean(timed):
    names = [field.name for field in dataclasses.fields(Timed)]
    sums = {name: sum(getattr(each, name) for each in timed) for name in names}
    return Timed(**{name: value / len(timed) for name, value in sums.items()})


def adapted(point, combination):
    """Returns the point with a combination's batch and precision."""
    config = points.plain(point.config)
    config["training"]["batch_size"] = combination.batch
    config["training"]["precision"] = combination.precision
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
    runs = combination.runs * combination.processes
    program = timed.reset_seconds + epochs * timed.epoch_seconds + timed.eval_seconds
    examples = study.sizes.train + study.sizes.test
    return {
        "images_per_second": runs * steps * combination.batch / timed.epoch_seconds,
        "evaluated_per_second": runs * examples / timed.eval_seconds,
        "models_per_hour": 3600 * runs / program,
    }


def shares(rate, cost, peaks):
    """Returns {name: share} of the device's measured peaks that training reaches.

    Args:
      rate: `rates` of a combination.
      cost: `costs` of the network.
      peaks: {"flops_per_second", "bytes_per_second"} of the device.
    """
    images = rate["images_per_second"]
    return {
        "of_matrix_peak": images * cost["flops"] / peaks["flops_per_second"],
        "of_memory_peak": images * cost["bytes"] / peaks["bytes_per_second"],
    }


def costs(study, point, image_shape):
    """Returns {name: FLOPs or bytes in bfloat16} of one image's training step."""
    classes = study.sizes.classes
    options = point.config["model"]
    model = models.build(input_shape=tuple(image_shape), num_classes=classes, **options)
    return {
        "flops": arithmetic.training_flops(model),
        "bytes": arithmetic.training_bytes(model, itemsize=2),
    }


def _measure(number, barrier, study, point, combination, kind, seconds_each):
    """Yields the Timed of one process: an epoch to compile, one alone, then some beside others."""
    point, setup = adapted(point, combination), setup_of(combination, kind)
    started = time.monotonic()
    engines.load("jax").configure(setup)
    program = Compiler(setup).compile(study, point)
    built = time.monotonic() - started
    reset, warm, alone = _epochs(program, study, point, count=2)
    first = _seconds(program.evaluate)
    barrier.wait()
    epochs = _epochs(program, study, point, count=1 + math.ceil(seconds_each / alone[0]))[2]
    seconds, evaluation = sum(epochs) / len(epochs), _seconds(program.evaluate)
    yield Timed(
        compile_seconds=built + warm - alone[0] + first - evaluation,
        epoch_seconds=seconds,
        eval_seconds=evaluation,
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
