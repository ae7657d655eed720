"""Refusing a config that cannot be a study, in milliseconds, before anything is written."""

import json

from memkit import data, models, recipe
from memkit.data import labels as label_noise
from memkit.errors import InputError, expected, reason
from memkit.studies import fields, points

NAMED = ("dataset", "model", "optimizer", "schedule")  # Their fields follow the name.
FIXED = tuple(section for section in fields.FIELDS if section not in NAMED)
_MOST_SEED = 2**63
_MOST_TEXT = 1_000_000  # characters of a whole config
_MOST_SAID = 300  # characters of a message about a stored value
# What study.json holds beside the config.
_TEXTS = ("fingerprint", "data_fingerprint", "labels_fingerprint", "model_fingerprint")
_TEXTS += ("created", "changed", "command")

_LARGEST = 2**53  # float64 tells all whole numbers up to it apart; NaN is not below it.

# An axis over these would need several designs or data sets, so it is several studies.
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


def check(config: dict) -> None:
    """Refuses a config that cannot be a study, without loading data or an engine.

    A user's model must be allowed, see `models.allow`: its signature is looked at.

    Raises:
      InputError: names the field, what was expected and what was received.
    """
    _check(config, is_stored=False)


def check_stored(config: object) -> None:
    """Refuses a config from a file as `check` does, whatever it holds, and imports no user's model.

    A data set of an unknown name passes, for the sake of results that can be read without it.

    Raises:
      InputError: as `check`.
    """
    try:
        _check(config, is_stored=True)
    except InputError as error:  # It may quote a value of any length, with control characters.
        raise InputError(fields.short(str(error), most=_MOST_SAID)) from None
    except Exception as error:  # The file may hold any types in any place.
        raise expected("config", "that of a study", f"a broken one ({reason(error)})") from error


def check_info(info: dict) -> None:
    """Refuses what study.json holds beside the config where it is not what memkit writes.

    Raises:
      InputError: names the entry.
    """
    for name in _TEXTS:
        if name not in info or not isinstance(info[name], str):
            raise expected(name, "a text", fields.shown(info[name]) if name in info else "none")
    versions = info["versions"] if "versions" in info else None
    if not isinstance(versions, dict) or "memkit" not in versions:
        raise expected("versions", "the version of each package", fields.shown(versions))
    if not all(isinstance(version, str) for version in versions.values()):
        raise expected("versions", "texts", fields.shown(versions))


def _check(config: object, *, is_stored: bool) -> None:
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
        recipe.check_optimizer(**point.config["optimizer"])
        recipe.rates(
            point.config["schedule"],
            epochs=point.config["training"]["epochs"],
            steps_per_epoch=1,
        )


def _check_sections(config: object) -> None:
    """Refuses sections and fields that are missing, unknown, or no texts, lists and numbers."""
    sections = {*fields.FIELDS, "series", "seed"}
    if not isinstance(config, dict):
        raise expected("config", "sections with fields", fields.shown(config))
    for section in (*sections - set(config), *set(config) - sections):
        verb = "unknown section" if section in config else "missing section"
        names = ", ".join(sorted(sections))
        raise expected("config", f"the sections {names}", f"{verb} {fields.short(str(section))}")
    for section in fields.FIELDS:
        if not isinstance(config[section], dict):
            raise expected(section, "fields with values", fields.shown(config[section]))
    if (size := len(json.dumps(config))) > _MOST_TEXT:  # There is a copy of it for every point.
        raise expected("config", f"at most {_MOST_TEXT:,} characters", f"{size:,}")
    for section in FIXED:
        names = fields.FIELDS[section]
        if set(config[section]) != set(names):
            received = fields.shown(sorted(config[section]))
            raise expected(section, f"the fields {', '.join(names)}", received)
    for section in fields.FIELDS:
        fields.check(section, config[section])
    if not fields.is_int(config["seed"]) or not 0 <= config["seed"] < _MOST_SEED:
        raise expected("seed", "an int of at least 0, below 2**63", fields.shown(config["seed"]))
    for section in NAMED:
        name = config[section]["name"] if "name" in config[section] else None
        if not isinstance(name, str):
            received = "none" if name is None else fields.shown(name)
            raise expected(f"{section}.name", "a value", received)


