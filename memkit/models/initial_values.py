"""Initial values of a model's variables, drawn on the host, the same for every engine.

A Keras initializer returns the same values in every call and uses the random generator of its
backend, so it is suited neither to many runs nor to two engines. This module reads the class and
the parameters of each initializer and draws the values in NumPy.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from memkit import seeds
from memkit.errors import expected
from memkit.typing import Array, FloatArray

if TYPE_CHECKING:
    import keras

# Standard deviation of a standard normal truncated at two sigma; Keras divides by it as well.
_TRUNCATED_DEVIATION = 0.87962566103423978
_MOST_SEED = 2**31  # The type of a seed generator's state depends on the engine.


def initial_values(
    model: "keras.Model", *, seed: int, purpose: str, run: int
) -> list[Array | None]:
    """Returns the initial values of one run for every variable of a built model.

    Args:
      model: a built keras.Model.
      seed: the study's root seed.
      purpose: name of the stream, "init" or "init/<series>".

    Returns:
      One array per variable, in the order of `model.variables`. Each variable has a random stream
      of its own, numbered by its index in that order. The states of seed generators are among the
      variables. None for a variable whose layer has no initializer for it or is named in
      `model.memkit_keep`: it is reset to its value after build.

    Raises:
      InputError: an initializer of an unknown class, the message lists the known ones; or a name in
        `model.memkit_keep` that no layer has.
    """
    initializers, kept = _initializers(model), _kept_variables(model)
    states = seed_states(model)
    values: list[Array | None] = []
    for index, variable in enumerate(model.variables):
        rng = seeds.stream(seed, purpose, run, index)
        if id(variable) in states:
            values.append(rng.integers(_MOST_SEED, size=2).astype(variable.dtype))
            continue
        if id(variable) in kept or id(variable) not in initializers:
            values.append(None)
            continue
        value = draw(initializers[id(variable)], tuple(variable.shape), rng)
        values.append(value.astype(variable.dtype))
    return values


def seed_states(model: "keras.Model") -> set[int]:
    """Returns the ids of the variables that hold the states of a model's seed generators.

    Layers such as dropout draw random numbers from them and advance them with every step.
    """
    layers = model._flatten_layers()
    return {id(generator.state) for layer in layers for generator in layer._seed_generators}


def check(model: "keras.Model") -> None:
    """Checks that every trainable variable of a model can be drawn or is kept.

    Raises:
      InputError: a variable that is neither; or see `initial_values`.
    """
    initializers, kept = _initializers(model), _kept_variables(model)
    for variable in model.variables:
        if id(variable) in kept:
            continue
        if id(variable) in initializers:
            _check_kind(initializers[id(variable)])
        elif variable.trainable:
            raise expected(
                "model",
                f"a layer attribute {variable.name}_initializer, or the layer's name in the "
                "model's memkit_keep",
                f"neither for variable {variable.path!r}",
            )


def draw(
    initializer: "keras.initializers.Initializer", shape: tuple[int, ...], rng: np.random.Generator
) -> FloatArray:
    """Returns float64 values of one Keras initializer, drawn from a NumPy generator."""
    kind = type(initializer).__name__
    config = initializer.get_config()
    if kind in _VARIANCE_SCALING:
        scale, mode, distribution = _VARIANCE_SCALING[kind]
        return _variance_scaling(shape, rng, scale=scale, mode=mode, distribution=distribution)
    _check_kind(initializer)
    return _DRAWS[kind](shape, rng, config)


def _check_kind(initializer: "keras.initializers.Initializer") -> None:
    """Raises an InputError if values of an initializer cannot be drawn."""
    kinds = {*_VARIANCE_SCALING, *_DRAWS}
    if type(initializer).__name__ not in kinds:
        known = ", ".join(sorted(kinds))
        raise expected("model", f"initializers among {known}", type(initializer).__name__)


def _initializers(model: "keras.Model") -> "dict[int, keras.initializers.Initializer]":
    """Returns {id of variable: initializer} from the layers' `<name>_initializer` attributes.

    The keys are not paths, since two layers of a user's model may share a path.
    """
    initializers = {}
    for layer in model._flatten_layers(include_self=False):
        for variable in layer.variables:
            stem = variable.name.removesuffix("_kernel")
            if variable.name == "kernel" and hasattr(layer, "depthwise_initializer"):
                stem = "depthwise"
            initializer = getattr(layer, f"{stem}_initializer", None)
            if initializer is not None:
                initializers[id(variable)] = initializer
    return initializers


def _kept_variables(model: "keras.Model") -> set[int]:
    """Returns the ids of the variables in the layers that `model.memkit_keep` names."""
    names = getattr(model, "memkit_keep", ())
    if not isinstance(names, (list, tuple)):
        raise expected("model.memkit_keep", "a tuple of layer names", repr(names))
    layers = list(model._flatten_layers(include_self=False))
    for name in names:
        if name not in [layer.name for layer in layers]:
            raise expected("model.memkit_keep", "names of the model's layers", repr(name))
    return {id(v) for layer in layers if layer.name in names for v in layer.variables}


def _variance_scaling(
    shape: tuple[int, ...],
    rng: np.random.Generator,
    *,
    scale: float,
    mode: str,
    distribution: str,
) -> FloatArray:
    """Returns values with variance scale / fan, see keras.initializers.VarianceScaling."""
    receptive_field = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
    fan_in = (shape[-2] if len(shape) > 1 else shape[0]) * receptive_field
    fan_out = shape[-1] * receptive_field
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(1.0, fan)
    if distribution == "uniform":
        limit = np.sqrt(3 * variance)
        return rng.uniform(-limit, limit, shape)
    if distribution == "untruncated_normal":
        return rng.normal(0, np.sqrt(variance), shape)
    return _truncated_normal(shape, rng) * (np.sqrt(variance) / _TRUNCATED_DEVIATION)


def _truncated_normal(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Returns standard normal values, each redrawn until it lies within two sigma."""
    values = rng.standard_normal(shape)
    while True:
        outside = np.abs(values) > 2
        if not outside.any():
            return values
        values[outside] = rng.standard_normal(int(outside.sum()))


# Class of an initializer -> its scale, mode and distribution.
_VARIANCE_SCALING = {
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
}

# Class of an initializer -> function of shape, generator and the initializer's config.
_DRAWS: dict[
    str, Callable[[tuple[int, ...], np.random.Generator, Mapping[str, Any]], FloatArray]
] = {
    "Zeros": lambda shape, rng, config: np.zeros(shape),
    "Ones": lambda shape, rng, config: np.ones(shape),
    "Constant": lambda shape, rng, config: np.full(shape, config["value"], float),
    "RandomNormal": lambda shape, rng, config: rng.normal(config["mean"], config["stddev"], shape),
    "RandomUniform": lambda shape, rng, config: rng.uniform(
        config["minval"], config["maxval"], shape
    ),
    "TruncatedNormal": lambda shape, rng, config: (
        config["mean"] + config["stddev"] * _truncated_normal(shape, rng)
    ),
    "VarianceScaling": lambda shape, rng, config: _variance_scaling(
        shape,
        rng,
        scale=config["scale"],
        mode=config["mode"],
        distribution=config["distribution"],
    ),
}
