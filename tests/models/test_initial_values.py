import keras
import numpy as np
import pytest
import scipy.stats

from memkit import models
from memkit.errors import InputError
from memkit.models.initial_values import draw, initial_values
from memkit.training import engines


def _resnet():
    return models.build("resnet", input_shape=(8, 8, 1), num_classes=10, depth=8, width=2)


@pytest.fixture(scope="module")
def model():
    return _resnet()


def _values(model, *, seed=0, purpose="init", run=0):
    return initial_values(model, seed=seed, purpose=purpose, run=run)


def _assert_equal(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_variable_has_a_value_of_its_shape_and_type(model):
    for value, variable in zip(_values(model), model.variables, strict=True):
        assert value.shape == tuple(variable.shape)
        assert value.dtype == variable.dtype


def test_same_arguments_give_the_same_arrays(model):
    _assert_equal(_values(model, run=3), _values(model, run=3))


def test_second_build_gets_the_same_arrays(model):
    _assert_equal(_values(model, run=3), _values(_resnet(), run=3))


def test_values_do_not_depend_on_the_current_values_of_variables():
    model = _resnet()
    before = _values(model)
    for variable in model.variables:
        variable.assign(variable + 1)
    _assert_equal(before, _values(model))


def _kernels(model, values):
    pairs = zip(model.variables, values, strict=True)
    return {variable.path: value for variable, value in pairs if variable.name == "kernel"}


@pytest.mark.parametrize("change", [{"seed": 1}, {"run": 1}, {"purpose": "init/distilled"}])
def test_seeds_runs_and_purposes_differ_in_every_kernel(model, change):
    first, second = _kernels(model, _values(model)), _kernels(model, _values(model, **change))
    for path, value in first.items():
        assert not np.isin(value, second[path]).any()


def test_variables_of_equal_shape_differ(model):
    kernels = list(_kernels(model, _values(model)).values())
    drawn = np.concatenate([kernel.ravel() for kernel in kernels])
    assert len(np.unique(drawn)) > 0.99 * drawn.size


def test_batch_norm_and_biases_start_as_in_keras(model):
    expected = {"gamma": 1, "beta": 0, "moving_mean": 0, "moving_variance": 1, "bias": 0}
    names = set()
    for variable, value in zip(model.variables, _values(model), strict=True):
        if variable.name != "kernel":
            assert (value == expected[variable.name]).all()
            names.add(variable.name)
    assert names == set(expected)


_UNBOUNDED = [
    keras.initializers.RandomNormal(0.3, 0.2),
    keras.initializers.VarianceScaling(0.5, "fan_out", "untruncated_normal"),
]
_INITIALIZERS = [
    *_UNBOUNDED,
    keras.initializers.HeNormal(),
    keras.initializers.HeUniform(),
    keras.initializers.GlorotNormal(),
    keras.initializers.GlorotUniform(),
    keras.initializers.LecunNormal(),
    keras.initializers.LecunUniform(),
    keras.initializers.RandomUniform(-0.1, 0.4),
    keras.initializers.TruncatedNormal(-0.2, 0.7),
    keras.initializers.VarianceScaling(2.0, "fan_avg", "truncated_normal"),
    keras.initializers.VarianceScaling(3.0, "fan_in", "uniform"),
]


@pytest.mark.parametrize("shape", [(3, 5, 24, 60), (90, 240)], ids=["conv", "dense"])
@pytest.mark.parametrize("initializer", _INITIALIZERS, ids=lambda i: type(i).__name__)
def test_values_have_the_distribution_of_keras(initializer, shape):
    actual = draw(initializer, shape, np.random.default_rng(0)).ravel()
    seeded = type(initializer).from_config(initializer.get_config() | {"seed": 1})
    expected = np.asarray(seeded(shape), float).ravel()
    assert scipy.stats.ks_2samp(actual, expected).pvalue > 1e-3
    assert actual.mean() == pytest.approx(
        expected.mean(), abs=5 * expected.std() / len(actual) ** 0.5
    )
    assert actual.std() == pytest.approx(expected.std(), rel=0.03)
    if initializer not in _UNBOUNDED:
        middle = expected.mean()
        bound = np.abs(expected - middle).max()
        assert np.abs(actual - middle).max() == pytest.approx(bound, rel=0.02)


@pytest.mark.parametrize(
    "shape, fan_in, fan_out",
    [
        ((40, 900), 40, 900),
        ((3, 3, 10, 80), 90, 720),
        ((5, 50, 80), 250, 400),
        ((9000,), 9000, 9000),
    ],
)
def test_fans_of_dense_and_convolution_kernels(shape, fan_in, fan_out):
    rng = np.random.default_rng(1)
    he = draw(keras.initializers.HeNormal(), shape, rng)
    assert he.std() == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)
    glorot = draw(keras.initializers.GlorotUniform(), shape, rng)
    assert np.abs(glorot).max() == pytest.approx((6 / (fan_in + fan_out)) ** 0.5, rel=0.01)
    assert np.abs(glorot).max() <= (6 / (fan_in + fan_out)) ** 0.5


