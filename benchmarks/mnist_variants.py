"""The ways that benchmark 2 compares; their units are whole runs."""

import dataclasses
import itertools

from benchmarks import small_studies

HIDDEN = (512, 256)
BATCH = 128
RATE, MOMENTUM = 0.1, 0.9
EVAL_BATCH = 256


@dataclasses.dataclass(frozen=True)
class Case:
    """What a run is.

    Attributes:
      examples: made-up train images.
      tests: made-up test images.
      epochs: of a run.
      npz: file with real images instead, or "".
    """

    examples: int = 60_000
    tests: int = 10_000
    epochs: int = 10
    npz: str = ""

    def config(self):
        """Returns the config of the study, see configs/mnist_mlp.py."""
        sizes = dict(num_train=self.examples, num_test=self.tests)
        dataset = small_studies.made_up(size=28, channels=1, **sizes)
        if self.npz:
            dataset = dict(name="npz", path=self.npz, mean=[0.1307], std=[0.3081])
        return small_studies.config(
            dataset=dataset,
            model=dict(name="mlp", hidden=list(HIDDEN)),
            num_runs=20,
            epochs=self.epochs,
            batch_size=BATCH,
        )


def engine(case, setup):
    """Trains runs of a study as a worker of `memkit run` does, up to their records."""
    from memkit.training.runner import Runner

    runner = Runner(setup)
    runner.configure()
    study, point = small_studies.draft(case.config())
    runs = itertools.cycle(range(len(study.train_mask)))
    return lambda: small_studies.train(study, point, [next(runs)], runner)


def flops(case):
    """Returns the operations of a run, training and evaluation; a turn of nothing else."""
    import os

    os.environ["KERAS_BACKEND"] = "tensorflow"
    from benchmarks import arithmetic
    from memkit.training import compiler, images

    study, point = small_studies.draft(case.config())
    dataset = images.load_dataset(study.config)
    model = compiler.model_builder(point, dataset)()
    trained = case.epochs * (int(study.train_mask[0].sum()) // BATCH) * BATCH
    evaluated = len(dataset.train_images) + len(dataset.test_images)
    whole = trained * arithmetic.training_flops(model) + evaluated * arithmetic.forward_flops(model)
    return lambda: whole


def plain(case):
    """Trains as public demonstrations do: one jitted update per batch, fed from the host.

    The training set of a run lies in host memory as floats; each step copies its batch to the
    device. Afterwards the model answers all train and test images, batch by batch.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    from memkit import seeds

    study, _ = small_studies.draft(case.config())
    images, labels = _normalized(case, study)
    classes = len(study.examples.class_names)
    sizes = (images.shape[1], *HIDDEN, classes)

    def logits(layers, x):
        for weights, biases in layers[:-1]:
            x = jax.nn.relu(x @ weights + biases)
        return x @ layers[-1][0] + layers[-1][1]

    def loss(layers, x, y):
        log_probs = jax.nn.log_softmax(logits(layers, x))
        return -jnp.take_along_axis(log_probs, y[:, None], axis=1).mean()

    @jax.jit
    def update(layers, velocity, x, y):
        gradient = jax.grad(loss)(layers, x, y)
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v - RATE * g, velocity, gradient)
        return jax.tree.map(jnp.add, layers, velocity), velocity

    right = jax.jit(lambda layers, x, y: logits(layers, x).argmax(-1) == y)
    runs = itertools.cycle(range(len(study.train_mask)))

    def train():
        run = next(runs)
        rng = seeds.stream(0, "plain", run)
        layers = [
            (rng.normal(size=(i, o), scale=i**-0.5).astype(np.float32), np.zeros(o, np.float32))
            for i, o in itertools.pairwise(sizes)
        ]
        velocity = jax.tree.map(np.zeros_like, layers)
        members = np.flatnonzero(study.train_mask[run])
        x_run, y_run = images[members], labels[members]
        for _ in range(case.epochs):
            order = rng.permutation(len(members))
            for start in range(0, len(order) - BATCH + 1, BATCH):
                rows = order[start : start + BATCH]
                layers, velocity = update(layers, velocity, x_run[rows], y_run[rows])
        starts = range(0, len(images), EVAL_BATCH)
        ends = [(images[i : i + EVAL_BATCH], labels[i : i + EVAL_BATCH]) for i in starts]
        np.concatenate([right(layers, x, y) for x, y in ends])
        return 1

    return train


def _normalized(case, study):
    """Returns all images as float32 rows and their labels, train then test."""
    import numpy as np

    from memkit.training.images import load_dataset

    dataset = load_dataset(study.config)
    images = np.concatenate([dataset.train_images, dataset.test_images])
    section = study.config["dataset"]
    scaled = (images.astype(np.float32) / 255 - section["mean"][0]) / section["std"][0]
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    return scaled.reshape(len(images), -1).astype(np.float32), labels
