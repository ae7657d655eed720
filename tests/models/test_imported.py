"""A user's own model: imported by name, checked, and with layers that keep their weights."""

import numpy as np
import pytest

from memkit import models
from memkit.errors import InputError
from memkit.models import imported
from memkit.models.initial_values import initial_values

_HEAD = """
import keras

def images_in(shape):
    return keras.Input(shape, name="images")

def out(x, num_classes, **options):
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.layers.Dense(num_classes, name="logits", **options)(x)

"""


@pytest.fixture
def write(tmp_path, monkeypatch, request):
    """Returns a function from the source of a module to its name, importable in this test only."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(imported, "_allowed", set())
    module = f"own_model_{abs(hash(request.node.name))}"

    def install(source):
        (tmp_path / f"{module}.py").write_text(_HEAD + source)
        models.allow([f"{module}:{function}" for function in ("build", "make", "number")])
        return module

    yield install
    monkeypatch.delitem(__import__("sys").modules, module, raising=False)


_PLAIN = """
def build(input_shape, num_classes, *, units, activation="relu"):
    images = images_in(input_shape)
    x = keras.layers.Conv2D(units, 3, activation=activation, name="conv")(images)
    return keras.Model(images, out(x, num_classes))
"""


def _build(name, *, num_classes=3, **options):
    return models.build(name, input_shape=(4, 4, 1), num_classes=num_classes, **options)


def test_function_is_called_with_shape_classes_and_options(write):
    model = _build(f"{write(_PLAIN)}:build", units=5)
    assert model.input_shape == (None, 4, 4, 1)
    assert model.output_shape == (None, 3)
    assert model.get_layer("conv").filters == 5


def test_keyword_options_may_have_any_name(write):
    source = """
def build(*, input_shape, num_classes, **options):
    assert options == {"anything": 3}
    images = images_in(input_shape)
    return keras.Model(images, out(images, num_classes))
"""
    _build(f"{write(source)}:build", anything=3)


def test_options_are_checked_against_the_signature(write):
    name = f"{write(_PLAIN)}:build"
    models.check(name, units=2, activation="tanh")
    with pytest.raises(InputError, match="^model.units: missing value"):
        models.check(name)
    with pytest.raises(InputError, match="^model.size: unknown field.* Known: units, activation"):
        models.check(name, units=2, size=3)


@pytest.mark.parametrize("name", [":build", "a:", "a:b:c", ".a:build", "a b:c", "a.:c", ":"])
def test_malformed_names_raise_an_error(name):
    with pytest.raises(InputError, match="^model.name: expected my_package.my_module:my_function"):
        models.check(name)


@pytest.mark.parametrize("name", ["no_such_module_here:build", "json.no_such_part:build"])
def test_missing_module_raises_an_error(name, monkeypatch):
    monkeypatch.setattr(imported, "_allowed", {name})
    with pytest.raises(
        InputError, match="^model.name: expected a module .* on PYTHONPATH, .*No mod"
    ):
        models.check(name)


def test_module_missing_inside_the_users_module_keeps_its_traceback(write):
    module = write("import no_such_module_here\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_here"):
        models.check(f"{module}:build")


@pytest.mark.parametrize("function", ["make", "number"])
def test_missing_function_raises_an_error(write, function):
    module = write(_PLAIN + "number = 3\n")
    with pytest.raises(InputError, match=f"^model.name: expected a function {function} in module"):
        models.check(f"{module}:{function}", units=3)


def test_only_functions_that_the_user_has_named_are_imported(write, tmp_path, monkeypatch):
    name = f"{write('open(__file__ + chr(46) + chr(120), chr(119))')}:build"
    monkeypatch.setattr(imported, "_allowed", {"os:getcwd"})
    calls = (models.check, models.code_fingerprint, _build)
    for call, argument in zip(calls, (name, [name], name), strict=True):
        with pytest.raises(InputError, match="^model.name: expected a function that the user has"):
            call(argument)
    models.check_stored(name, any_option=3)
    assert [file.suffix for file in tmp_path.iterdir()] == [".py"]


@pytest.mark.parametrize("signature", ["num_classes", "input_shape, classes", "*arguments"])
def test_function_without_shape_and_classes_raises_an_error(write, signature):
    module = write(f"def build({signature}):\n    pass\n")
    with pytest.raises(
        InputError, match="^model.name: expected arguments input_shape and num_classes of"
    ):
        models.check(f"{module}:build")


def test_positional_only_arguments_raise_an_error(write):
    module = write("def build(input_shape, /, num_classes):\n    pass\n")
    with pytest.raises(InputError, match="^model.name: expected only keyword arguments of"):
        models.check(f"{module}:build")


def _returning(expression, before="images"):
    return f"""
