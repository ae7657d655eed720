"""The TensorFlow engine: training and evaluation of one point as graphs that many runs share.

Under a strategy with several replicas, one run is spread over all of them: each takes its slice of
every batch of the plan, and gradients are averaged.
"""

import functools
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["KERAS_NNX_ENABLED"] = "false"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from memkit.errors import expected  # noqa: E402
from memkit.training import plan as plans_lib  # noqa: E402
from memkit.training.engines import (  # noqa: E402
    Blueprint,
    Evaluation,
    Gradients,
    Images,
    Program,
    Reduce,
    Setup,
    Steps,
)
from memkit.training.engines import tensorflow_replicas as replicas  # noqa: E402
from memkit.training.engines.tensorflow_model import PointModel  # noqa: E402
from memkit.training.plan import EpochPlan  # noqa: E402
from memkit.typing import FloatArray, IntArray  # noqa: E402

READ_AHEAD = 4  # Number of batches of streamed images that are ready before they are needed.


def configure(setup: Setup) -> None:
    """See `engines.Engine.configure`.

    On one device TensorFlow uses one thread, so the bits do not depend on the load of the machine
    or on the number of workers; replicas wait for each other and need more threads.

    Raises:
      InputError: TensorFlow cannot use the GPU.
    """
    if setup.strategy == "one_device":
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.get_logger().setLevel("ERROR")
    if setup.kind == "gpu" and not tf.config.list_physical_devices("GPU"):
        remedy = "`pip install -e '.[gpu]'` in your clone of memkit installs CUDA"
        expectation = f"a GPU that TensorFlow can use ({remedy})"
        raise expected("--devices", expectation, "none")
    if setup.strategy == "mirrored" and setup.kind == "cpu":
        cpus = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * setup.num_devices
        tf.config.set_logical_device_configuration(cpus[0], logical)
    _strategy(setup)


@functools.lru_cache(maxsize=1)
def _strategy(setup: Setup) -> tf.distribute.Strategy:
    """Returns the strategy of this process, which is created once and used by every program."""
    return replicas.create(setup)


def versions() -> dict[str, str]:
    """See `engines.Engine.versions`."""
    return {"tensorflow": tf.__version__, "keras": keras.__version__}


def device() -> str:
    """See `engines.Engine.device`."""
    if tf.config.list_logical_devices("TPU"):
        return "TPU"
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    name: str = tf.config.experimental.get_device_details(gpus[0])["device_name"]
    return name


def compile_program(
    blueprint: Blueprint, *, setup: Setup, images: Images, labels: IntArray, resident: bool
) -> Program:
    """See `engines.compile_program`; the program trains one run at a time."""
    strategy = _strategy(setup)
    count = strategy.num_replicas_in_sync
    if count != blueprint.data_parallel:
        expectation = f"{count}, the replicas of --strategy={setup.strategy}"
        raise expected("training.data_parallel", expectation, blueprint.data_parallel)
    model = PointModel(
        blueprint,
        strategy=strategy,
        images=images if resident else None,
        # A strategy of several processes cannot broadcast bytes; each process holds the images.
        are_images_shared=setup.strategy != "multi_worker",
        labels=labels,
    )
    streamed = None if resident else images
    xla = setup.kind == "gpu" and count == 1
    train_steps = replicas.loop(strategy, model.train_step, xla=xla)
    average_statistics = replicas.one_by_one(strategy, model.average_statistics, xla=False)
    is_same = replicas.one_by_one(strategy, replicas.is_same, xla=False)
    evaluate_batch = replicas.one_by_one(strategy, model.evaluate_batch, xla=xla)
    # Slices and compiled shapes need whole batches.
    whole = xla or setup.kind == "tpu" or count > 1
    rows = plans_lib.evaluation_rows(len(labels), blueprint.whole_eval_batch, whole=whole)

    def train(plans: Sequence[EpochPlan]) -> list[Steps]:
        (plan,) = plans
        if setup.strategy == "multi_worker":
            _check_same(is_same, plan, blueprint.optimizer)
        steps = _train_epoch(train_steps, plan, streamed)
        if count > 1 and not blueprint.sync_batch_norm:
            average_statistics()
        return [steps]

    return Program(
        size=1,
        reset=model.reset,
        train=train,
        evaluate=lambda: [_evaluate(evaluate_batch, rows, streamed, num_examples=len(labels))],
        weights=model.weights,
        state=model.state,
        restore=model.restore,
    )


