"""Models by name: builds a Keras model that returns logits from the `model` section of a config.

Importing this package imports no engine, so a config is checked in milliseconds. Every builder
names its layers, since Keras numbers unnamed layers by how many were built before in the process.

A user's own model has a name with a colon, `my_package.my_module:build`. The function is called
as `build(input_shape=(height, width, channels), num_classes=C, **options)`, where the options are
the other fields of the config's `model` section, checked against the function's signature. It
returns a keras.Model from normalized float images to float32 logits [batch, C]. Layers such as
dropout, noise and Keras's augmentations may draw random numbers: the seed generators in the model
start from a state of the run, whatever seeds the function gave them. Regularizers and the losses
that layers add are added to the mean loss of each batch.

The function is imported only in processes in which the user has named it, by a flag of a command
or by `memkit.models.allow(["my_package.my_module:build"])`. The files of a study, which may come
from someone else, cannot choose which code is executed.

In every run, each variable whose layer has an initializer starts from new values. Layers that
should keep the weights that the function gave them, such as pretrained layers, are named on the
model:

    model.memkit_keep = ("backbone",)

A name stands for every layer of that name; the name of a nested model stands for all of its layers.
Before each run, the layers named here are reset to their values after build. Training changes
them like other layers unless they are not trainable. The values must not depend on the process that
builds the model: load them, never draw them. Weights that were pretrained on the study's own images
have seen the held-out examples, so memorization and influence measured with them are too low.
"""

import importlib
import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from memkit import rules
from memkit.errors import expected, missing, unknown, unknown_field
from memkit.models import compiled, imported, keras_settings
from memkit.models.imported import allow, allowed, is_own
from memkit.typing import Config, Json

if TYPE_CHECKING:
    import keras

__all__ = [
    "BUILDERS",
    "CONVOLUTIONAL",
    "allow",
    "allowed",
    "build",
    "check",
    "check_stored",
    "code_fingerprint",
    "compiled",
    "defaults",
    "fields_of_own",
    "is_own",
]

BUILDERS = {
    "mlp": "memkit.models.mlp",
    "resnet": "memkit.models.resnet",
    "resnet_imagenet": "memkit.models.resnet_imagenet",
    "mobilenet_v3": "memkit.models.mobilenet_v3",
    "vit": "memkit.models.vit",
    "convnext": "memkit.models.convnext",
}
CONVOLUTIONAL = ("resnet", "resnet_imagenet", "mobilenet_v3", "convnext")


def check(name: Any, **options: Any) -> None:
    """Checks the `model` section of a config.

    Option values of user models are not validated.

    Raises:
      InputError: an unknown model, an unknown or missing option, or a value that the model does not
        support; names the field `model.<option>`.
    """
    if imported.is_own(name):
        _check_names(imported.parameters(name), options)
        return
    if name == compiled.COMPILED:
        received = "a model that a Python program compiled, which only memkit.measure can train"
        raise expected("model.name", "a model that a config can name", received)
    if not isinstance(name, str) or name not in BUILDERS:
        raise unknown("model.name", name, [*BUILDERS, "my_module:my_function"], kind="model")
    module = importlib.import_module(BUILDERS[name])
    _check_names(inspect.signature(module.check).parameters, options)
    module.check(**options)


def check_stored(name: Any, **options: Any) -> None:
    """Does what `check` does, without importing a user's function: only its name is checked.

    Raises:
      InputError: see `check`.
    """
    if imported.is_own(name):
        imported.check_name(name)
    elif name == compiled.COMPILED:
        rules.check_plain("model", {"name": name, **options})
    else:
        check(name, **options)


def defaults(name: str) -> Json:
    """Returns the default value of every option of one of memkit's models.

    Args:
      name: a key of BUILDERS.

    Examples:
      >>> defaults("vit")
      {'depth': 12, 'width': 192, 'patch': 4, 'head_width': 64}
    """
    module = importlib.import_module(BUILDERS[name])
    options = inspect.signature(module.check).parameters.values()
    return {p.name: module.DEFAULTS[p.name] if p.default is p.empty else p.default for p in options}


def fields_of_own(section: Config) -> tuple[Config, list[str]]:
    """Splits a `model` section into the fields that a user's function takes and all others.

    A config has the fields of its original model. If --config.model.name replaces the model by a
    user's function, the function receives only the fields that it takes.

    Returns:
      (section without the other fields, sorted names of the other fields); there are no others for
      memkit's own models.
    """
    if not imported.is_own(section["name"]):
        return section, []
    parameters = imported.parameters(section["name"])
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return section, []
    others = sorted(set(section) - {"name", *parameters})
    return {k: v for k, v in section.items() if k not in others}, others


def code_fingerprint(names: Iterable[str]) -> str:
    """Returns a text that depends on the code of the user's models among names; "" without any."""
    return ",".join(imported.code_fingerprint(n) for n in sorted(names) if imported.is_own(n))


def build(
    name: str, *, input_shape: tuple[int, ...], num_classes: int, **options: Any
) -> "keras.Model":
    """Returns a new Keras model.

    Args:
      name: a key of BUILDERS, or `module:function` of a user's model.
      input_shape: (height, width, channels) of the normalized float images.
      **options: other fields of the config's `model` section.

    Raises:
      InputError: see `check` and `imported.build`.
    """
    check(name, **options)
    keras_settings.reset()
    if imported.is_own(name):
        return imported.build(name, input_shape=input_shape, num_classes=num_classes, **options)
    module = importlib.import_module(BUILDERS[name])
    return module.build(input_shape=input_shape, num_classes=num_classes, **options)


def _check_names(parameters: Mapping[str, inspect.Parameter], options: Mapping[str, Any]) -> None:
    """Checks that options are parameters, and that parameters without a default have an option."""
    valid = [p.name for p in parameters.values() if p.kind is not p.VAR_KEYWORD]
    takes_any = len(valid) < len(parameters)
    for option in options:
        if option not in valid and not takes_any:
            raise unknown_field("model", option, valid)
    for option in valid:
        if option not in options and parameters[option].default is inspect.Parameter.empty:
            raise missing(f"model.{option}", "value")
