"""Models by name: a config section in, a Keras model that returns logits out.

Importing this package imports no engine, so a config is checked in milliseconds. Every builder
names its layers itself: Keras numbers unnamed layers by how many were built before in the process.

A user's own model has a name with a colon, `my_package.my_module:build`. The function is called
as `build(input_shape=(height, width, channels), num_classes=C, **options)`, where the options are
the other fields of the config's `model` section, checked against the function's signature. It
returns a keras.Model from normalized float images to float32 logits [batch, C], without dropout or
other layers that draw random numbers and without losses of its own: memkit draws all chance on the
host, and decay is `optimizer.weight_decay`.

The function is imported only in processes in which the user has named it, by a flag of a command
or by `memkit.models.allow(["my_package.my_module:build"])`. The files of a study, which may be
somebody else's, never decide on their own which code runs.

Every run starts from new values of every variable whose layer has an initializer. Layers that
shall keep the weights the function gave them, pretrained ones above all, are named on the model:

    model.memkit_keep = ("backbone",)

A name stands for every layer of that name, and the name of a model inside the model for all of its
layers. Kept layers return to their value after build before each run, and training changes
them like any other unless they are not trainable. The values must not depend on the process that
builds: load them, never draw them. Weights that were pretrained on the study's own images have
seen what a run holds out, so memorization and influence measured with them are too low.
"""

import importlib
import inspect

from memkit.errors import expected
from memkit.models import imported, keras_settings
from memkit.models.imported import allow, allowed, is_own

__all__ = [
    "BUILDERS",
    "allow",
    "allowed",
    "build",
    "check",
    "check_stored",
    "code_fingerprint",
    "fields_of_own",
    "is_own",
]

BUILDERS = {
    "mlp": "memkit.models.mlp",
    "resnet": "memkit.models.resnet",
    "resnet_imagenet": "memkit.models.resnet_imagenet",
    "mobilenet_v3": "memkit.models.mobilenet_v3",
}


def check(name, **options):
    """Refuses an unknown model, an unknown or missing option, or a value the model cannot have.

    The value of a user's option is the user's affair.

    Raises:
      InputError: names the field `model.<option>` and lists what is valid.
    """
    if imported.is_own(name):
        _check_names(name, imported.parameters(name), options)
        return
    if not isinstance(name, str) or name not in BUILDERS:
        known = ", ".join(BUILDERS)
        raise expected("model.name", f"one of {known}, or my_module:my_function", repr(name))
    module = importlib.import_module(BUILDERS[name])
    _check_names(name, inspect.signature(module.check).parameters, options)
    module.check(**options)


def check_stored(name, **options):
    """Refuses what `check` refuses, but imports no user's function: only its name is checked.

    Raises:
      InputError: names the field `model.<option>`.
    """
    if imported.is_own(name):
        imported.check_name(name)
    else:
        check(name, **options)


def fields_of_own(section):
    """Splits a `model` section into what a user's function takes and the names of the rest.

    A config has the fields of its own model; where --config.model.name puts a user's function in
    its place, the function gets those that it takes.

    Returns:
      (section without the rest, sorted names of the rest); the rest is empty for memkit's models.
    """
    if not imported.is_own(section["name"]):
        return section, []
    takes = imported.parameters(section["name"])
    if any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        return section, []
    rest = sorted(set(section) - {"name", *takes})
    return {k: v for k, v in section.items() if k not in rest}, rest


def code_fingerprint(names):
    """Returns a text that changes with the code of a user's models among names; "" without any."""
    return ",".join(imported.code_fingerprint(n) for n in sorted(names) if imported.is_own(n))


def build(name, *, input_shape, num_classes, **options):
    """Returns the Keras model of a name.

    Args:
      name: a key of BUILDERS, or `module:function` of a user's own.
      input_shape: (height, width, channels) of the normalized float images it takes.
      num_classes: number of logits it returns.
      **options: the model's own options.

    Raises:
      InputError: see `check` and `imported.build`.
    """
    check(name, **options)
    keras_settings.reset()
    images_and_classes = {"input_shape": input_shape, "num_classes": num_classes}
    if imported.is_own(name):
        return imported.build(name, **images_and_classes, **options)
    return importlib.import_module(BUILDERS[name]).build(**images_and_classes, **options)


def _check_names(name, parameters, options):
    """Refuses options that are no parameters, and parameters without a default and an option."""
    valid = [p.name for p in parameters.values() if p.kind is not p.VAR_KEYWORD]
    takes_any = len(valid) < len(parameters)
    for option in options:
        if option not in valid and not takes_any:
            takes = ", ".join(valid) if valid else "no options"
            raise expected(f"model.{option}", f"{name} to take {takes}", "this option")
    for option in valid:
        if option not in options and parameters[option].default is inspect.Parameter.empty:
            raise expected(f"model.{option}", "a value", "none")