def gradients(model: keras.Model, reduce: Reduce) -> Gradients:
    """See `engines.Engine.gradients`."""

    @tf.function
    def of_image(image: tf.Tensor, directions: tf.Tensor, *arguments: tf.Tensor) -> tf.Tensor:
        values = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            logits = tf.cast(model(image[None], training=False), tf.float32)
            outputs = tf.linalg.matvec(directions, logits[0])
        # A loop over directions: the vectorized form is slow in convolutional layers.
        parts = tape.jacobian(
            outputs, values, unconnected_gradients="zero", experimental_use_pfor=False
        )
        rows = tf.concat([tf.reshape(part, (directions.shape[0], -1)) for part in parts], axis=1)
        return reduce(rows, *arguments)

    def compute(image: Any, directions: Any, *arguments: Any) -> FloatArray:
        tensors = map(tf.convert_to_tensor, (image, directions, *arguments))
        result: FloatArray = of_image(*tensors).numpy()
        return result

    return compute


def _check_same(
    is_same: Callable[[np.int64], tf.Tensor], plan: EpochPlan, optimizer: Mapping[str, Any]
) -> None:
    """Checks that the processes that average their gradients train the same run and point."""
    content = repr(optimizer).encode() + plan.index.tobytes() + plan.rate.tobytes()
    if not is_same(np.int64(zlib.crc32(content))):
        expectation = "processes that train the same run, with the same records in each --workdir"
        raise expected("TF_CONFIG", expectation, "processes with different missing runs")


def _train_epoch(
    train_steps: Callable[..., tuple[tf.Tensor, ...]], plan: EpochPlan, images: Images | None
) -> Steps:
    """Trains one epoch.

    With images on the device (None here), one call of the graph trains a whole epoch; with streamed
    images, each call trains one step. The graph contains a loop in both cases: TensorFlow optimizes
    the body of a loop and a graph without a loop differently, which changes the last bits.
    """
    if images is None:
        unused = np.zeros(len(plan.rate), np.uint8)
        results = train_steps(unused, plan.index, plan.rate, plan.crop, plan.flip, plan.draws)
        objective, rows = (tensor.numpy() for tensor in results)
    else:
        numbers_of_steps = (plan.rate, plan.crop, plan.flip, plan.draws)
        steps = zip(_batches(images, plan.index), *numbers_of_steps, strict=True)
        by_step = [
            train_steps(*(array[None] for array in (*batch, *numbers))) for batch, *numbers in steps
        ]
        objective, rows = (np.concatenate(tensors) for tensors in zip(*by_step, strict=True))
    loss, margin, correct = np.moveaxis(rows, -1, 0)
    return Steps(objective=objective, loss=loss, margin=margin, correct=correct > 0)


def _evaluate(
    evaluate_batch: Callable[..., tuple[tf.Tensor, tf.Tensor]],
    rows: Sequence[IntArray],
    images: Images | None,
    *,
    num_examples: int,
) -> Evaluation:
    """Evaluates all examples batch by batch; the copies that fill up the last one are dropped."""
    by_batch = [evaluate_batch(*batch) for batch in _batches(images, rows)]
    logits, logodds = (
        np.concatenate(tensors)[:num_examples] for tensors in zip(*by_batch, strict=True)
    )
    return Evaluation(logits=logits, logodds=logodds, predicted=logits.argmax(-1))


def _batches(
    images: Images | None, rows_of_batches: Iterable[IntArray]
) -> Iterator[tuple[tf.Tensor, IntArray]]:
    """Yields (images, rows) of each batch; images are 0 if they are on the device (None here).

    Streamed images are read ahead.
    """
    if images is None:
        yield from ((np.uint8(0), rows) for rows in rows_of_batches)
        return
    stream = tf.data.Dataset.from_generator(
        lambda: (images[rows] for rows in rows_of_batches),
        output_signature=tf.TensorSpec((None, *images.shape[1:]), images.dtype),
    )
    yield from zip(stream.prefetch(READ_AHEAD), rows_of_batches, strict=True)
