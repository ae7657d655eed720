import keras
import numpy as np
import pytest

from memkit import optimizers, recipe
from memkit.compiled import fast_path, objectives
from memkit.compiled.examples import Part
from memkit.compiled.fast_path import NotSupported
from tests.compiled import models

X, Y = models.examples()


def recipe_for(model, inputs=X):
    return fast_path.for_engines(model, objectives.read(model), Part(inputs, Y), epochs=4)


def schedule(kind=keras.optimizers.schedules.CosineDecay):
    return kind(0.1, 100)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Lion", "RMSprop", "SGD", "Nadam"])
def test_optimizers_of_keras_become_sections_that_a_config_may_have(name):
    model = models.build(optimizer=getattr(keras.optimizers, name)(0.01))
    section = recipe_for(model).optimizer
    assert section["name"] == name.lower()
    optimizers.check(**section)


def test_options_of_the_optimizer_are_kept():
    model = models.build(
        optimizer=keras.optimizers.AdamW(0.01, weight_decay=0.02, beta_1=0.8, clipnorm=1.5)
    )
    section = recipe_for(model).optimizer
    kept = {name: section[name] for name in ("weight_decay", "beta_1", "clipnorm", "decay_all")}
    assert kept == {"weight_decay": 0.02, "beta_1": 0.8, "clipnorm": 1.5, "decay_all": True}


def test_a_number_is_a_constant_rate():
    section = recipe_for(models.build(optimizer=keras.optimizers.Adam(0.03))).schedule
    rates = recipe.rates(section, epochs=2, steps_per_epoch=3)
    np.testing.assert_array_equal(rates, np.full((2, 3), np.float32(0.03)))


def test_a_schedule_of_keras_has_its_own_rates():
    decay = keras.optimizers.schedules.CosineDecay(0.0, 5, warmup_target=0.2, warmup_steps=2)
    section = recipe_for(models.build(optimizer=keras.optimizers.SGD(decay))).schedule
    rates = recipe.rates(section, epochs=2, steps_per_epoch=4).ravel()
    np.testing.assert_allclose(rates, [float(decay(step)) for step in range(8)], rtol=1e-6)


class OwnSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1


class OwnModel(keras.Sequential):
    def train_step(self, *args):
        return super().train_step(*args)


def own_training_step():
    model = OwnModel([keras.Input((6,)), keras.layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


class ModelWithLoss(keras.Sequential):
    def compute_loss(self, *args, **options):
        return 2 * super().compute_loss(*args, **options)


def own_loss():
    model = ModelWithLoss([keras.Input((6,)), keras.layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def excluding():
    model = models.build(optimizer=keras.optimizers.AdamW(0.01))
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    return model


@pytest.mark.parametrize(
    "make, why",
    [
        (own_training_step, "a method train_step of its own"),
        (own_loss, "a method compute_loss of its own"),
        (lambda: models.build(run_eagerly=True), "compiled with run_eagerly"),
        (lambda: models.build(keras.losses.CategoricalFocalCrossentropy()), "the loss is"),
        (lambda: models.build("binary_crossentropy", activation="sigmoid", units=1), "the loss is"),
        (excluding, "excludes variables"),
        (lambda: models.build(optimizer=keras.optimizers.Adam(0.1, use_ema=True)), "has use_ema"),
        (lambda: models.build(optimizer=keras.optimizers.SGD(0.1, clipnorm=1.0)), "no clipnorm"),
        (lambda: models.build(optimizer=keras.optimizers.SGD(OwnSchedule())), "of your own"),
        (
            lambda: models.build(
                keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
            ),
            "reduction='sum'",
        ),
        (lambda: models.build(loss_weights=[2.0]), "loss_weights"),
        (lambda: models.build(activation=None), "takes probabilities"),
        (lambda: models.build(activation="sigmoid"), "takes probabilities"),
    ],
)
def test_what_the_engines_would_do_otherwise_is_left_to_fit(make, why):
    with pytest.raises(NotSupported, match=why):
        recipe_for(make())


def test_several_inputs_are_left_to_fit():
    with pytest.raises(NotSupported, match="not one array"):
        recipe_for(models.build(), {"a": X})


@pytest.fixture
def other_epsilon():
    keras.config.set_epsilon(1e-5)
    yield
    keras.config.set_epsilon(1e-7)


def test_other_settings_of_keras_are_left_to_fit(other_epsilon):
    with pytest.raises(NotSupported, match="epsilon of Keras is 1e-05"):
        recipe_for(models.build())


def test_a_model_of_layers_without_initializers_is_left_to_fit():
    class Scale(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(), initializer="ones")

        def call(self, x):
            return x * self.scale

    def build():
        model = keras.Sequential([keras.Input((6,)), Scale(), keras.layers.Dense(3)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    with pytest.raises(NotSupported, match="initializer"):
        fast_path.serialized(build, input_shape=(6,), num_classes=3)


def test_a_function_that_cannot_be_pickled_is_left_to_fit():
    generator = (number for number in range(3))

    def build():
        next(generator)
        return models.build()

    with pytest.raises(NotSupported, match="cannot be sent to worker processes"):
        fast_path.serialized(build, input_shape=(6,), num_classes=3)
