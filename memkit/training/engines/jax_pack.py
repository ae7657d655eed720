"""Many runs in one program: packed on a device, spread over devices, or one run on all of them.

Every argument but the first has a leading axis of runs. Devices that hold different runs do not
communicate. If devices share the batch of one run, either the compiler divides the program (batch
normalization then sees the whole batch) or each device executes it on its slice.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from memkit.training.engines import Blueprint, jax_run

RUNS, BATCH = "runs", "batch"  # What the devices of a mesh divide.


def mesh(devices: Sequence[jax.Device], *, data_parallel: int) -> Mesh:
    """Returns the mesh of devices that share the batch of one run or hold different runs."""
    return jax.sharding.Mesh(devices, (BATCH if data_parallel > 1 else RUNS,))


def build_programs(
    blueprint: Blueprint,
    *,
    mesh: Mesh,
    packing: str,
    whole_epochs: bool,
    resident: bool,
    image_shape: tuple[int, ...],
) -> tuple[jax_run.RunFunctions, jax.stages.Wrapped, jax.stages.Wrapped]:
    """Builds the models of a point and compiles nothing yet.

    Args:
      mesh: see `mesh`.
      packing: one of engines.PACKINGS.
      whole_epochs: whether a call trains an epoch or a step.
      resident: whether the images are on the device or in the batches.
      image_shape: (height, width, channels).

    Returns:
      (functions of one run, train program, evaluation program).
    """
    model, teacher = blueprint.models()
    if blueprint.remat:
        jax_run.mark_blocks(model)
    shares_a_run = BATCH in mesh.axis_names
    functions = jax_run.RunFunctions(
        model,
        teacher,
        jax_run.update_rule(model, blueprint.optimizer),
        blueprint,
        image_shape=image_shape,
        axis=BATCH if shares_a_run and not blueprint.sync_batch_norm else None,
    )
    train = train_program(
        functions.train_epoch if whole_epochs else functions.train_step,
        mesh,
        packing=packing,
        whole_epochs=whole_epochs,
        streamed=not resident,
        sync_batch_norm=blueprint.sync_batch_norm,
    )
    evaluate = evaluation_program(functions.evaluate, mesh, packing=packing)
    return functions, train, evaluate


def train_program(
    function: jax_run.TrainFunction,
    mesh: Mesh,
    *,
    packing: str,
    whole_epochs: bool,
    streamed: bool,
    sync_batch_norm: bool,
) -> jax.stages.Wrapped:
    """Returns the jitted (shared, states, teachers, batches) -> (states, (objective, rows)).

    Args:
      function: `train_step` or `train_epoch` of a `jax_run.RunFunctions`.
      mesh: see `mesh`.
      packing: "none", "map" or "vmap"; how the function is applied to the runs of one device.
      whole_epochs: whether the batches have an axis of steps after that of the runs.
      streamed: whether the batches hold images.
      sync_batch_norm: whether devices that share a batch use the statistics of the whole batch.
    """
    specs: tuple[Any, ...]
    results: Any
    if RUNS in mesh.axis_names:
        by_run = results = PartitionSpec(RUNS)
        specs = PartitionSpec(), by_run, by_run, by_run
    else:
        sliced = PartitionSpec(*[None] * (1 + whole_epochs), BATCH)
        batch = dict.fromkeys(("index", "crop", "flip", "draws"), sliced)
        batch["rate"] = PartitionSpec()
        batch |= {"raw": sliced} if streamed else {}
        specs = PartitionSpec(), PartitionSpec(), PartitionSpec(), batch
        results = PartitionSpec(), (PartitionSpec(), sliced)
    is_local = RUNS in mesh.axis_names or not sync_batch_norm
    packed = _pack(function, packing)
    return _jit(packed, mesh, specs, results, is_local=is_local, donate=(1,))


def evaluation_program(
    function: Callable[..., tuple[jax.Array, jax.Array]], mesh: Mesh, *, packing: str
) -> jax.stages.Wrapped:
    """Returns the jitted ((shared, batch), states) -> (logits [R, B, C], log-odds [R, B])."""
    specs: tuple[Any, ...]
    if RUNS in mesh.axis_names:
        results = PartitionSpec(RUNS)
        specs = PartitionSpec(), PartitionSpec(RUNS)
    else:
        specs = (PartitionSpec(), PartitionSpec(BATCH)), PartitionSpec()
        results = PartitionSpec(None, BATCH)
    return _jit(_pack(function, packing), mesh, specs, results, is_local=True, donate=())


def to_devices(values: Any, mesh: Mesh, *, by_run: bool) -> Any:
    """Returns a tree of arrays on the devices: divided by run, or a whole copy on each."""
    spec = PartitionSpec(RUNS) if by_run and RUNS in mesh.axis_names else PartitionSpec()
    return jax.device_put(values, NamedSharding(mesh, spec))


def of_run(values: Any, run: int) -> Any:
    """Returns the part of a tree of arrays that belongs to one run."""
    return jax.tree.map(lambda value: value[run], values)


def _jit(
    function: Callable[..., Any],
    mesh: Mesh,
    specs: tuple[Any, ...],
    results: Any,
    *,
    is_local: bool,
    donate: tuple[int, ...],
) -> jax.stages.Wrapped:
    """Returns a jitted function; if it is local, each device executes it on its own part."""
    if mesh.size > 1 and is_local:
        function = jax.shard_map(
            function, mesh=mesh, in_specs=specs, out_specs=results, check_vma=False
        )
    to_sharding = functools.partial(
        jax.tree.map,
        lambda spec: NamedSharding(mesh, spec),
        is_leaf=lambda spec: isinstance(spec, PartitionSpec),
    )
    return jax.jit(
        function,
        in_shardings=to_sharding(specs),
        out_shardings=to_sharding(results),
        donate_argnums=donate,
    )


def _pack(function: Callable[..., Any], packing: str) -> Callable[..., Any]:
    """Returns a function of many runs: all arguments but the first, and the results, are by run."""
    if packing == "vmap":
        return lambda shared, *by_run: jax.vmap(functools.partial(function, shared))(*by_run)
    if packing == "map":
        return lambda shared, *by_run: jax.lax.map(lambda run: function(shared, *run), by_run)

    def alone(shared: Any, *by_run: Any) -> Any:
        result = function(shared, *of_run(by_run, 0))
        return jax.tree.map(lambda value: value[None], result)

    return alone
