"""Programs of small networks, executed by either engine on the same values and plans."""

import contextlib
import dataclasses
from unittest import mock

import numpy as np

from memkit import models, recipe
from memkit.models import layers
from memkit.models.initial_values import initial_values
from memkit.training import engines, plan

NUM_TRAIN, NUM_TEST, NUM_CLASSES, BATCH, PAD = 30, 7, 10, 8, 2
SEED, MEMBERS = 11, 26
CALLS = ((1, 1, 1), (3,))  # steps of each call of Program.train, by epoch
OPTIMIZER = {
    "name": "sgd",
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 1e-3,
    "decay_all": False,
}
DISTILLATION = {"weight": 0.7, "temperature": 2.0, "scale": True}


def tiny_convolutional(*, input_shape, num_classes, filters):
    """Returns a network with one convolution and one batch normalization; compiles quickly."""
    import keras

    images = keras.Input(input_shape, name="images")
    x = layers.convolution_norm(images, filters, kernel=3, name="stem")
    return keras.Model(images, layers.classify(x, num_classes), name="tiny")


TINY = {"name": "tests.training.programs:tiny_convolutional", "filters": 3}


def noisy_perceptron(*, input_shape, num_classes, rate):
    """Returns a perceptron with dropout, noise, penalties and normalization."""
    import keras

    images = keras.Input(input_shape, name="images")
    x = keras.layers.Flatten(name="flatten")(images)
    penalties = {"kernel_regularizer": "l2", "activity_regularizer": "l1"}
    x = keras.layers.Dense(12, activation="relu", name="hidden", **penalties)(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(rate, seed=1, name="dropout")(x)
    x = keras.layers.GaussianNoise(rate, seed=1, name="noise")(x)
    logits = keras.layers.Dense(num_classes, name="logits", dtype="float32")(x)
    return keras.Model(images, logits, name="noisy")


NOISY = {"name": "tests.training.programs:noisy_perceptron", "rate": 0.5}


@dataclasses.dataclass(frozen=True)
class Case:
    """One program and what it executes.

    Attributes:
      model: section of a config.
      setup: attributes of engines.Setup; kind "gpu" compiles as for a GPU and computes on the CPU.
      runs: indices of the runs, several packs of them one after another.
      poisoned: place in `runs` where the initial values are NaN, or -1.
      inverted: row of the image that is inverted, or -1.
      peak: learning rate of the last step; the first has 2/7 of it.
    """

    model: dict
    setup: dict = dataclasses.field(default_factory=dict)
    runs: tuple = (0,)
    poisoned: int = -1
    inverted: int = -1
    peak: float = 0.07
    image_shape: tuple = (8, 8, 1)
    augment: str = "pad_crop_flip"
    label_smoothing: float = 0.0
    resident: bool = True
    data_parallel: int = 1
    sync_batch_norm: bool = True
    remat: bool = False
    precision: str = "float32"
    eval_batch: int = 16
    teacher: dict | None = None
    optimizer: dict = dataclasses.field(default_factory=lambda: OPTIMIZER)


def data(case):
    """Returns (images [37, H, W, C] uint8, labels [37] int32), 30 train and 7 test examples."""
    rng = np.random.default_rng(4)
    images = rng.integers(0, 256, (NUM_TRAIN + NUM_TEST, *case.image_shape)).astype(np.uint8)
    labels = rng.integers(0, NUM_CLASSES, len(images)).astype(np.int32)
    if case.inverted >= 0:
        images[case.inverted] = 255 - images[case.inverted]
    return images, labels


def normalization(case):
    """Returns (mean, std) of the channels."""
    channels = case.image_shape[-1]
    return (0.3, 0.5, 0.4)[:channels], (0.4, 0.3, 0.5)[:channels]


def members(run):
    """Returns the train examples of a run."""
    return np.sort(np.random.default_rng((SEED, run)).permutation(NUM_TRAIN)[:MEMBERS])


def plans(case, run):
    """Returns the EpochPlans of the calls of Program.train: 1, 1, 1 and 3 steps."""
    rates = case.peak * np.linspace(2 / 7, 1, 6).reshape(2, 3)
    options = {"augment": case.augment, "pad": PAD, "seed": SEED, "run": run}
    whole = plan.epochs(members(run), batch_size=BATCH, rates=rates, **options)
    actual = []
    for epoch, lengths in zip(whole, CALLS, strict=True):
        ends = np.cumsum(lengths)
        for first, last in zip(ends - lengths, ends, strict=True):
            parts = dataclasses.asdict(epoch).items()
            actual.append(plan.EpochPlan(**{name: part[first:last] for name, part in parts}))
    return actual


def build(section, case):
    """Returns the keras.Model of a section."""
    models.allow([TINY["name"], NOISY["name"]])
    return models.build(input_shape=case.image_shape, num_classes=NUM_CLASSES, **section)


def start(model, run, purpose="init"):
    """Returns a run's initial values."""
    return initial_values(model, seed=SEED, purpose=purpose, run=run)


def compiled(case, engine):
    """Returns the Program of a case."""
    images, labels = data(case)
    mean, std = normalization(case)
    blueprint = engines.Blueprint(
        build=lambda: build(case.model, case),
        mean=mean,
        std=std,
        optimizer=case.optimizer,
        pad=recipe.padding(case.augment, PAD),
        augment=case.augment,
        label_smoothing=case.label_smoothing,
        eval_batch=case.eval_batch,
        precision=case.precision,
        data_parallel=case.data_parallel,
        sync_batch_norm=case.sync_batch_norm,
        remat=case.remat,
        teacher=(lambda: build(case.teacher, case)) if case.teacher else None,
        distillation=DISTILLATION,
    )
    setup = engines.Setup(engine=engine.__name__.rpartition(".")[2], **case.setup)
    return engine.compile_program(
        blueprint, setup=setup, images=images, labels=labels, resident=case.resident
    )


def execute(case, engine):
    """Returns {name: array [R, ...]}, the outcomes of the runs of a case.

    `objective` [R, 6], `loss`, `margin` and `correct` [R, 6, B] of all steps; `weights<k>/<i>`, the
    i-th variable after the k-th call; `logits` [R, 37, C] and `logodds` [R, 37] at the end.
    """
    with _on_the_cpu(engine):
        program = compiled(case, engine)
        if len(case.runs) % program.size:
            raise ValueError(f"{len(case.runs)} runs in a program of {program.size}")
        packs = [
            train_pack(case, program, range(first, first + program.size))
            for first in range(0, len(case.runs), program.size)
        ]
    return {name: np.concatenate([pack[name] for pack in packs]) for name in packs[0]}


def train_pack(case, program, positions):
    runs = [case.runs[position] for position in positions]

    def draw(position, model):
        values = start(model, case.runs[position])
        return [np.nan * value for value in values] if position == case.poisoned else values

    teachers = None
    if case.teacher:
        teacher = build(case.teacher, case)
        teachers = [start(teacher, run, "teacher") for run in runs]
    program.reset(
        [lambda model, position=position: draw(position, model) for position in positions], teachers
    )
    actual, steps_of_calls = {}, []
    for call, pack in enumerate(zip(*(plans(case, run) for run in runs), strict=True)):
        steps_of_calls.append(program.train(list(pack)))
        for i, values in enumerate(zip(*program.weights(), strict=True)):
            actual[f"weights{call}/{i}"] = np.stack(values)
    for name in ("objective", "loss", "margin", "correct"):
        by_call = [np.stack([getattr(steps, name) for steps in pack]) for pack in steps_of_calls]
        actual[name] = np.concatenate(by_call, axis=1)
    evaluations = program.evaluate()
    for name in ("logits", "logodds"):
        actual[name] = np.stack([getattr(evaluation, name) for evaluation in evaluations])
    return actual


@contextlib.contextmanager
def _on_the_cpu(engine):
    """Lets a Setup of kind "gpu" compute on CPU devices."""
    if engine.__name__.endswith("jax"):
        module, name = engine, "_devices"

        def instead(setup):
            return engine.jax.devices("cpu")[: setup.num_devices]

    else:
        module, name, create = engine.replicas, "create", engine.replicas.create

        def instead(setup):
            return create(dataclasses.replace(setup, kind="cpu"))

    with mock.patch.object(module, name, instead):
        yield


def cases(argument, engine):
    """Executes {name: attributes of a Case}; the arrays of a case are named `<case>|<name>`."""
    return {
        f"{name}|{key}": array
        for name, attributes in argument.items()
        for key, array in execute(as_case(attributes), engine).items()
    }


def by_case(arrays):
    """Returns {case: {name: array}} of what `cases` returned."""
    actual = {}
    for key, array in arrays.items():
        case, _, name = key.partition("|")
        actual.setdefault(case, {})[name] = array
    return actual


def as_case(attributes):
    """Returns the Case of attributes that were JSON."""
    return Case(**{k: tuple(v) if isinstance(v, list) else v for k, v in attributes.items()})


def assert_agree(actual, expected, *, tolerance=1e-5):
    """Compares all outcomes of two programs: weights relative to their size, the rest directly."""
    assert set(actual) == set(expected)
    for name, array in expected.items():
        scale = max(1.0, np.abs(array).max())
        np.testing.assert_allclose(
            actual[name], array, rtol=0, atol=tolerance * scale, err_msg=name
        )


def assert_moved(arrays):
    """The comparison would be empty if training had changed nothing."""
    weights = [name.partition("/")[2] for name in arrays if name.startswith("weights0/")]
    for i in weights:
        assert (arrays[f"weights0/{i}"] != arrays[f"weights3/{i}"]).any()
    assert arrays["objective"].std() > 0
