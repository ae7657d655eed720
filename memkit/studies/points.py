"""From a study's config to its points: checks, axis, series, fingerprints, allowed growth.

A config is a nested dict of plain values here; launchers make it from ml_collections.
"""

import dataclasses
import hashlib
import json
import re

from memkit import data, models, subsets
from memkit.errors import InputError, expected
from memkit.training import plan, recipe

# Sections whose fields are fixed. Those of dataset, model, optimizer and schedule follow the name.
FIELDS = {
    "labels": ("planted_fraction",),
    "subsets": ("design", "train_fraction", "num_runs"),
    "training": ("epochs", "batch_size", "augment"),
    "record": ("all_probs",),
    "axis": ("field", "values"),
    "report": ("title",),
}
NAMED = ("dataset", "model", "optimizer", "schedule")
SERIES = ("one_hot",)
_NUMBERS = {
    "labels": ("planted_fraction",),
    "subsets": ("train_fraction",),
    "optimizer": ("momentum", "weight_decay"),
    "schedule": ("peak", "warmup_epochs", "factor"),
}

# An axis over these would need several designs or data sets, so it is several studies.
_NOT_AN_AXIS = ("subsets", "labels", "dataset", "seed", "series", "axis", "record", "report")
_GROWS = ("subsets.num_runs", "axis.values", "series")


@dataclasses.dataclass(frozen=True, eq=False)
class Point:
    """M runs that differ only in subset and seeds.

    Attributes:
      name: unique in the study, safe as a folder name, such as "one_hot_width16".
      series: one of SERIES.
      axis_value: the value of the study's axis here, or None in a study without an axis.
      config: the study's config with the axis value in place.
      fingerprint: hash of every field and datum that can change the numbers of a record here.
    """

    name: str
    series: str
    axis_value: object
    config: dict
    fingerprint: str


def plain(config):
    """Returns a config as JSON has it, so that a fresh one and a stored one compare equal."""
    return json.loads(json.dumps(config))


def check(config):
    """Refuses a config that cannot be a study, without loading data or an engine.

    Raises:
      InputError: names the field, what was expected and what was received.
    """
    sections = {*FIELDS, *NAMED, "series", "seed"}
    for section in (*sections - set(config), *set(config) - sections):
        verb = "unknown section" if section in config else "missing section"
        raise expected("config", f"the sections {', '.join(sorted(sections))}", f"{verb} {section}")
    for section, names in FIELDS.items():
        if set(config[section]) != set(names):
            raise expected(section, f"the fields {', '.join(names)}", sorted(config[section]))
    if not isinstance(config["seed"], int) or config["seed"] < 0:
        raise expected("seed", "an int of at least 0", config["seed"])
    for section in NAMED:
        if "name" not in config[section]:
            raise expected(f"{section}.name", "a value", "none")
    _check_series(config["series"])
    _check_axis(config)
    _check_normalization(config["dataset"])
    dataset = {k: v for k, v in config["dataset"].items() if k not in ("mean", "std")}
    data.check(**dataset)
    for point in points(config):
        _check_numbers(point.config)
        models.check(**point.config["model"])
        recipe.check_optimizer(**point.config["optimizer"])
        recipe.rates(
            point.config["schedule"],
            epochs=point.config["training"]["epochs"],
            steps_per_epoch=1,
        )


def _check_normalization(dataset):
    for name in ("mean", "std"):
        if not isinstance(dataset.get(name), (list, tuple)):
            raise expected(f"dataset.{name}", "a list of numbers", dataset.get(name))
        if not all(isinstance(number, (int, float)) for number in dataset[name]):
            raise expected(f"dataset.{name}", "a list of numbers", dataset[name])
    if not all(deviation > 0 for deviation in dataset["std"]):
        raise expected("dataset.std", "numbers above 0", dataset["std"])


def _check_series(series):
    if not series or len(set(series)) != len(series):
        raise expected("series", "one or more different names", series)
    for name in series:
        if name not in SERIES:
            raise expected("series", f"names among {', '.join(SERIES)}", repr(name))


