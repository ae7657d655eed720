"""Initial values of a model's variables, drawn on the host, the same for every engine.

A Keras initializer returns the same values each time it is called and draws from its backend's
generator, so it can serve neither many runs nor two engines. This module reads the initializer's
kind and numbers and draws in NumPy.
"""

import numpy as np

from memkit import seeds
from memkit.errors import expected

# A unit normal cut at two deviations has this deviation; Keras divides by it, and so does memkit.
_TRUNCATED_DEVIATION = 0.87962566103423978


def initial_values(model, *, seed, purpose, run):
    """Returns one run's initial values for every variable of a built model.

    Args:
      model: a built keras.Model.
      seed: the study's root seed.
      purpose: name of the stream, "init" or "init/<series>".
      run: index of the run.

    Returns:
      List of NumPy arrays in the order of `model.variables`. Each variable draws from a stream of
      its own, numbered by its place in that order. A variable whose layer has no initializer for
      it, or is named in `model.memkit_keep`, has None: it returns to its value after build.

    Raises:
      InputError: an initializer that memkit cannot draw from, the message lists the known ones; or
        a name in `model.memkit_keep` that no layer has.
    """
    initializers, kept = _initializers(model), _kept(model)
    values = []
    for place, variable in enumerate(model.variables):
        if id(variable) in kept or id(variable) not in initializers:
            values.append(None)
            continue
        rng = seeds.stream(seed, purpose, run, place)
        value = draw(initializers[id(variable)], tuple(variable.shape), rng)
        values.append(value.astype(variable.dtype))
    return values


def check(model):
    """Refuses a model with a trainable variable that can neither be drawn nor is kept.

    Raises:
      InputError: names the variable; or see `initial_values`.
    """
    initializers, kept = _initializers(model), _kept(model)
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


def draw(initializer, shape, rng):
    """Returns float64 values of one Keras initializer, drawn from a NumPy generator.

    Args:
      initializer: keras.initializers.Initializer.
      shape: of the variable.
      rng: numpy.random.Generator.
    """
    kind = type(initializer).__name__
    numbers = initializer.get_config()
    if kind in _VARIANCE_SCALING:
        scale, mode, distribution = _VARIANCE_SCALING[kind]
        return _variance_scaling(shape, rng, scale=scale, mode=mode, distribution=distribution)
    _check_kind(initializer)
    return _DRAWS[kind](shape, rng, numbers)


def _check_kind(initializer):
    kinds = {*_VARIANCE_SCALING, *_DRAWS}
    if type(initializer).__name__ not in kinds:
        known = ", ".join(sorted(kinds))
        raise expected("model", f"initializers among {known}", type(initializer).__name__)


def _initializers(model):
    """Returns {id of variable: initializer} by the layers' `<name>_initializer` attributes.

    Not by path, which two layers of a user's model may share.
    """
    found = {}
    for layer in model._flatten_layers(include_self=False):
        for variable in layer.variables:
            stem = variable.name.removesuffix("_kernel")
            if variable.name == "kernel" and hasattr(layer, "depthwise_initializer"):
                stem = "depthwise"
            initializer = getattr(layer, f"{stem}_initializer", None)
            if initializer is not None:
                found[id(variable)] = initializer
    return found


def _kept(model):
    """Returns the ids of the variables in the layers that `model.memkit_keep` names."""
    names = getattr(model, "memkit_keep", ())
    if not isinstance(names, (list, tuple)):
        raise expected("model.memkit_keep", "a tuple of layer names", repr(names))
    layers = list(model._flatten_layers(include_self=False))
    for name in names:
        if name not in [layer.name for layer in layers]:
            raise expected("model.memkit_keep", "names of the model's layers", repr(name))
    return {id(v) for layer in layers if layer.name in names for v in layer.variables}


def _variance_scaling(shape, rng, *, scale, mode, distribution):
    receptive = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
    fan_in = (shape[-2] if len(shape) > 1 else shape[0]) * receptive
    fan_out = shape[-1] * receptive
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(1.0, fan)
    if distribution == "uniform":
        limit = np.sqrt(3 * variance)
        return rng.uniform(-limit, limit, shape)
    if distribution == "untruncated_normal":
        return rng.normal(0, np.sqrt(variance), shape)
    return _truncated_normal(shape, rng) * (np.sqrt(variance) / _TRUNCATED_DEVIATION)


def _truncated_normal(shape, rng):
    """Unit normal values redrawn until they lie within two deviations."""
    values = rng.standard_normal(shape)
    while True:
        outside = np.abs(values) > 2
        if not outside.any():
            return values
        values[outside] = rng.standard_normal(int(outside.sum()))


_VARIANCE_SCALING = {
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
}

_DRAWS = {
    "Zeros": lambda shape, rng, numbers: np.zeros(shape),
    "Ones": lambda shape, rng, numbers: np.ones(shape),
    "Constant": lambda shape, rng, numbers: np.full(shape, numbers["value"], float),
    "RandomNormal": lambda shape, rng, numbers: rng.normal(
        numbers["mean"], numbers["stddev"], shape
    ),
    "RandomUniform": lambda shape, rng, numbers: rng.uniform(
        numbers["minval"], numbers["maxval"], shape
    ),
    "TruncatedNormal": lambda shape, rng, numbers: (
        numbers["mean"] + numbers["stddev"] * _truncated_normal(shape, rng)
    ),
    "VarianceScaling": lambda shape, rng, numbers: _variance_scaling(
        shape,
        rng,
        scale=numbers["scale"],
        mode=numbers["mode"],
        distribution=numbers["distribution"],
    ),
}
