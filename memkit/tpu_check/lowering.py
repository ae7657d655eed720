"""Compiles the JAX programs of a point ahead of time, for devices that this machine may not have.

The programs are those of `jax_pack.build_programs`, that is the ones that a worker would execute.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import numpy.typing as npt
from jax.experimental import topologies

from memkit.tpu_check import cycles
from memkit.training.engines import Blueprint, Setup, jax_pack, jax_run
from memkit.training.engines.jax import READ_AHEAD
from memkit.training.plan import EpochPlan
from memkit.typing import Array

__all__ = [
    "READ_AHEAD",
    "Compiled",
    "Lowered",
    "compiled",
    "cpu_devices",
    "devices",
    "flops",
    "lower",
]

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class Lowered:
    """The two programs of a point, traced and not yet compiled.

    Attributes:
      train: one call trains an epoch if the images are resident, otherwise a step.
      evaluate: one call evaluates a batch.
      eval_batch: number of examples of that batch.
      teacher_bytes: bytes of the teachers of all runs on each device.
      train_images: bytes of streamed images that a call of `train` sends to each device.
      eval_images: bytes of streamed images that a call of `evaluate` sends to each device.
    """

    train: jax.stages.Lowered
    evaluate: jax.stages.Lowered
    eval_batch: int
    teacher_bytes: int
    train_images: int
    eval_images: int


@dataclasses.dataclass(frozen=True)
class Compiled:
    """The compiler's analysis of one program.

    Attributes:
      memory: bytes on each device during a call: arguments, results and temporaries; a result that
        reuses the memory of an argument counts once.
      code: bytes of instructions on each device.
      results: bytes of the results on each device that reuse no argument's memory.
      flops: floating point operations on each device; the body of a loop counts once.
      cycles: the compiler's estimate for a call, see `cycles.of_call`.
    """

    memory: int
    code: int
    results: int
    flops: float
    cycles: float


def devices(name: str, options: Mapping[str, Any]) -> Sequence[jax.Device]:
    """Returns the devices of a TPU slice, see `chips.Topology`."""
    slice_of_chips = topologies.get_topology_desc(name, platform="tpu", **options)
    return list(slice_of_chips.devices)


def cpu_devices() -> Sequence[jax.Device]:
    """Returns one CPU device, for counting the operations of programs."""
    return list(jax.devices("cpu")[:1])


def lower(
    blueprint: Blueprint,
    worker_devices: Sequence[jax.Device],
    *,
    setup: Setup,
    epoch: EpochPlan,
    image_shape: tuple[int, int, int],
    num_images: int,
    resident: bool,
) -> Lowered:
    """Returns the Lowered programs of a point on devices.

    Args:
      worker_devices: the devices of one worker process, as many as `blueprint.data_parallel`.
      setup: of the worker process; only its packing is used.
      epoch: plan of an epoch of a run, for its shapes.
      image_shape: (height, width, channels).
      resident: whether the images are on the device.
    """
    mesh = jax_pack.mesh(worker_devices, data_parallel=blueprint.data_parallel)
    functions, train, evaluate = jax_pack.build_programs(
        blueprint,
        mesh=mesh,
        packing=setup.packing,
        whole_epochs=resident,
        resident=resident,
        image_shape=image_shape,
    )
    runs = setup.runs_per_program
    shared = {"labels": _array((num_images,), np.int32)}
    if resident:
        shared["images"] = _array((num_images, math.prod(image_shape)), np.uint8)
    model, teacher = functions.model, functions.teacher
    states = _by_run(jax_run.initial_state(model, functions.rule, _values(model)), runs)
    teachers = _by_run(_values(teacher) if teacher else [], runs)
    plan, batch = _batches(epoch, blueprint.whole_eval_batch, None if resident else image_shape)
    plan = _by_run(plan, runs)
    return Lowered(
        train=train.lower(shared, states, teachers, plan),
        evaluate=evaluate.lower((shared, batch), states),
        eval_batch=blueprint.whole_eval_batch,
        teacher_bytes=sum(map(_num_bytes, teachers)),
        train_images=0 if resident else _num_bytes(plan["raw"]) // blueprint.data_parallel,
        eval_images=0 if resident else _num_bytes(batch["raw"]) // blueprint.data_parallel,
    )


def _batches(
    epoch: EpochPlan, eval_batch: int, image_shape: tuple[int, int, int] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the batch arguments of both programs; they hold images if an image_shape is given."""
    plan: dict[str, Any] = {
        name: getattr(epoch, name) for name in ("index", "rate", "crop", "flip", "draws")
    }
    batch = {"index": _array((eval_batch,), np.int32)}
    if image_shape is not None:
        plan = {name: values[0] for name, values in plan.items()}
        plan["raw"] = _array((*plan["index"].shape, *image_shape), np.uint8)
        batch["raw"] = _array((eval_batch, *image_shape), np.uint8)
    return plan, batch


def compiled(lowered: jax.stages.Lowered) -> tuple[Compiled | None, str]:
    """Returns (Compiled, "") of a program, or (None, the compiler's error in one line)."""
    try:
        program = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        return None, str(error).strip().splitlines()[0]
    stats = program.memory_analysis()
    results = stats.output_size_in_bytes - stats.alias_size_in_bytes
    return Compiled(
        memory=stats.argument_size_in_bytes + results + stats.temp_size_in_bytes,
        code=stats.generated_code_size_in_bytes,
        results=results,
        flops=flops(program),
        cycles=cycles.of_call(program.as_text()),
    ), ""


def flops(stage: jax.stages.Lowered | jax.stages.Compiled) -> float:
    """Returns the FLOPs of a lowered or compiled program; the body of a loop counts once."""
    return float(stage.cost_analysis()["flops"])


def _array(shape: tuple[int, ...], dtype: npt.DTypeLike) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def _num_bytes(array: jax.ShapeDtypeStruct) -> int:
    return int(array.size * array.dtype.itemsize)


def _values(model: "keras.Model") -> list[Array]:
    return [np.asarray(variable) for variable in model.variables]


def _by_run(tree: Any, runs: int) -> Any:
    """Returns the shapes of a tree of arrays with a leading axis of runs."""
    return jax.tree.map(lambda value: _array((runs, *np.shape(value)), value.dtype), tree)