def missing_fields(config: dict) -> list[str]:
    """Returns the sections and fields that a config lacks, such as "report.top_k"."""
    sections = [name for name in (*NAMED, "series", "seed") if name not in config]
    return sections + [
        f"{section}.{name}"
        for section in FIXED
        for name in fields.FIELDS[section]
        if section not in config
        or not isinstance(config[section], dict)
        or name not in config[section]
    ]


def _check_normalization(dataset: dict) -> None:
    for name in ("mean", "std"):
        values = dataset[name] if name in dataset else None
        if not fields.are_numbers(values):
            raise expected(f"dataset.{name}", "a list of numbers", fields.shown(values))
    if "resident" not in dataset:
        raise expected("dataset.resident", "true or false", None)
    if not all(deviation > 0 for deviation in dataset["std"]):
        raise expected("dataset.std", "numbers above 0", dataset["std"])


def _check_series(config):
    series, valid = config["series"], [points.ONE_HOT, points.DISTILLED, points.LAST_LAYER]
    names = [points.value_name(value) for value in points.plain(config["axis"]["values"])]
    valid += [f"{points.DISTILLED_FROM}{name}" for name in names]
    is_list = isinstance(series, (list, tuple)) and all(isinstance(name, str) for name in series)
    if not is_list or not series or len(set(series)) != len(series):
        raise expected("series", "one or more different names", fields.shown(series))
    num_points = len(series) * max(len(config["axis"]["values"]), 1)
    if num_points > fields.MOST_POINTS:
        raise expected("axis.values", f"at most {fields.MOST_POINTS} points", num_points)
    for name in series:
        if name not in valid:
            raise expected("series", f"names among {', '.join(valid)}", fields.shown(name))
    if any(name.startswith(points.DISTILLED) for name in series) and points.ONE_HOT not in series:
        raise expected("series", "one_hot beside its students: its runs are the teachers", series)
    teacher = config["distillation"]["teacher"]
    texts = [*names, *map(str, points.plain(config["axis"]["values"]))]
    if points.DISTILLED in series and teacher != points.SAME and teacher not in texts:
        teachers = f"{points.SAME!r} or one of {fields.short(', '.join(names))}"
        raise expected("distillation.teacher", teachers, fields.shown(teacher))


def _check_axis(config):
    field, values = config["axis"]["field"], config["axis"]["values"]
    if not field:
        if values:
            received = fields.shown(values)
            raise expected("axis.values", "no values where axis.field is empty", received)
        return
    section, _, name = field.partition(".")
    if section in _NOT_AN_AXIS:
        raise expected(
            "axis.field",
            "a field of model, optimizer, schedule or training",
            fields.shown(field),
        )
    if section not in config or name not in config[section]:
        names = [f"{s}.{f}" for s in ("model", "training") for f in config[s]]
        raise expected("axis.field", f"a field such as {', '.join(names)}", fields.shown(field))
    if not values or len(set(map(str, values))) != len(values):
        raise expected("axis.values", "one or more different values", fields.shown(values))
    sizes = [value for value in values if points.is_number(value)]
    if len(set(sizes)) != len(sizes) or not all(abs(size) <= _LARGEST for size in sizes):
        raise expected(
            "axis.values",
            f"different numbers of at most {_LARGEST:g} in size",
            fields.shown(values),
        )


def _check_point(config: dict) -> None:
    """Refuses the config of a point, with its value of the axis in place."""
    for section in fields.FIELDS:
        fields.check(section, config[section])
    training = config["training"]
    if training["batch_size"] % training["data_parallel"]:
        divided = f"a divisor of training.batch_size = {training['batch_size']}"
        raise expected("training.data_parallel", divided, training["data_parallel"])