def test_constants_are_drawn_exactly():
    rng = np.random.default_rng(0)
    assert (draw(keras.initializers.Zeros(), (3, 2), rng) == 0).all()
    assert (draw(keras.initializers.Ones(), (3,), rng) == 1).all()
    assert (draw(keras.initializers.Constant(0.25), (2, 2), rng) == 0.25).all()


def test_unknown_initializer_raises_an_error_that_lists_the_known_ones():
    images = keras.Input((4,))
    layer = keras.layers.Dense(3, kernel_initializer="orthogonal", name="odd")
    model = keras.Model(images, layer(images))
    with pytest.raises(InputError, match="among .*HeNormal.*Zeros.* received Orthogonal"):
        _values(model)


class _Table(keras.layers.Layer):
    """A layer as a user writes it: its variable has no `<name>_initializer` attribute."""

    def build(self, input_shape):
        self.table = self.add_weight(name="table", shape=input_shape[1:], initializer="ones")

    def call(self, inputs):
        return inputs * self.table


def _with_pretrained_weights():
    images = keras.Input((2, 2, 1), name="images")
    x = _Table(name="table")(images)
    x = keras.layers.Flatten(name="flatten")(x)
    model = keras.Model(images, keras.layers.Dense(3, dtype="float32", name="logits")(x))
    model.get_layer("table").table.assign(np.array([[[2.0], [3.0]], [[4.0], [5.0]]]))
    return model


def test_variable_without_initializer_has_no_value():
    values = _values(_with_pretrained_weights())
    assert [value is None for value in values] == [True, False, False]


def test_reset_restores_the_value_after_build_of_such_a_variable():
    model = _with_pretrained_weights()
    built = np.asarray(model.get_layer("table").table)
    blueprint = engines.Blueprint(
        build=lambda: model,
        mean=[0.0],
        std=[1.0],
        optimizer={
            "name": "sgd",
            "momentum": 0.9,
            "nesterov": True,
            "weight_decay": 0,
            "decay_all": False,
        },
        pad=None,
        eval_batch=2,
    )
    program = engines.compile_program(
        blueprint,
        setup=engines.Setup(),
        images=np.zeros((2, 2, 2, 1), np.uint8),
        labels=np.zeros(2, np.int32),
        resident=True,
    )
    for variable in model.variables:
        variable.assign(variable + 17)
    program.reset([lambda m: _values(m, run=2)])
    np.testing.assert_array_equal(model.get_layer("table").table, built)
    _, kernel, bias = _values(model, run=2)
    np.testing.assert_array_equal(model.get_layer("logits").kernel, kernel)
    np.testing.assert_array_equal(model.get_layer("logits").bias, bias)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.DepthwiseConv2D(3, name="layer"),
        keras.layers.SeparableConv2D(4, 3, name="layer"),
        keras.layers.PReLU(alpha_initializer="he_normal", name="layer"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_every_kernel_of_a_keras_layer_differs_between_runs(layer):
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, layer(images))
    first, second = _values(model, run=0), _values(model, run=1)
    for variable, a, b in zip(model.variables, first, second, strict=True):
        assert a is not None, variable.path
        assert variable.name == "bias" or (a != b).all()
