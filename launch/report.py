"""Write the report of a study, or one page that compares several: flags plus one call."""

import sys

from etils import epy
from memkit.launch import flags, stages, values

from memkit import cli, storage, studies
from memkit.errors import expected
from memkit.printable import printable

with epy.lazy_imports():  # Charts are slow to import.
    from memkit.report import beside, gather

_WORKDIRS = flags.workdirs()
_OUT = flags.text("out", "folder for the page of several studies")


def main() -> int:
    workdirs = values.required("workdir", _WORKDIRS.value)
    if len(workdirs) == 1:
        if _OUT.value:
            raise expected(
                "--out", "none with one study, whose folder holds its report", _OUT.value
            )
        stages.write_report(studies.load(workdirs[0]))
        return 0
    out = storage.path(values.required("out", _OUT.value))
    labels = beside.labels(workdirs)
    storage.check_writable("--out", out)
    contents = {
        label: gather.content(studies.load(workdir))
        for label, workdir in zip(labels, workdirs, strict=True)
    }
    for name, data in sorted(beside.render(contents).items()):
        storage.write(out / name, data)
    print(printable(f"report: {out / 'index.html'}"))
    return 0


if __name__ == "__main__":
    cli.launch("report", main, sys.argv[1:])
