"""Checks of a config, in milliseconds, before anything is loaded or written."""

import json
from typing import Any

from memkit import data, models, optimizers, recipe, rules
from memkit.data import labels as label_noise
from memkit.errors import InputError, expected, missing, reason, unknown, unknown_field
from memkit.studies import fields, points
from memkit.typing import Config, Json

NAMED = ("dataset", "model", "optimizer", "schedule")  # Their fields depend on their name.
FIXED = tuple(section for section in fields.FIELDS if section not in NAMED)
_MOST_SEED = 2**63
_MOST_TEXT = 1_000_000  # characters of a whole config
_MOST_SHOWN = 300  # characters of a message about a stored value
# Entries of study.json beside the config.
_TEXTS = (
    "fingerprint",
    "data_fingerprint",
    "labels_fingerprint",
    "model_fingerprint",
    "created",
    "changed",
    "command",
)

_LARGEST = 2**53  # float64 distinguishes all integers up to it; NaN is not below it.

# An axis over these would need several designs or data sets, which are separate studies.
_NOT_AN_AXIS = (
    "subsets",
    "labels",
    "dataset",
    "seed",
    "series",
    "axis",
    "record",
    "report",
    "distillation",
)


def check(config: Config) -> None:
    """Checks that a config describes a study, without loading data or an engine.

    A user's model must be allowed, see `models.allow`, because its signature is inspected.

    Raises:
      InputError: names the first field that is unknown, missing or has an invalid value.
    """
    _check(config, is_stored=False)


def check_stored(config: Any) -> None:
    """Checks a config read from a file, whatever it contains, without importing a user's model.

    An unknown data set is accepted, because results can be read without the data.

    Raises:
      InputError: as `check`.
    """
    try:
        _check(config, is_stored=True)
    except InputError as error:  # The message may quote a long value with control characters.
        raise InputError(rules.short(str(error), most=_MOST_SHOWN)) from None
    except Exception as error:  # The file may contain values of any type.
        raise expected("config", "that of a study", f"an invalid one ({reason(error)})") from error


def check_info(info: Json) -> None:
    """Checks the entries of study.json beside the config.

    Raises:
      InputError: names an entry that memkit cannot have written.
    """
    for name in _TEXTS:
        if name not in info or not isinstance(info[name], str):
            raise expected(name, "text", rules.shown(info[name]) if name in info else "none")
    versions = info["versions"] if "versions" in info else None
    if not isinstance(versions, dict) or "memkit" not in versions:
        raise expected("versions", "the version of each package", rules.shown(versions))
    if not all(isinstance(version, str) for version in versions.values()):
        raise expected("versions", "text values", rules.shown(versions))


def _check(config: Any, *, is_stored: bool) -> None:
    _check_sections(config)
    _check_axis(config)
    _check_series(config)
    _check_normalization(config["dataset"])
    if not is_stored or config["dataset"]["name"] in data.SOURCES:
        data.check(**points.source(config["dataset"]))
    label_noise.check(**config["labels"])
    for point in points.points(config):
        _check_point(point.config)
        (models.check_stored if is_stored else models.check)(**point.config["model"])
        optimizers.check(**point.config["optimizer"], is_stored=is_stored)
        epochs = point.config["training"]["epochs"]
        recipe.check_schedule(point.config["schedule"], epochs=epochs, is_stored=is_stored)


def _check_sections(config: Any) -> None:
    """Checks the names of sections and fields, and that fields hold text, lists or numbers."""
    if not isinstance(config, dict):
        raise expected("config", "sections with fields", rules.shown(config))
    sections = [*sorted(fields.FIELDS), "seed", "series"]
    for section in config:
        if section not in sections:
            raise unknown("config", section, sections, kind="section")
    for section in sections:
        if section not in config:
            raise missing("config", f"section {section}")
    for section in fields.FIELDS:
        if not isinstance(config[section], dict):
            raise expected(section, "fields with values", rules.shown(config[section]))
    if (size := len(json.dumps(config))) > _MOST_TEXT:  # Every point has a copy of the config.
        raise expected("config", f"at most {_MOST_TEXT:,} characters", f"{size:,}")
    for section in FIXED:
        _check_names(section, config[section])
    for section in fields.FIELDS:
        fields.check(section, config[section])
    if not rules.is_int(config["seed"]) or not 0 <= config["seed"] < _MOST_SEED:
        raise expected("seed", "an int of at least 0, below 2**63", rules.shown(config["seed"]))
    for section in NAMED:
        if "name" not in config[section]:
            raise missing(f"{section}.name", "value")
        if not isinstance(name := config[section]["name"], str):
            raise expected(f"{section}.name", "a text", rules.shown(name))


