"""Write a study's scores in the layouts that other tools read: flags plus one call."""

import sys

from memkit.launch import flags, stages, values

from memkit import cli, storage, studies
from memkit.analysis import across_points, exports
from memkit.errors import expected, missing
from memkit.printable import printable
from memkit.sweeps import saved_model

_WORKDIR = flags.workdir()
_POINTS = flags.points()
_KERAS = "keras"
_FORMATS = (*exports.FORMATS, _KERAS)
_FORMAT = flags.choice("format", _FORMATS, f"one of {', '.join(_FORMATS)}")
_RUN = flags.index("run", "run whose network --format=keras saves, after it was trained again")
_MODEL = flags.model()
_OUT = flags.text("out", "folder to write to")


def main() -> int:
    study = studies.load(values.required("workdir", _WORKDIR.value))
    layout = values.required("format", _FORMAT.value)
    out = values.required("out", _OUT.value)
    storage.check_writable("--out", out)
    if layout == _KERAS:
        return _save_network(study, out)
    if _RUN.value is not None:
        raise expected("--run", f"no value with --format={layout}", _RUN.value)
    if layout in exports.NEED_ESTIMATES:
        studies.check_sources(study)
    stages.warn_of_vanished(study)
    points = across_points.chosen_points(study, _POINTS.value)
    for path in exports.export(study, points, layout, out):
        print(printable(str(path)))
    return 0


def _save_network(study: studies.Study, out: str) -> int:
    """Saves the network of one run; returns 1 if it does not predict what the record has."""
    if len(_POINTS.value) != 1:
        received = ",".join(_POINTS.value) or "none"
        raise expected("--points", "the name of one point with --format=keras", received)
    if _RUN.value is None:
        raise missing("--run", "value, the run whose network --format=keras saves")
    values.allow_models(study.config, _MODEL.value)
    saved = saved_model.save(study, study.point(_POINTS.value[0]), _RUN.value, out)
    print(printable(saved.path))
    print(f"{saved.answers} of {saved.total} predictions differ from those of the record")
    return 1 if saved.answers else 0


if __name__ == "__main__":
    cli.launch("export", main, sys.argv[1:])
