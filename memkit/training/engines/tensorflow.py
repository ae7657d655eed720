"""The TensorFlow engine: one point's training and evaluation as graphs that serve many runs.

Under a strategy with several replicas one run is spread over all of them: each takes its slice of
every batch of the plan, and gradients are averaged.
"""

import contextlib
import functools
import os
import zlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["KERAS_NNX_ENABLED"] = "false"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from memkit.errors import expected  # noqa: E402
from memkit.training import losses, step  # noqa: E402
from memkit.training import plan as plans_lib  # noqa: E402
from memkit.training.engines import Evaluation, Program, Steps  # noqa: E402
from memkit.training.engines import tensorflow_batches as batches  # noqa: E402
from memkit.training.engines import tensorflow_model as parts  # noqa: E402
from memkit.training.engines import tensorflow_replicas as replicas  # noqa: E402


def configure(setup):
    """Prepares this process for a Setup; must come before TensorFlow computes anything.

    One thread gives the same bits whatever else the machine does and however many workers run;
    replicas that wait for each other need more.
    """
    if setup.strategy == "one_device":
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.get_logger().setLevel("ERROR")
    if setup.kind == "gpu" and not tf.config.list_physical_devices("GPU"):
        wanted = "a GPU that TensorFlow can use; pip install 'memkit[gpu]' brings the libraries"
        raise expected("--devices", wanted, "none")
    if setup.strategy == "mirrored" and setup.kind == "cpu":
        cpus = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * setup.num_devices
        tf.config.set_logical_device_configuration(cpus[0], logical)
    _strategy(setup)


@functools.lru_cache(maxsize=1)
def _strategy(setup):
    """Returns the strategy of this process; it is the same for every program."""
    return replicas.create(setup)


def versions():
    """Returns {package: version} of what computes."""
    return {"tensorflow": tf.__version__, "keras": keras.__version__}


def device():
    """Returns the kind of device that TensorFlow computes on, such as "CPU" or a GPU's name."""
    if tf.config.list_logical_devices("TPU"):
        return "TPU"
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return tf.config.experimental.get_device_details(gpus[0])["device_name"]