def _check_axis(config):
    field, values = config["axis"]["field"], config["axis"]["values"]
    if not field:
        if values:
            raise expected("axis.values", "no values where axis.field is empty", values)
        return
    section, _, name = field.partition(".")
    if section in _NOT_AN_AXIS:
        raise expected(
            "axis.field", "a field of model, optimizer, schedule or training", repr(field)
        )
    if section not in config or name not in config[section]:
        fields = [f"{s}.{f}" for s in ("model", "training") for f in config[s]]
        raise expected("axis.field", f"a field such as {', '.join(fields)}", repr(field))
    if not values or len(set(map(str, values))) != len(values):
        raise expected("axis.values", "one or more different values", values)


def _check_numbers(config):
    subset, training = config["subsets"], config["training"]
    for section, names in _NUMBERS.items():
        for name in set(names) & set(config[section]):
            if not isinstance(config[section][name], (int, float)):
                raise expected(f"{section}.{name}", "a number", repr(config[section][name]))
    if not 0 <= config["labels"]["planted_fraction"] < 1:
        raise expected(
            "labels.planted_fraction", "a number in [0, 1)", config["labels"]["planted_fraction"]
        )
    if subset["design"] not in subsets.DESIGNS:
        names = ", ".join(subsets.DESIGNS)
        raise expected("subsets.design", f"one of {names}", repr(subset["design"]))
    if not 0 < subset["train_fraction"] < 1:
        raise expected("subsets.train_fraction", "a number in (0, 1)", subset["train_fraction"])
    if not isinstance(subset["num_runs"], int) or subset["num_runs"] < 2:
        raise expected("subsets.num_runs", "an int of at least 2", subset["num_runs"])
    for name in ("epochs", "batch_size"):
        if not isinstance(training[name], int) or training[name] < 1:
            raise expected(f"training.{name}", "an int of at least 1", training[name])
    if training["augment"] not in plan.AUGMENTATIONS:
        names = ", ".join(plan.AUGMENTATIONS)
        raise expected("training.augment", f"one of {names}", repr(training["augment"]))


def points(config, data_fingerprint=""):
    """Returns the points of a study, series by series along the axis.

    Args:
      config: nested dict.
      data_fingerprint: of the data set, part of every point's fingerprint.
    """
    field = config["axis"]["field"]
    found = []
    for series in config["series"]:
        for value in config["axis"]["values"] if field else (None,):
            own = plain(config)
            name = series
            if field:
                section, _, option = field.partition(".")
                own[section][option] = value
                safe = re.sub(r"[^\w.-]+", "-", str(value).strip("[]"))
                name = f"{series}_{option}{safe}"
            science = {k: v for k, v in own.items() if k not in ("axis", "series", "report")}
            science["subsets"] = {k: v for k, v in own["subsets"].items() if k != "num_runs"}
            fingerprint = _hash([science, series, data_fingerprint])
            found.append(Point(name, series, value, own, fingerprint))
    return tuple(found)


def study_fingerprint(config, data_fingerprint):
    """Returns the hash of everything that must stay as it is while a study grows."""
    fixed = {k: v for k, v in flatten(config).items() if k not in _GROWS and not _is_report(k)}
    return _hash([fixed, data_fingerprint])


def check_growth(old, new):
    """Refuses a config that differs from the one a workdir was made with by more than growth.

    More runs, more axis values, more series and anything under `report` may change.

    Raises:
      InputError: names the first field that differs.
    """
    before, after = flatten(plain(old)), flatten(plain(new))
    for field in sorted({*before, *after}):
        was, now = before.get(field), after.get(field)
        if was == now or _is_report(field):
            continue
        if field == "subsets.num_runs":
            if now < was:
                raise expected(field, f"at least the {was} runs this workdir holds", now)
        elif field in _GROWS:
            if not set(map(str, was)) <= set(map(str, now)):
                raise expected(field, f"all of {was}, which this workdir holds, or more", now)
        else:
            raise InputError(
                f"{field}: expected {was}, which this workdir's study was made with, "
                f"received {now}; use another --workdir"
            )


def flatten(config, prefix=""):
    """Returns {"section.field": value} of a nested config."""
    flat = {}
    for name, value in config.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _is_report(field):
    return field.startswith("report.")


def _hash(value):
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
