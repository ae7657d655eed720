"""Write a study's scores in the layouts that other tools read: flags plus one call."""

import sys

from memkit.launch import flags, stages, values

from memkit import cli, storage, studies
from memkit.analysis import across_points, exports
from memkit.printable import printable

_WORKDIR = flags.workdir()
_POINTS = flags.points()
_FORMAT = flags.choice("format", exports.FORMATS, f"one of {', '.join(exports.FORMATS)}")
_OUT = flags.text("out", "folder to write to")


def main() -> int:
    study = studies.load(values.required("workdir", _WORKDIR.value))
    layout = values.required("format", _FORMAT.value)
    out = values.required("out", _OUT.value)
    storage.check_writable("--out", out)
    if layout in exports.NEED_ESTIMATES:
        studies.check_sources(study)
    stages.warn_of_vanished(study)
    points = across_points.chosen_points(study, _POINTS.value)
    for path in exports.export(study, points, layout, out):
        print(printable(str(path)))
    return 0


if __name__ == "__main__":
    cli.launch("export", main, sys.argv[1:])
