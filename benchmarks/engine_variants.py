"""The ways that benchmark 1 compares, as functions that a process of its own calls."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained: a ResNet on whole batches, so that every way sees as many images.

    Attributes:
      depth: of the network.
      width: filters of its first stage.
      size: pixels on a side; 8 takes scikit-learn's digits, others are made-up images.
      batch: examples in a batch.
      steps: batches in an epoch.
      epochs: in a turn.
    """

    depth: int
    width: int
    size: int
    batch: int
    steps: int
    epochs: int

    @property
    def members(self):
        """Examples in an epoch."""
        return self.steps * self.batch

    @property
    def images(self):
        """Images in a turn."""
        return self.epochs * self.members


def data_of(case):
    """Returns the ImageDataset of a case."""
    from memkit import data

    if case.size == 8:
        return data.load("digits")
    sizes = dict(image_size=case.size, channels=3, num_classes=10, num_test=10)
    return data.load("made_up", num_train=case.members, **sizes)


def build(case, dataset):
    """Returns the Keras model of a case."""
    from memkit import models

    shape, classes = dataset.image_shape, dataset.num_classes
    options = dict(depth=case.depth, width=case.width)
    return models.build("resnet", input_shape=shape, num_classes=classes, **options)


def engine(case, setup):
    """Trains with memkit's engine, epoch by epoch from a plan."""
    import numpy as np

    from memkit.models.initial_values import initial_values
    from memkit.training import engines, plan

    module = engines.load(setup.engine)
    module.configure(setup)
    dataset = data_of(case)
    channels = dataset.image_shape[-1]
    blueprint = engines.Blueprint(
        build=lambda: build(case, dataset),
        mean=(0.3,) * channels,
        std=(0.37,) * channels,
        optimizer=dict(name="sgd", momentum=0.9, nesterov=True, weight_decay=1e-4, decay_all=False),
        pad=None,
        eval_batch=512,
    )
    program = module.compile_program(
        blueprint,
        setup=setup,
        images=dataset.train_images,
        labels=dataset.train_labels,
        resident=True,
    )
    rates = np.full((case.epochs, case.steps), 0.01)
    options = dict(batch_size=case.batch, rates=rates, augment="none", pad=4, seed=0, run=0)

    def train():
        program.reset([lambda model: initial_values(model, seed=0, purpose="init", run=0)])
        for epoch in plan.epochs(np.arange(case.members), **options):
            program.train([epoch])
        return case.images

    return train


def fit(case, *, whole_epochs):
    """Trains with `Model.fit`: a step per call, or one thread and a whole epoch per call."""
    import os

    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import numpy as np
    import tensorflow as tf

    if whole_epochs:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    dataset = data_of(case)
    x = ((dataset.train_images[: case.members] / 255 - 0.3) / 0.37).astype(np.float32)
    y = dataset.train_labels[: case.members]
    model = build(case, dataset)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=case.steps if whole_epochs else 1,
    )

    def train():
        model.fit(x, y, batch_size=case.batch, epochs=case.epochs, verbose=0)
        return case.images

    return train


def product(size, count):
    """Multiplies float32 matrices in TensorFlow's one thread; its units are operations."""
    import tensorflow as tf

    from memkit import seeds

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    a, b = seeds.stream(0, "product").normal(size=(2, size, size)).astype("float32")
    a, b = tf.constant(a), tf.constant(b)

    def multiply():
        for _ in range(count):
            last = tf.matmul(a, b)
        last.numpy()
        return 2 * size**3 * count

    return multiply


def flops(case):
    """Returns the operations of one image's training step; a turn of nothing else."""
    import os

    os.environ["KERAS_BACKEND"] = "tensorflow"
    from benchmarks import arithmetic

    return lambda: arithmetic.training_flops(build(case, data_of(case)))