def _check_names(section: str, values: Config) -> None:
    """Checks that a section has all of its fields and no others."""
    for name in values:
        if name not in fields.FIELDS[section]:
            raise unknown_field(section, name, fields.FIELDS[section])
    for name in fields.FIELDS[section]:
        if name not in values and f"{section}.{name}" not in fields.NEWER:
            raise missing(f"{section}.{name}", "value")


def missing_fields(config: Config) -> list[str]:
    """Returns the sections and fields that a config lacks, such as "report.top_k"."""
    sections = [name for name in (*NAMED, "series", "seed") if name not in config]
    return sections + [
        f"{section}.{name}"
        for section in FIXED
        for name in fields.FIELDS[section]
        if f"{section}.{name}" not in fields.NEWER
        and (
            section not in config
            or not isinstance(config[section], dict)
            or name not in config[section]
        )
    ]


def _check_normalization(dataset: Config) -> None:
    for name in ("mean", "std", "resident"):
        if name not in dataset:
            raise missing(f"dataset.{name}", "value")
    for name in ("mean", "std"):
        if not rules.are_numbers(dataset[name]):
            raise expected(f"dataset.{name}", "a list of numbers", rules.shown(dataset[name]))
    if not all(deviation > 0 for deviation in dataset["std"]):
        raise expected("dataset.std", "numbers above 0", dataset["std"])


def _check_series(config: Config) -> None:
    series, valid = config["series"], [points.ONE_HOT, points.DISTILLED, points.LAST_LAYER]
    names = [points.value_name(value) for value in points.plain(config["axis"]["values"])]
    valid += [f"{points.DISTILLED_FROM}{name}" for name in names]
    is_list = isinstance(series, (list, tuple)) and all(isinstance(name, str) for name in series)
    if not is_list or not series or len(set(series)) != len(series):
        raise expected("series", "one or more different names", rules.shown(series))
    num_points = len(series) * max(len(config["axis"]["values"]), 1)
    if num_points > fields.MOST_POINTS:
        raise expected("axis.values", f"at most {fields.MOST_POINTS} points", num_points)
    for name in series:
        if name not in valid:
            raise unknown("series", name, valid, kind="series")
    if any(name.startswith(points.DISTILLED) for name in series) and points.ONE_HOT not in series:
        raise expected(
            "series", "one_hot together with its students, whose teachers it trains", series
        )
    teacher = config["distillation"]["teacher"]
    texts = [*names, *map(str, points.plain(config["axis"]["values"]))]
    if points.DISTILLED in series and teacher != points.SAME and teacher not in texts:
        teachers = f"{points.SAME!r} or one of {rules.short(', '.join(names))}"
        raise expected("distillation.teacher", teachers, rules.shown(teacher))


def _check_axis(config: Config) -> None:
    field, values = config["axis"]["field"], config["axis"]["values"]
    if not field:
        if values:
            received = rules.shown(values)
            raise expected("axis.values", "no values where axis.field is empty", received)
        return
    section, _, name = field.partition(".")
    if section in _NOT_AN_AXIS:
        raise expected(
            "axis.field",
            "a field of model, optimizer, schedule or training",
            rules.shown(field),
        )
    if section not in config or name not in config[section]:
        sections = [name for name in fields.FIELDS if name not in _NOT_AN_AXIS]
        valid = [f"{section}.{name}" for section in sections for name in config[section]]
        raise unknown("axis.field", field, valid, kind="field")
    if not values or len(set(map(str, values))) != len(values):
        raise expected("axis.values", "one or more different values", rules.shown(values))
    sizes = [value for value in values if points.is_number(value)]
    if len(set(sizes)) != len(sizes) or not all(abs(size) <= _LARGEST for size in sizes):
        raise expected(
            "axis.values",
            f"different numbers of at most {_LARGEST:g} in size",
            rules.shown(values),
        )


def _check_point(config: Config) -> None:
    """Checks the config of a point, which contains its value of the axis."""
    for section in fields.FIELDS:
        fields.check(section, config[section])
    training = config["training"]
    if training["batch_size"] % training["data_parallel"]:
        divisor = f"a divisor of training.batch_size = {training['batch_size']}"
        raise expected("training.data_parallel", divisor, training["data_parallel"])
