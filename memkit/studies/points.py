"""From a study's config to its points: axis, series, teachers, fingerprints, allowed growth.

A config is a nested dict of plain values here; launchers make it from ml_collections.
"""

import dataclasses
import hashlib
import json
import re

from memkit.errors import InputError, expected

ONE_HOT, DISTILLED, DISTILLED_FROM = "one_hot", "distilled", "distilled_from_"
LAST_LAYER = "last_layer"
SAME = "same"  # distillation.teacher: the one-hot point of the student's own axis value
NOT_SOURCE = ("mean", "std", "resident")  # fields of `dataset` that its source does not take
# Where data lie and how they reach the device. What they are is in the fingerprints.
LOCATIONS = (
    "dataset.path",
    "dataset.data_dir",
    "dataset.resident",
    "dataset.skip_bad",
    "labels.file",
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
        "one_hot_width16"; a folder has it.
      series: "one_hot", "distilled" (from distillation.teacher), "distilled_from_<axis value>", or
        "last_layer" (a linear model on features that a model learned from all data).
      axis_value: where the point stands on the study's axis: the number where all values are
        numbers, else the value as text, such as "64, 32"; None in a study without an axis.
      config: the study's config with the axis value in place.
      fingerprint: hash of every field and datum that can change the numbers of a record here.
      teacher: name of the one-hot point that teaches this one, or "".
    """

    name: str
    series: str
    axis_value: int | float | str | None
    config: dict
    fingerprint: str
    teacher: str = ""

    @property
    def stream(self):
        """Suffix of this point's random streams: a student does not start as its teacher did."""
        return "" if self.series == ONE_HOT else f"/{self.series}"


def plain(config):
    """Returns a config as JSON has it, so that a fresh one and a stored one compare equal."""
    return json.loads(json.dumps(config))


def source(dataset):
    """Returns the fields of a config's `dataset` section that name the data and their source."""
    return {k: v for k, v in dataset.items() if k not in NOT_SOURCE}


def origin(info):
    """Returns the fingerprint of a study's data, given labels and a user's model code together."""
    parts = ("data_fingerprint", "labels_fingerprint", "model_fingerprint")
    return "/".join(info[part] for part in parts)


def points(config, data_fingerprint=""):
    """Returns the points of a study, series by series along the axis.

    Args:
      config: nested dict.
      data_fingerprint: `origin` of the study, part of every point's fingerprint.

    Raises:
      InputError: a series that cannot be part of a file name, or two values that cannot be told
        apart in one.
    """
    config = plain(config)
    for series in config["series"]:
        if not _SERIES.fullmatch(series):
            characters = f"up to {MAX_NAME} ASCII letters, digits and _.-"
            raise expected("series", f"names of {characters}", repr(series))
    values = config["axis"]["values"] if config["axis"]["field"] else (None,)
    found = tuple(
        _point(config, series, value, data_fingerprint)
        for series in config["series"]
        for value in values
    )
    _check_names(found)
    return found


def _check_names(found: tuple[Point, ...]) -> None:
    """Refuses points that would share a folder, also where upper case makes no difference."""
    first = {}
    for point in found:
        other = first.setdefault(point.name.casefold(), point)
        if other is not point:
            values = f"{other.axis_value!r} and {point.axis_value!r}"
            raise expected(
                "axis.values",
                "values that give files different names (ASCII letters, digits and _.- remain)",
                f"{values}, which both give {point.name}",
            )


def _point(config, series, value, data_fingerprint):
    own, axis = plain(config), config["axis"]
    if axis["field"]:
        section, _, option = axis["field"].partition(".")
        own[section][option] = value
    teacher = _teacher(config, series, value)
    left_out = ("axis.", "series", "report.", "subsets.num_runs", *LOCATIONS)
    left_out += ("distillation.",) if series in (ONE_HOT, LAST_LAYER) else ()
    science = {k: v for k, v in flatten(own).items() if not k.startswith(left_out)}
    fingerprint = _hash([science, series, teacher, data_fingerprint])
    place = _on_axis(value, axis["values"]) if axis["field"] else None
    return Point(_name(axis["field"], series, value), series, place, own, fingerprint, teacher)


def _on_axis(value: object, values: list) -> int | float | str:
    """Returns an axis value as charts and tables take it, see `Point.axis_value`."""
    if all(is_number(other) for other in values):
        return value
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def is_number(value: object) -> bool:
    """Returns True for a number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _teacher(config, series, value):
    """Returns the name of the one-hot point that teaches a series at an axis value, or ""."""
    if series in (ONE_HOT, LAST_LAYER):
        return ""
    wanted = config["distillation"]["teacher"]
    if series != DISTILLED:
        wanted = series.removeprefix(DISTILLED_FROM)
    if series != DISTILLED or wanted != SAME:
        value = next(v for v in config["axis"]["values"] if wanted in (str(v), value_name(v)))
    return _name(config["axis"]["field"], ONE_HOT, value)


def value_name(value: object) -> str:
    """Returns an axis value as the names of points and series have it.

    >>> value_name([64, 32])
    '64-32'
    """
    return _NOT_IN_NAMES.sub("-", str(value).strip("[]"))


def _name(field, series, value):
    if not field:
        return series
    name = f"{series}_{_NOT_IN_NAMES.sub('-', field.partition('.')[2])}{value_name(value)}"
    if len(name) <= MAX_NAME:
        return name
    digest = _hash([field, series, value])[:8]
    return f"{name[: MAX_NAME - len(digest) - 1]}-{digest}"


def study_fingerprint(config, data_fingerprint):
    """Returns the hash of everything that must stay as it is while a study grows."""
    left_out = (*GROWS, *LOCATIONS, "report.")
    fixed = {k: v for k, v in flatten(config).items() if not k.startswith(left_out)}
    return _hash([fixed, data_fingerprint])


def check_growth(old, new):
    """Refuses a config that differs from the one a workdir was made with by more than growth.

    More runs, more axis values, more series and anything under `report` may change.

    Raises:
      InputError: names the first field that differs.
    """
    for field, was, now in differences(old, new):
        if field == "subsets.num_runs":
            if now < was:
                raise expected(field, f"at least the {was} runs this workdir holds", now)
        elif field in GROWS:
            if not set(map(str, was)) <= set(map(str, now)):
                raise expected(field, f"all of {was}, which this workdir holds, or more", now)
        else:
            raise InputError(
                f"{field}: expected {was}, which this workdir's study was made with, "
                f"received {now}; use another --workdir"
            )


def differences(first, second):
    """Yields (field, value, other value) where two configs differ, in the order of the names.

    What cannot change a number, such as anything under `report`, is left out.
    """
    before, after = flatten(plain(first)), flatten(plain(second))
    for field in sorted({*before, *after}):
        was, now = before.get(field), after.get(field)
        if was != now and not field.startswith(("report.", *LOCATIONS)):
            yield field, was, now


def flatten(config, prefix=""):
    """Returns {"section.field": value} of a nested config."""
    flat = {}
    for name, value in config.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _hash(value):
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
