"""The JAX programs of a point compiled ahead of time, for devices that need not be there.

They are those of `jax.build_programs`, so what compiles here is what a worker would run.
"""

import dataclasses
import math

import jax
import numpy as np
from jax.experimental import topologies

from memkit.training.engines import jax as jax_engine
from memkit.training.engines import jax_pack, jax_run


@dataclasses.dataclass(frozen=True)
class Lowered:
    """The two programs of a point, traced and not yet compiled.

    Attributes:
      train: jax.stages.Lowered; a call is an epoch where images are resident, else a step.
      evaluate: jax.stages.Lowered; a call is a batch.
      eval_batch: examples of that batch.
      teacher_bytes: of the teachers of all runs, on each device.
      train_images: bytes of streamed images that a call of `train` brings to each device.
      eval_images: the same for `evaluate`.
    """

    train: object
    evaluate: object
    eval_batch: int
    teacher_bytes: int
    train_images: int
    eval_images: int


@dataclasses.dataclass(frozen=True)
class Compiled:
    """What the compiler says of one program.

    Attributes:
      memory: bytes on each device while it runs: arguments, results and temporaries, of which
        results that take an argument's place count once.
      code: bytes of instructions on each device.
      results: bytes of the results on each device that take no argument's place.
      flops: floating point operations on each device, those of a loop counted for one turn.
    """

    memory: int
    code: int
    results: int
    flops: float


def devices(name, options):
    """Returns the devices of a described TPU slice, see `tpu_chips.Topology`."""
    return topologies.get_topology_desc(name, platform="tpu", **options).devices


def cpu_devices():
    """Returns the one CPU device on which programs are only counted."""
    return jax.devices("cpu")[:1]


def lower(blueprint, own_devices, *, setup, epoch, image_shape, num_images, resident):
    """Returns the Lowered programs of a point on devices.

    Args:
      blueprint: engines.Blueprint.
      own_devices: the devices of one worker process, as many as its `data_parallel`.
      setup: engines.Setup, of which the packing counts.
      epoch: an EpochPlan of a run, for its shapes.
      image_shape: (height, width, channels).
      num_images: train and test examples.
      resident: bool, whether the images are on the device.
    """
    mesh = jax_pack.mesh(own_devices, data_parallel=blueprint.data_parallel)
    model, teacher, train, evaluate = jax_engine.build_programs(
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
    states = _by_run(jax_run.initial_state(model, _values(model)), runs)
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


def _batches(epoch, eval_batch, image_shape):
    """Returns what calls of the two programs bring along; images only with an image_shape."""
    plan = {name: getattr(epoch, name) for name in ("index", "rate", "crop", "flip")}
    batch = {"index": _array((eval_batch,), np.int32)}
    if image_shape is not None:
        plan = {name: values[0] for name, values in plan.items()}
        plan["raw"] = _array((*plan["index"].shape, *image_shape), np.uint8)
        batch["raw"] = _array((eval_batch, *image_shape), np.uint8)
    return plan, batch


def compiled(lowered):
    """Returns what the compiler says of one program: (Compiled, "") or (None, its complaint)."""
    try:
        done = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        return None, str(error).strip().splitlines()[0]
    stats = done.memory_analysis()
    results = stats.output_size_in_bytes - stats.alias_size_in_bytes
    return Compiled(
        memory=stats.argument_size_in_bytes + results + stats.temp_size_in_bytes,
        code=stats.generated_code_size_in_bytes,
        results=results,
        flops=flops(done),
    ), ""


def flops(stage):
    """Returns the FLOPs of a lowered or compiled program, those of a loop counted for one turn."""
    return stage.cost_analysis()["flops"]


def _array(shape, dtype):
    return jax.ShapeDtypeStruct(shape, dtype)


def _num_bytes(array):
    return array.size * array.dtype.itemsize


def _values(model):
    return [np.asarray(variable) for variable in model.variables]


def _by_run(tree, runs):
    return jax.tree.map(lambda value: _array((runs, *np.shape(value)), value.dtype), tree)