def build(input_shape, num_classes):
    images = images_in(input_shape)
    x = {before}
    return {expression}
"""


@pytest.mark.parametrize(
    "expression, message",
    [
        ("None", "a keras.Model from .*, received NoneType"),
        ("out", "a keras.Model from .*, received function"),
        ("keras.Model(images, x)", r"logits \[None, 3\] .*received \[None, 4, 4, 1\]"),
        ("keras.Model(images, out(x, 4))", r"logits \[None, 3\] .*received \[None, 4\]"),
        ("keras.Model(images, [out(x, 3), x])", "one output from .*, received list"),
        ("keras.Model(images, out(x, 3, dtype='float16'))", "float32 logits .*received float16"),
        ("keras.Model(images, out(x, 3, activation='softmax'))", "without softmax"),
    ],
)
def test_result_other_than_a_classifier_of_the_images_raises_an_error(write, expression, message):
    module = write(_returning(expression))
    with pytest.raises(InputError, match=f"^model.name: expected .*{message}"):
        _build(f"{module}:build")


def test_model_of_other_images_raises_an_error(write):
    source = """
def build(input_shape, num_classes):
    images = images_in((5, 5, 1))
    return keras.Model(images, out(images, num_classes))
"""
    with pytest.raises(
        InputError, match=r"a model of images \[None, 4, 4, 1\] from .*, received .*5, 5"
    ):
        _build(f"{write(source)}:build")


@pytest.mark.parametrize(
    "layer",
    [
        "keras.layers.Dropout(0.5)(images)",
        "keras.layers.GaussianNoise(0.5)(images)",
        "keras.layers.RandomFlip()(images)",
        "keras.Sequential([keras.layers.Dropout(0.5)], name='inside')(images)",
    ],
)
def test_seed_states_of_layers_are_drawn_per_run_whatever_their_seeds(write, layer):
    module = write(_returning("keras.Model(images, out(x, num_classes))", before=layer))
    first, second = (_build(f"{module}:build") for _ in range(2))
    (index,) = [i for i, v in enumerate(first.variables) if "seed" in v.name]
    states = [
        initial_values(model, seed=1, purpose="init", run=run)[index].tolist()
        for model, run in ((first, 0), (second, 0), (first, 1))
    ]
    assert states[0] == states[1] != states[2]
    assert [len(set(state)) for state in states] == [2, 2, 2]


def test_layer_that_draws_from_the_global_generator_raises_an_error(write):
    source = """
class Noise(keras.layers.Layer):
    def call(self, x, training=False):
        return x + keras.random.normal((4, 4, 1)) if training else x
""" + _returning("keras.Model(images, out(x, num_classes))", before="Noise()(images)")
    with pytest.raises(InputError, match="a keras.random.SeedGenerator in each layer of"):
        _build(f"{write(source)}:build")


def test_a_trial_of_training_changes_no_variable(write):
    layer = "keras.layers.BatchNormalization()(keras.layers.Dropout(0.5, seed=7)(images))"
    module = write(_returning("keras.Model(images, out(x, num_classes))", before=layer))
    values = {v.name: np.asarray(v).tolist() for v in _build(f"{module}:build").variables}
    assert values["moving_mean"] == [0]
    assert values["seed_generator_state"] == [7, 0]


def test_subclassed_model_is_accepted(write):
    source = """
class Net(keras.Model):
    def __init__(self, num_classes):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(num_classes, name="logits")

    def call(self, images):
        return self.dense(self.flatten(images))

def build(input_shape, num_classes):
    return Net(num_classes)
