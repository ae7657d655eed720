"""Refusing a config that cannot be a study, in milliseconds, before anything is written."""

from memkit import data, models, subsets
from memkit.data import labels as label_noise
from memkit.errors import expected
from memkit.studies import points
from memkit.training import plan, recipe

# Sections whose fields are fixed. Those of dataset, model, optimizer and schedule follow the name.
FIELDS = {
    "labels": ("planted_fraction", "noise", "class_map", "file"),
    "subsets": ("design", "train_fraction", "num_runs"),
    "training": (
        "epochs",
        "batch_size",
        "augment",
        "pad",
        "precision",
        "data_parallel",
        "sync_batch_norm",
    ),
    "distillation": ("teacher", "weight", "temperature", "scale"),
    "record": ("all_probs", "history_runs"),
    "axis": ("field", "values"),
    "report": ("title", "min_influence", "min_memorization", "top_k"),
}
NAMED = ("dataset", "model", "optimizer", "schedule")
PRECISIONS = ("float32", "bfloat16")
_NUMBERS = {
    "subsets": ("train_fraction",),
    "optimizer": ("momentum", "weight_decay"),
    "distillation": ("weight", "temperature"),
    "schedule": ("peak", "warmup_epochs", "factor"),
    "report": ("min_influence", "min_memorization"),
}

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
    _check_axis(config)
    _check_series(config)
    _check_normalization(config["dataset"])
    data.check(**points.source(config["dataset"]))
    label_noise.check(**config["labels"])
    for point in points.points(config):
        _check_numbers(point.config)
        models.check(**point.config["model"])
        recipe.check_optimizer(**point.config["optimizer"])
        recipe.rates(
            point.config["schedule"],
            epochs=point.config["training"]["epochs"],
            steps_per_epoch=1,
        )


def missing_fields(config):
    """Returns the sections and fields that a config lacks, such as "report.top_k"."""
    sections = [name for name in (*NAMED, "series", "seed") if name not in config]
    return sections + [
        f"{section}.{name}"
        for section, names in FIELDS.items()
        for name in names
        if section not in config or name not in config[section]
    ]


def _check_normalization(dataset):
    for name in ("mean", "std"):
        if not isinstance(dataset.get(name), (list, tuple)):
            raise expected(f"dataset.{name}", "a list of numbers", dataset.get(name))
        if not all(isinstance(number, (int, float)) for number in dataset[name]):
            raise expected(f"dataset.{name}", "a list of numbers", dataset[name])
    if not isinstance(dataset.get("resident"), bool):
        raise expected("dataset.resident", "true or false", dataset.get("resident"))
    if not all(deviation > 0 for deviation in dataset["std"]):
        raise expected("dataset.std", "numbers above 0", dataset["std"])


def _check_series(config):
    series, valid = config["series"], [points.ONE_HOT, points.DISTILLED, points.LAST_LAYER]
    valid += [f"{points.DISTILLED_FROM}{value}" for value in config["axis"]["values"]]
    if not series or len(set(series)) != len(series):
        raise expected("series", "one or more different names", series)
    for name in series:
        if name not in valid:
            raise expected("series", f"names among {', '.join(valid)}", repr(name))
    if any(name.startswith(points.DISTILLED) for name in series) and points.ONE_HOT not in series:
        raise expected("series", "one_hot beside its students: its runs are the teachers", series)
    teacher, values = config["distillation"]["teacher"], config["axis"]["values"]
    if points.DISTILLED in series and teacher != points.SAME and teacher not in map(str, values):
        raise expected(
            "distillation.teacher",
            f"{points.SAME!r} or one of {', '.join(map(str, values))}",
            teacher,
        )


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
    if subset["design"] not in subsets.DESIGNS:
        names = ", ".join(subsets.DESIGNS)
        raise expected("subsets.design", f"one of {names}", repr(subset["design"]))
    if not 0 < subset["train_fraction"] < 1:
        raise expected("subsets.train_fraction", "a number in (0, 1)", subset["train_fraction"])
    if not isinstance(subset["num_runs"], int) or subset["num_runs"] < 2:
        raise expected("subsets.num_runs", "an int of at least 2", subset["num_runs"])
    for name in ("epochs", "batch_size", "data_parallel"):
        if not isinstance(training[name], int) or training[name] < 1:
            raise expected(f"training.{name}", "an int of at least 1", training[name])
    if training["batch_size"] % training["data_parallel"]:
        wanted = f"a divisor of training.batch_size = {training['batch_size']}"
        raise expected("training.data_parallel", wanted, training["data_parallel"])
    if not isinstance(training["sync_batch_norm"], bool):
        raise expected("training.sync_batch_norm", "true or false", training["sync_batch_norm"])
    if not isinstance(training["pad"], int) or not 0 <= training["pad"] <= 127:
        raise expected("training.pad", "an int in 0..127", training["pad"])
    if training["precision"] not in PRECISIONS:
        names = ", ".join(PRECISIONS)
        raise expected("training.precision", f"one of {names}", repr(training["precision"]))
    if not 0 <= config["distillation"]["weight"] <= 1:
        raise expected(
            "distillation.weight", "a number in [0, 1]", config["distillation"]["weight"]
        )
    if not config["distillation"]["temperature"] > 0:
        raise expected("distillation.temperature", "above 0", config["distillation"]["temperature"])
    if not isinstance(config["record"]["history_runs"], int):
        raise expected("record.history_runs", "an int", config["record"]["history_runs"])
    if not isinstance(config["report"]["top_k"], int) or config["report"]["top_k"] < 0:
        raise expected("report.top_k", "an int of at least 0", config["report"]["top_k"])
    if training["augment"] not in plan.AUGMENTATIONS:
        names = ", ".join(plan.AUGMENTATIONS)
        raise expected("training.augment", f"one of {names}", repr(training["augment"]))
