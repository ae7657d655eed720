"""tf.distribute: strategies, and what one replica of several does with a batch and its results.

Every replica gets the whole plan and takes its slice, so no division of a batch can differ from
another by more than the order of a sum.
"""

import tensorflow as tf

STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")


def create(setup):
    """Returns the tf.distribute strategy of a Setup; once per process, before anything else."""
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


def own(batch):
    """Returns this replica's slice of a batch [B, ...]: [B / replicas, ...]."""
    context = tf.distribute.get_replica_context()
    count = context.num_replicas_in_sync
    if count == 1:
        return batch
    slices = tf.reshape(batch, [count, batch.shape[0] // count, *batch.shape[1:]])
    return tf.gather(slices, context.replica_id_in_sync_group)


def every(values):
    """Returns the rows [B, ...] of all replicas, from this replica's rows [B / replicas, ...]."""
    context = tf.distribute.get_replica_context()
    count = context.num_replicas_in_sync
    if count == 1:
        return values
    mine = tf.equal(tf.range(count), context.replica_id_in_sync_group)
    mine = tf.reshape(mine, [count, *[1] * len(values.shape)])
    # Selected, not multiplied: 0 x NaN would spread one replica's NaN to the rows of all.
    filled = tf.where(mine, values[None], tf.zeros_like(values))
    summed = context.all_reduce(tf.distribute.ReduceOp.SUM, filled)
    return tf.reshape(summed, [count * values.shape[0], *values.shape[1:]])


def mean(values):
    """Returns the mean over replicas of a tensor, or of each of a list."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)


def is_same(number):
    """Returns whether every replica was given the same whole number, an int64 scalar."""
    context = tf.distribute.get_replica_context()
    # An argument is on no device yet, and only values on a device are reduced.
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(number))
    return tf.equal(total, context.num_replicas_in_sync * number)


def one_by_one(strategy, step, *, xla):
    """Returns a graph (*batch) -> step's results, run on every replica."""

    @tf.function(jit_compile=xla, reduce_retracing=not xla)
    def once(*batch):
        return _first(strategy, strategy.run(step, args=batch))

    return once


def loop(strategy, step, *, xla):
    """Returns a graph (*plan) -> step's results stacked [T, ...]: a loop over T steps, T >= 1.

    Args:
      strategy: tf.distribute.Strategy.
      step: function of one batch, called in replica context, to a tuple of float32 tensors.
      xla: bool, whether to compile with XLA.
    """
    on_tpu = isinstance(strategy, tf.distribute.TPUStrategy)

    @tf.function(jit_compile=xla)
    def steps(*plan):
        if strategy.num_replicas_in_sync == 1 or on_tpu:
            said = strategy.run(lambda *part: _loop(step, part), args=plan)
            return _first(strategy, said)
        # Replicas of other strategies meet outside of loops only.
        return _loop(lambda *batch: _first(strategy, strategy.run(step, args=batch)), plan)

    return steps


def _loop(step, plan):
    length = plan[0].shape[0]

    def advance(t, *arrays):
        said = step(*(part[t] for part in plan))
        return t + 1, *(array.write(t, value) for array, value in zip(arrays, said, strict=True))

    start = (0, tf.TensorArray(tf.float32, length), tf.TensorArray(tf.float32, length))
    _, *arrays = tf.while_loop(lambda t, *_: t < length, advance, start)
    return tuple(array.stack() for array in arrays)


def _first(strategy, results):
    """Returns the results of one replica; all have the same."""
    return tf.nest.map_structure(lambda r: strategy.experimental_local_results(r)[0], results)