def compile_program(blueprint, *, setup, images, labels, resident):
    """Builds the graphs of one point: `engines.compile_program`, one run at a time."""
    strategy = _strategy(setup)
    count = strategy.num_replicas_in_sync
    if count != blueprint.data_parallel:
        wanted = f"{count}, the replicas of --strategy={setup.strategy}"
        raise expected("training.data_parallel", wanted, blueprint.data_parallel)
    normalization = {"mean": blueprint.mean, "std": blueprint.std}
    with strategy.scope():
        model, teacher = blueprint.models()
        objective = parts.objective(teacher, blueprint.distillation)
        update, velocity = parts.update_rule(model, blueprint.optimizer)
    if resident:
        # Processes cannot broadcast bytes as a variable of theirs would; each has the images.
        alone = setup.strategy == "multi_worker"
        with contextlib.nullcontext() if alone else strategy.scope():
            images = tf.Variable(images, trainable=False)
    built = [variable.numpy() for variable in model.variables]
    parts.synchronize(model, blueprint.sync_batch_norm and count > 1)
    labels = tf.constant(labels)

    def batch(raw, index):
        index = replicas.own(index)
        raw = tf.gather(images, index) if resident else replicas.own(raw)
        return step.normalize(raw, **normalization), tf.gather(labels, index)

    def train_step(raw, index, rate, crop, flip):
        x, y = batch(raw, index)
        if blueprint.pad is not None:
            x = step.crop_and_flip(x, replicas.own(crop), replicas.own(flip), pad=blueprint.pad)
        with tf.GradientTape() as tape:
            logits = tf.cast(model(x, training=True), tf.float32)
            loss = tf.reduce_mean(objective(x, logits, y))
        gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
        update(replicas.mean(gradients), rate)
        right = tf.cast(tf.equal(tf.argmax(logits, -1, output_type=tf.int32), y), tf.float32)
        rows = (losses.cross_entropy(logits, y), losses.margin(logits, y), right)
        return replicas.mean(loss), replicas.every(tf.stack(rows, axis=-1))

    def evaluate_batch(raw, index):
        x, y = batch(raw, index)
        logits = tf.cast(model(x, training=False), tf.float32)
        return replicas.every(logits), replicas.every(losses.log_odds(logits, y))

    def settle():  # Each replica has moving statistics of its own slices.
        for variable in model.non_trainable_variables:
            variable.assign(replicas.mean(variable.value))
        return ()

    def reset(draws, teachers=None):
        for variable, value, first in zip(model.variables, draws[0](model), built, strict=True):
            variable.assign(first if value is None else value)
        for speed in velocity:
            speed.assign(tf.zeros(speed.shape))
        if teachers is not None:
            for variable, value in zip(teacher.variables, teachers[0], strict=True):
                variable.assign(value)

    def restore(states):
        for variable, value in zip((*model.variables, *velocity), states[0], strict=True):
            variable.assign(value)

    xla = setup.kind == "gpu" and count == 1
    graph = replicas.loop(strategy, train_step, xla=xla)
    train_epoch = _train(graph, None if resident else images)
    settle = replicas.one_by_one(strategy, settle, xla=False)
    is_same = replicas.one_by_one(strategy, replicas.is_same, xla=False)
    evaluate_batch = replicas.one_by_one(strategy, evaluate_batch, xla=xla)
    # Slices and compiled shapes need whole batches.
    whole = xla or setup.kind == "tpu" or count > 1

    def train(plans):
        if setup.strategy == "multi_worker":
            _check_same(is_same, plans, blueprint.optimizer)
        said = train_epoch(plans)
        if count > 1 and not blueprint.sync_batch_norm:
            settle()
        return said

    def evaluate():
        rows = plans_lib.evaluation_rows(len(labels), blueprint.whole_eval_batch, whole=whole)
        said = [evaluate_batch(*b) for b in batches.read(None if resident else images, rows)]
        logits, logodds = (np.concatenate(part)[: len(labels)] for part in zip(*said, strict=True))
        return [Evaluation(logits=logits, logodds=logodds, predicted=logits.argmax(-1))]

    return Program(
        size=1,
        reset=reset,
        train=train,
        evaluate=evaluate,
        weights=lambda: [[variable.numpy() for variable in model.variables]],
        state=lambda: [[variable.numpy() for variable in (*model.variables, *velocity)]],
        restore=restore,
    )


def _check_same(is_same, plans, optimizer):
    """Refuses to average gradients with processes that train another run or point."""
    (plan,) = plans
    what = repr(optimizer).encode() + plan.index.tobytes() + plan.rate.tobytes()
    if not is_same(np.int64(zlib.crc32(what))):
        wanted = "processes that train the same run: a --workdir with the same records for each"
        raise expected("TF_CONFIG", wanted, "processes with other runs missing")


def _train(graph, images):
    """Returns Program.train.

    Resident images (None here) are trained on for a whole epoch in one call of the graph, streamed
    ones step by step. Both are calls of one loop: TensorFlow optimizes a loop's body and a graph
    without a loop differently, which changes last bits.
    """

    def train(plans):
        (plan,) = plans
        if images is None:
            unused = np.zeros(len(plan.rate), np.uint8)
            said = graph(unused, plan.index, plan.rate, plan.crop, plan.flip)
            objective, rows = (part.numpy() for part in said)
        else:
            pictures = batches.read(images, plan.index)
            steps = zip(pictures, plan.rate, plan.crop, plan.flip, strict=True)
            said = [
                graph(*(part[None] for part in (*batch, *numbers))) for batch, *numbers in steps
            ]
            objective, rows = (np.concatenate(part) for part in zip(*said, strict=True))
        loss, margin, correct = np.moveaxis(rows, -1, 0)
        return [Steps(objective=objective, loss=loss, margin=margin, correct=correct > 0)]

    return train