"""
    model = _build(f"{write(source)}:build")
    kernel, bias = initial_values(model, seed=0, purpose="init", run=0)
    assert kernel.shape == (16, 3) and bias.shape == (3,)


_PRETRAINED = """
def build(input_shape, num_classes, keep):
    images = images_in(input_shape)
    backbone = keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(2, 3, name="conv"),
            keras.layers.BatchNormalization(name="norm"),
        ],
        name="backbone",
    )
    for variable in backbone.variables:
        variable.assign(variable * 0 + 3)
    model = keras.Model(images, out(backbone(images), num_classes))
    model.memkit_keep = keep
    return model
"""


def _fresh(model):
    """Returns {variable: whether a run starts it from a new value}."""
    values = initial_values(model, seed=0, purpose="init", run=0)
    named = (f"{v.path.split('/')[-2]}/{v.name}" for v in model.variables)
    return dict(zip(named, (value is not None for value in values), strict=True))


_CONV = ["conv/kernel", "conv/bias"]
_NORM = ["norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"]
_LOGITS = ["logits/kernel", "logits/bias"]


@pytest.mark.parametrize(
    "keep, kept",
    [
        ((), []),
        (("backbone",), _CONV + _NORM),
        (("conv",), _CONV),
        (["norm", "logits"], _NORM + _LOGITS),
    ],
)
def test_named_layers_keep_their_weights(write, keep, kept):
    model = _build(f"{write(_PRETRAINED)}:build", keep=keep)
    fresh = _fresh(model)
    assert set(fresh) == {*_CONV, *_NORM, *_LOGITS}
    assert {name for name, new in fresh.items() if not new} == set(kept)
    assert (np.asarray(model.get_layer("backbone").get_layer("conv").kernel) == 3).all()


def test_other_variables_start_as_without_kept_layers(write):
    module = write(_PRETRAINED)
    everything = _build(f"{module}:build", keep=())
    some = _build(f"{module}:build", keep=("backbone",))
    first, second = (
        initial_values(model, seed=0, purpose="init", run=4) for model in (everything, some)
    )
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if b is not None]
    assert len(pairs) == len(_LOGITS)
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("keep", [("head",), ("backbone", "convolution"), "backbone", 3])
def test_kept_names_must_be_names_of_layers(write, keep):
    with pytest.raises(InputError, match="^model.memkit_keep: expected "):
        _build(f"{write(_PRETRAINED)}:build", keep=keep)


_CUSTOM = """
class Scale(keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(1,), initializer="random_normal")

    def call(self, x):
        return x * self.scale

def build(input_shape, num_classes, keep=(), **options):
    images = images_in(input_shape)
    model = keras.Model(images, out(Scale(name="scaling")(images), num_classes, **options))
    model.memkit_keep = keep
    return model
"""


def test_variable_that_is_neither_drawn_nor_kept_raises_an_error(write):
    name = f"{write(_CUSTOM)}:build"
    message = "attribute scale_initializer, or .* memkit_keep, received neither .*'scaling/scale'"
    with pytest.raises(InputError, match=message):
        _build(name)
    _build(name, keep=("scaling",))


def test_unknown_initializer_raises_an_error_unless_the_layer_is_kept(write):
    name = f"{write(_CUSTOM)}:build"
    with pytest.raises(InputError, match="expected initializers among .* received Orthogonal"):
        _build(name, keep=("scaling",), kernel_initializer="orthogonal")
    _build(name, keep=("scaling", "logits"), kernel_initializer="orthogonal")


def test_layers_that_share_a_path_are_distinguished(write):
    source = """
def build(input_shape, num_classes):
    images = images_in(input_shape)
    x = images
    for units, start in ((2, "zeros"), (3, "ones")):
        part = [keras.layers.Dense(units, kernel_initializer=start, name="dense")]
        x = keras.Sequential(part, name="part" + start)(x)
    return keras.Model(images, out(x, num_classes))
"""
    model = _build(f"{write(source)}:build")
    values = initial_values(model, seed=0, purpose="init", run=0)
    assert [value.mean() for value in (values[0], values[2])] == [0, 1]
