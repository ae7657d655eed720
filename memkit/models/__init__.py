"""Models by name: a config section in, a Keras model that returns logits out.

Importing this package imports no engine, so a config is checked in milliseconds. Every builder
names its layers itself: Keras numbers unnamed layers by how many were built before in the process.
"""

import importlib
import inspect

from memkit.errors import expected

BUILDERS = {
    "mlp": "memkit.models.mlp",
    "resnet": "memkit.models.resnet",
}


def check(name, **options):
    """Refuses an unknown model, an unknown or missing option, or a value the model cannot have.

    Raises:
      InputError: names the field `model.<option>` and lists what is valid.
    """
    if name not in BUILDERS:
        raise expected("model.name", f"one of {', '.join(BUILDERS)}", repr(name))
    module = importlib.import_module(BUILDERS[name])
    valid = list(inspect.signature(module.check).parameters)
    for option in options:
        if option not in valid:
            raise expected(f"model.{option}", f"{name} to take {', '.join(valid)}", "this option")
    for option in valid:
        if option not in options:
            raise expected(f"model.{option}", "a value", "none")
    module.check(**options)


def build(name, *, input_shape, num_classes, **options):
    """Returns the Keras model of a name.

    Args:
      name: a key of BUILDERS.
      input_shape: (height, width, channels) of the normalized float images it takes.
      num_classes: number of logits it returns.
      **options: the model's own options.

    Raises:
      InputError: see `check`.
    """
    check(name, **options)
    module = importlib.import_module(BUILDERS[name])
    return module.build(input_shape=input_shape, num_classes=num_classes, **options)
