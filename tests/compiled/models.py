"""Compiled Keras models and examples for tests, of a size that trains in a moment."""

import keras
import numpy as np

NUM_CLASSES = 3


def examples(count=60, *, seed=0, distance=2):
    """Returns (x [count, 6] float32, y [count] int); distance: of the classes, in deviations."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % NUM_CLASSES
    x = rng.normal(size=(count, 6)) + distance * np.eye(6)[y]
    return x.astype(np.float32), y


def build(
    loss="sparse_categorical_crossentropy",
    *,
    optimizer=None,
    activation="softmax",
    units=NUM_CLASSES,
    **options,
):
    """Returns a compiled perceptron of 6 inputs."""
    layers = [
        keras.Input((6,)),
        keras.layers.Dense(8, "relu"),
        keras.layers.Dense(units, activation),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer or keras.optimizers.Adam(0.03), loss, **options)
    return model
