"""Strategies of tf.distribute, and functions that replicas apply to batches and results.

Every replica receives the whole plan and takes its slice of it, so divisions of a batch over
different numbers of replicas differ by no more than the order of sums.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from memkit.training.engines import Setup

STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")


def create(setup: Setup) -> tf.distribute.Strategy:
    """Returns the strategy of a Setup; called once per process, before TensorFlow computes."""
    if setup.strategy == "one_device":
        return tf.distribute.OneDeviceStrategy(f"/{setup.kind}:0")
    if setup.strategy == "mirrored":
        devices = [f"/{setup.kind}:{number}" for number in range(setup.num_devices)]
        return tf.distribute.MirroredStrategy(devices)
    if setup.strategy == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="local")
    tf.config.experimental_connect_to_cluster(resolver)
    topology = tf.tpu.experimental.initialize_tpu_system(resolver)
    used = tf.tpu.experimental.DeviceAssignment.build(topology, num_replicas=setup.num_devices)
    return tf.distribute.TPUStrategy(resolver, experimental_device_assignment=used)


def slice_of(batch: tf.Tensor) -> tf.Tensor:
    """Returns this replica's slice of a batch [B, ...]: [B / replicas, ...]."""
    context = tf.distribute.get_replica_context()
    count = context.num_replicas_in_sync
    if count == 1:
        return batch
    slices = tf.reshape(batch, [count, batch.shape[0] // count, *batch.shape[1:]])
    return tf.gather(slices, context.replica_id_in_sync_group)


def all_rows(values: tf.Tensor) -> tf.Tensor:
    """Returns the rows [B, ...] of all replicas from this replica's rows [B / replicas, ...]."""
    context = tf.distribute.get_replica_context()
    count = context.num_replicas_in_sync
    if count == 1:
        return values
    is_this_replica = tf.equal(tf.range(count), context.replica_id_in_sync_group)
    is_this_replica = tf.reshape(is_this_replica, [count, *[1] * len(values.shape)])
    # Multiplying by 0 or 1 would turn the rows of all replicas into NaN if one of them has a NaN.
    filled = tf.where(is_this_replica, values[None], tf.zeros_like(values))
    summed = context.all_reduce(tf.distribute.ReduceOp.SUM, filled)
    return tf.reshape(summed, [count * values.shape[0], *values.shape[1:]])


def mean(values: Any) -> Any:
    """Returns the mean over replicas of a tensor, or of each tensor of a list."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)


def is_same(number: tf.Tensor) -> tf.Tensor:
    """Returns whether all replicas received the same number, an int64 scalar."""
    context = tf.distribute.get_replica_context()
    # Only values on a device can be reduced; `identity` puts the argument there.
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(number))
    return tf.equal(total, context.num_replicas_in_sync * number)


def one_by_one(
    strategy: tf.distribute.Strategy, step: Callable[..., Any], *, xla: bool
) -> Callable[..., Any]:
    """Returns a graph from one batch to the results of a step, run on every replica."""

    @tf.function(jit_compile=xla, reduce_retracing=not xla)
    def once(*batch: tf.Tensor) -> Any:
        return _first(strategy, strategy.run(step, args=batch))

    return once


def loop(
    strategy: tf.distribute.Strategy, step: Callable[..., tuple[tf.Tensor, ...]], *, xla: bool
) -> Callable[..., tuple[tf.Tensor, ...]]:
    """Returns a graph from the arrays of a plan [T, ...], T >= 1, to the results of T steps.

    Args:
      strategy: calls the step on its replicas.
      step: function of one batch, called in replica context, that returns two float32 tensors.
      xla: whether to compile with XLA.
    """
    on_tpu = isinstance(strategy, tf.distribute.TPUStrategy)

    @tf.function(jit_compile=xla)
    def steps(*plan: tf.Tensor) -> tuple[tf.Tensor, ...]:
        if strategy.num_replicas_in_sync == 1 or on_tpu:
            results = strategy.run(lambda *part: _loop(step, part), args=plan)
            return _first(strategy, results)
        # Replicas of other strategies can communicate only outside of loops.
        return _loop(lambda *batch: _first(strategy, strategy.run(step, args=batch)), plan)

    return steps


def _loop(
    step: Callable[..., tuple[tf.Tensor, ...]], plan: tuple[tf.Tensor, ...]
) -> tuple[tf.Tensor, ...]:
    length = plan[0].shape[0]

    def advance(t: tf.Tensor, *arrays: tf.TensorArray) -> tuple[Any, ...]:
        results = step(*(array[t] for array in plan))
        return t + 1, *(array.write(t, value) for array, value in zip(arrays, results, strict=True))

    start = (0, tf.TensorArray(tf.float32, length), tf.TensorArray(tf.float32, length))
    _, *arrays = tf.while_loop(lambda t, *_: t < length, advance, start)
    return tuple(array.stack() for array in arrays)


def _first(strategy: tf.distribute.Strategy, results: Any) -> Any:
    """Returns the results of the first replica; all replicas have the same."""
    return tf.nest.map_structure(lambda r: strategy.experimental_local_results(r)[0], results)
