"""Many runs in one program: packed on a device, spread over devices, or one run on all of them.

Every argument but the first has a leading axis of runs. With devices along the runs nothing crosses
between them. With devices along the batch either the compiler divides the one program (batch norm
then sees the whole batch) or each device runs it on its slice.
"""

import functools

import jax
from jax.sharding import NamedSharding, PartitionSpec

RUNS, BATCH = "runs", "batch"  # what the devices of a mesh divide


def mesh(devices, *, data_parallel):
    """Returns the mesh of devices, which divide the batch of one run or hold different runs."""
    return jax.sharding.Mesh(devices, (BATCH if data_parallel > 1 else RUNS,))


def train_program(function, mesh, *, packing, whole_epochs, streamed, sync_batch_norm):
    """Returns the compiled (shared, state, teachers, batches) -> (states, (objective, rows)).

    Args:
      function: `train_step` or `train_epoch` of `jax_run.functions`.
      mesh: of `mesh`.
      packing: "none", "map" or "vmap"; how the runs of one device go through the function.
      whole_epochs: bool, whether the batches have an axis of steps after that of the runs.
      streamed: bool, whether the batches hold images.
      sync_batch_norm: bool; with devices along the batch, whether its statistics are those of the
        whole batch.
    """
    if RUNS in mesh.axis_names:
        own = results = PartitionSpec(RUNS)
        specs = PartitionSpec(), own, own, own
    else:
        sliced = PartitionSpec(*[None] * (1 + whole_epochs), BATCH)
        batch = dict.fromkeys(("index", "crop", "flip"), sliced) | {"rate": PartitionSpec()}
        batch |= {"raw": sliced} if streamed else {}
        specs = PartitionSpec(), PartitionSpec(), PartitionSpec(), batch
        results = PartitionSpec(), (PartitionSpec(), sliced)
    is_local = RUNS in mesh.axis_names or not sync_batch_norm
    packed = _pack(function, packing)
    return _compile(packed, mesh, specs, results, is_local=is_local, donate=(1,))


def evaluation_program(function, mesh, *, packing):
    """Returns the compiled ((shared, batch), states) -> (logits [R, B, C], log-odds [R, B])."""
    if RUNS in mesh.axis_names:
        own = results = PartitionSpec(RUNS)
        specs = PartitionSpec(), own
    else:
        specs = (PartitionSpec(), PartitionSpec(BATCH)), PartitionSpec()
        results = PartitionSpec(None, BATCH)
    return _compile(_pack(function, packing), mesh, specs, results, is_local=True, donate=())


def place(values, mesh, *, by_run):
    """Returns a tree of arrays on the devices: divided by run, or whole on each."""
    spec = PartitionSpec(RUNS) if by_run and RUNS in mesh.axis_names else PartitionSpec()
    return jax.device_put(values, NamedSharding(mesh, spec))


def one(values, run):
    """Returns the part of a tree of arrays that belongs to one run."""
    return jax.tree.map(lambda value: value[run], values)


def _compile(function, mesh, specs, results, *, is_local, donate):
    if mesh.size > 1 and is_local:
        function = jax.shard_map(
            function, mesh=mesh, in_specs=specs, out_specs=results, check_vma=False
        )
    named = functools.partial(
        jax.tree.map,
        lambda spec: NamedSharding(mesh, spec),
        is_leaf=lambda spec: isinstance(spec, PartitionSpec),
    )
    return jax.jit(
        function, in_shardings=named(specs), out_shardings=named(results), donate_argnums=donate
    )


def _pack(function, packing):
    """Returns a function of many runs: arguments after the first and results by run."""
    if packing == "vmap":
        return lambda shared, *own: jax.vmap(functools.partial(function, shared))(*own)
    if packing == "map":
        return lambda shared, *own: jax.lax.map(lambda each: function(shared, *each), own)

    def alone(shared, *own):
        result = function(shared, *one(own, 0))
        return jax.tree.map(lambda value: value[None], result)

    return alone
