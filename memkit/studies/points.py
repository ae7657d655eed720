"""Derives the points of a study from its config: axis, series, teachers, fingerprints, growth.

Here a config is a nested dict of plain values; `launch` makes it from ml_collections.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from memkit.errors import InputError, expected
from memkit.models.compiled import COMPILED
from memkit.studies.fields import NEWER
from memkit.typing import Config, Json

ONE_HOT, DISTILLED, DISTILLED_FROM = "one_hot", "distilled", "distilled_from_"
LAST_LAYER = "last_layer"
SAME = "same"  # distillation.teacher: the one-hot point of the student's own axis value
NOT_SOURCE = ("mean", "std", "resident")  # fields of `dataset` that its source does not take
# Location of the data, their way to the device and what is kept there between the passes: none
# changes more than rounding. The content of the data is part of the fingerprints.
LOCATIONS = (
    "dataset.path",
    "dataset.data_dir",
    "dataset.resident",
    "dataset.skip_bad",
    "labels.file",
    "training.remat",
)
GROWS = ("subsets.num_runs", "axis.values", "series")
MAX_NAME = 100
_SERIES = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{MAX_NAME - 1}}}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclasses.dataclass(frozen=True, eq=False)
class Point:
    """M runs that differ only in subset and seeds.

    Attributes:
      name: unique in the study, at most `MAX_NAME` letters, digits and "_.-" of ASCII, such as
        "one_hot_width16"; also the name of a folder.
      series: "one_hot", "distilled" (from distillation.teacher), "distilled_from_<axis value>", or
        "last_layer" (a linear model on features that a model learned from all data).
      axis_value: the value on the study's axis: a number if all values are numbers, else text,
        such as "64, 32"; None in a study without an axis.
      config: the study's config, with the value of the axis in its field.
      fingerprint: hash of every field and datum that can change the numbers of a record.
      teacher: name of the one-hot point that teaches this one, or "".
    """

    name: str
    series: str
    axis_value: int | float | str | None
    config: Json
    fingerprint: str
    teacher: str = ""

    @property
    def stream(self) -> str:
        """Suffix of the point's random streams; a student and its teacher start differently."""
        return "" if self.series == ONE_HOT else f"/{self.series}"


def plain(config: Any) -> Any:
    """Returns a config with JSON types only, so that a new one and a stored one compare equal."""
    return json.loads(json.dumps(config))


def source(dataset: Config) -> Json:
    """Returns the fields of a `dataset` section that the source of the data takes."""
    return {k: v for k, v in dataset.items() if k not in NOT_SOURCE}


def origin(info: Config) -> str:
    """Returns the joint fingerprint of a study's data, given labels and code of a user's model."""
    names = ("data_fingerprint", "labels_fingerprint", "model_fingerprint")
    return "/".join(info[name] for name in names)


def points(config: Config, data_fingerprint: str = "") -> tuple[Point, ...]:
    """Returns the points of a study, series by series along the axis.

    Args:
      data_fingerprint: `origin` of the study, part of every point's fingerprint.

    Raises:
      InputError: a series that cannot be part of a file name, or two values with the same name.
    """
    config = plain(config)
    for series in config["series"]:
        if not _SERIES.fullmatch(series):
            characters = f"up to {MAX_NAME} ASCII letters, digits and _.-"
            raise expected("series", f"names of {characters}", repr(series))
    values = config["axis"]["values"] if config["axis"]["field"] else (None,)
    all_points = tuple(
        _point(config, series, value, data_fingerprint)
        for series in config["series"]
        for value in values
    )
    _check_names(all_points)
    return all_points


def _check_names(all_points: Sequence[Point]) -> None:
    """Checks that no points share a folder, also on file systems that ignore case."""
    first: dict[str, Point] = {}
    for point in all_points:
        other = first.setdefault(point.name.casefold(), point)
        if other is not point:
            values = f"{other.axis_value!r} and {point.axis_value!r}"
            raise expected(
                "axis.values",
                "values that give files different names (ASCII letters, digits and _.- remain)",
                f"{values}, which both give {point.name}",
            )


