"""Optimizers: memkit's own SGD against Keras's, and which sections of a config are refused."""

import keras
import numpy as np
import pytest

from memkit import optimizers
from memkit.errors import InputError


def _parameters(rng):
    shapes = {"stem/kernel": (3, 3, 2, 4), "bn/gamma": (4,), "logits/kernel": (4, 3), "b": (3,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def _compare_with_keras(*, momentum, nesterov, decay_gradient, weight_decay, decay_all):
    """Takes 20 steps with both; decay_gradient(name, weight) is added to what Keras is given."""
    rng = np.random.default_rng(0)
    weights = _parameters(rng)
    velocity = {name: np.zeros_like(w) for name, w in weights.items()}
    variables = {name: keras.Variable(w) for name, w in weights.items()}
    optimizer = keras.optimizers.SGD(0.1, momentum=momentum, nesterov=nesterov)
    optimizer.build(list(variables.values()))
    for rate in np.linspace(0.3, 0.01, 20, dtype=np.float32):
        gradient = _parameters(rng)
        optimizer.learning_rate = rate
        theirs = [
            keras.ops.convert_to_tensor(gradient[name]) + decay_gradient(name, variable.value)
            for name, variable in variables.items()
        ]
        optimizer.apply(theirs, list(variables.values()))
        weights, velocity = optimizers.sgd(
            weights,
            velocity,
            gradient,
            rate,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
            decay_all=decay_all,
        )
        for name, variable in variables.items():
            assert weights[name].dtype == np.float32
            np.testing.assert_allclose(weights[name], np.asarray(variable), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("momentum, nesterov", [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd_equals_that_of_keras(momentum, nesterov):
    _compare_with_keras(
        momentum=momentum,
        nesterov=nesterov,
        decay_gradient=lambda name, weight: 0.0,
        weight_decay=0.0,
        decay_all=False,
    )


@pytest.mark.parametrize("decay_all", [False, True])
def test_decay_equals_the_gradient_of_keras_l2_of_half_of_it(decay_all):
    penalty = keras.regularizers.L2(0.05 / 2)
    tensorflow = pytest.importorskip("tensorflow")

    def decay_gradient(name, weight):
        if not (decay_all or name.endswith("kernel")):
            return 0.0
        weight = tensorflow.convert_to_tensor(weight)
        with tensorflow.GradientTape() as tape:
            tape.watch(weight)
            loss = penalty(weight)
        return tape.gradient(loss, weight)

    _compare_with_keras(
        momentum=0.9,
        nesterov=True,
        decay_gradient=decay_gradient,
        weight_decay=0.05,
        decay_all=decay_all,
    )


def test_sgd_leaves_its_arguments_alone():
    weights = _parameters(np.random.default_rng(0))
    copies = {name: w.copy() for name, w in weights.items()}
    options = {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "decay_all": True}
    optimizers.sgd(weights, weights, weights, 0.1, **options)
    for name, weight in weights.items():
        np.testing.assert_array_equal(weight, copies[name])


def test_sgd_worked_example():
    options = {"momentum": 0.5, "nesterov": False, "weight_decay": 0.1, "decay_all": False}
    weights, velocity = optimizers.sgd(
        {"kernel": 2.0, "bias": 2.0},
        {"kernel": 1.0, "bias": 1.0},
        {"kernel": 3.0, "bias": 3.0},
        0.1,
        **options,
    )
    assert velocity == {"kernel": pytest.approx(0.5 - 0.32), "bias": pytest.approx(0.2)}
    assert weights == {"kernel": pytest.approx(2.18), "bias": pytest.approx(2.2)}


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"name": "adem"}, "optimizer.name: unknown optimizer .*did you mean 'adam'"),
        ({"name": "optimizer"}, "optimizer.name: unknown optimizer "),
        ({"name": "adam"}, "optimizer.momentum: unknown field. Known: decay_all, beta_1"),
        ({"beta": 1}, "optimizer.beta: "),
        ({"momentum": 1}, "optimizer.momentum: "),
        ({"momentum": -0.1}, "optimizer.momentum: "),
        ({"weight_decay": -1e-9}, "optimizer.weight_decay: "),
        ({"weight_decay": float("nan")}, "optimizer.weight_decay: "),
    ],
    ids=str,
)
def test_bad_optimizer_is_refused_by_name(changes, named):
    sound = {
        "name": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.0,
        "decay_all": False,
    }
    optimizers.check(**sound)
    with pytest.raises(InputError, match=f"^{named}"):
        optimizers.check(**(sound | changes))


def test_decay_of_a_keras_optimizer_changes_kernels_alone():
    variables = [
        keras.Variable(np.ones(shape), name=name)
        for name, shape in (("kernel", (3, 4)), ("bias", (4,)), ("gamma", (4,)))
    ]
    optimizer = optimizers.create(variables, name="adamw", weight_decay=0.5)
    optimizer.learning_rate = 0.1
    optimizer.apply([np.zeros(variable.shape, np.float32) for variable in variables])
    assert [float(np.mean(v)) for v in variables] == pytest.approx([0.95, 1, 1])
    optimizer = optimizers.create(variables, name="adamw", weight_decay=0.5, decay_all=True)
    optimizer.learning_rate = 0.1
    optimizer.apply([np.zeros(variable.shape, np.float32) for variable in variables])
    assert [float(np.mean(v)) for v in variables] == pytest.approx([0.95**2, 0.95, 0.95])


@pytest.mark.parametrize(
    "section, message",
    [
        ({"name": "adam", "beta": 0.9}, "optimizer.beta: unknown field. .*beta_1"),
        ({"name": "adam", "learning_rate": 0.1}, "optimizer.learning_rate: unknown field"),
        ({"name": "adam", "use_ema": True}, "optimizer.use_ema: unknown field"),
        ({"name": "adam", "clipnorm": 1, "clipvalue": 1}, "optimizer: expected options that adam"),
        ({"name": "schedulefreeadamw"}, "optimizer.name: expected .* start from constants"),
    ],
)
def test_what_a_keras_optimizer_cannot_do_is_refused_by_name(section, message):
    variables = [keras.Variable(np.arange(6.0).reshape(2, 3), name="kernel")]
    with pytest.raises(InputError, match=f"^{message}"):
        optimizers.create(variables, **section)


def test_a_stored_section_is_checked_without_keras():
    optimizers.check(name="anything", is_stored=True, beta_1=0.9, amsgrad=True, clipnorm=None)
    with pytest.raises(InputError, match="^optimizer.name: expected the name of a class of Keras"):
        optimizers.check(name="os.system", is_stored=True)
    with pytest.raises(InputError, match="^optimizer.beta_1: expected a number, text, switch or"):
        optimizers.check(name="adam", is_stored=True, beta_1={"class_name": "Custom"})