def _point(config: Config, series: str, value: Any, data_fingerprint: str) -> Point:
    point_config, axis = plain(config), config["axis"]
    for field, default in NEWER.items():
        section, _, option = field.partition(".")
        point_config[section].setdefault(option, default)
    if axis["field"]:
        section, _, option = axis["field"].partition(".")
        point_config[section][option] = value
    teacher = _teacher(config, series, value)
    # These fields change no number in a record of the point.
    ignored: tuple[str, ...] = ("axis.", "series", "report.", "subsets.num_runs", *LOCATIONS)
    ignored += ("distillation.",) if series in (ONE_HOT, LAST_LAYER) else ()
    hashed = {k: v for k, v in _changed(point_config).items() if not k.startswith(ignored)}
    return Point(
        name=_name(axis["field"], series, value),
        series=series,
        axis_value=_on_axis(value, axis["values"]) if axis["field"] else None,
        config=point_config,
        fingerprint=_hash([hashed, series, teacher, data_fingerprint]),
        teacher=teacher,
    )


def _on_axis(value: Any, values: Sequence[Any]) -> int | float | str:
    """Returns an axis value as a number or as text, see `Point.axis_value`."""
    if all(is_number(other) for other in values):
        number: int | float = value
        return number
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def is_number(value: Any) -> bool:
    """Returns whether a value is a number; a bool is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _teacher(config: Config, series: str, value: Any) -> str:
    """Returns the name of the one-hot point that teaches a series at an axis value, or ""."""
    if series in (ONE_HOT, LAST_LAYER):
        return ""
    teacher = config["distillation"]["teacher"]
    if series != DISTILLED:
        teacher = series.removeprefix(DISTILLED_FROM)
    if series != DISTILLED or teacher != SAME:
        value = next(v for v in config["axis"]["values"] if teacher in (str(v), value_name(v)))
    return _name(config["axis"]["field"], ONE_HOT, value)


def value_name(value: Any) -> str:
    """Returns an axis value as it appears in the names of points and series.

    Examples:
      >>> value_name([64, 32])
      '64-32'
    """
    return _NOT_IN_NAMES.sub("-", str(value).strip("[]"))


def _name(field: str, series: str, value: Any) -> str:
    if not field:
        return series
    name = f"{series}_{_NOT_IN_NAMES.sub('-', field.partition('.')[2])}{value_name(value)}"
    if len(name) <= MAX_NAME:
        return name
    digest = _hash([field, series, value])[:8]
    return f"{name[: MAX_NAME - len(digest) - 1]}-{digest}"


def study_fingerprint(config: Config, data_fingerprint: str) -> str:
    """Returns the hash of everything that must not change while a study grows."""
    variable = (*GROWS, *LOCATIONS, "report.")
    fixed = {k: v for k, v in _changed(config).items() if not k.startswith(variable)}
    return _hash([fixed, data_fingerprint])


def check_growth(old: Config, new: Config) -> None:
    """Checks that a config differs only by growth from the config that a workdir was created with.

    More runs, more axis values, more series and anything under `report` may change.

    Raises:
      InputError: names the first field that differs, or says that the study was not made by a
        command.
    """
    if old["model"]["name"] == COMPILED != new["model"]["name"]:
        raise InputError(
            "--workdir: expected a study of a config, received one of `memkit.measure`, which the "
            "program that made it continues with a larger num_runs; use another --workdir"
        )
    for field, stored, new_value in differences(old, new):
        if field == "subsets.num_runs":
            if new_value < stored:
                raise expected(field, f"at least the {stored} runs of this workdir", new_value)
        elif field in GROWS:
            if not set(map(str, stored)) <= set(map(str, new_value)):
                raise expected(field, f"all values of this workdir, {stored}, or more", new_value)
        else:
            shown = repr("") if stored == "" else stored
            raise InputError(
                f"{field}: expected {shown}, the value of the study in this workdir, "
                f"received {new_value}; use another --workdir"
            )


def differences(first: Config, second: Config) -> Iterator[tuple[str, Any, Any]]:
    """Yields (field, value, other value) of two configs, in the order of the field names.

    Fields that cannot change a number, such as those under `report`, are left out.
    """
    flat_first, flat_second = (NEWER | flatten(plain(config)) for config in (first, second))
    for field in sorted({*flat_first, *flat_second}):
        value, other_value = flat_first.get(field), flat_second.get(field)
        if value != other_value and not field.startswith(("report.", *LOCATIONS)):
            yield field, value, other_value


def flatten(config: Config, prefix: str = "") -> Json:
    """Returns {"section.field": value} of a nested config.

    Examples:
      >>> flatten({"model": {"name": "mlp", "hidden": [64]}, "seed": 3})
      {'model.name': 'mlp', 'model.hidden': [64], 'seed': 3}
    """
    flat: Json = {}
    for name, value in config.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _changed(config: Config) -> Json:
    """Returns a flat config as earlier versions wrote it: without newer fields at their default."""
    return {k: v for k, v in flatten(config).items() if k not in NEWER or v != NEWER[k]}


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
