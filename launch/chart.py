"""Write the charts of a study as pictures or pages: flags plus one call."""

import sys

from etils import epy
from memkit.launch import flags, values

from memkit import charts, cli, storage, studies
from memkit.printable import printable

with epy.lazy_imports():  # Charts are slow to import.
    from memkit.report import chart_files, gather

_WORKDIR = flags.workdir()
_LIST = flags.switch("list", "print only which charts the study has, and why others are missing")
_FIGURES = flags.names(
    "figures", "charts to write, names from --list joined by commas; default: all"
)
_FORMAT = flags.names(
    "format", f"{', '.join(charts.FORMATS)}, or several joined by commas; default: png,svg"
)
_WIDTH = flags.text(
    "width",
    f"width to print at: {', '.join(charts.WIDTHS)} (84, 174 or 254 mm); default: as drawn",
)
_OUT = flags.text("out", "folder to write to; default: report/charts of the study")


def main() -> int:
    study = studies.load(values.required("workdir", _WORKDIR.value))
    if _LIST.value:
        print(chart_files.listing(gather.content(study)))
        return 0
    out = storage.path(_OUT.value or study.workdir / "report" / "charts")
    storage.check_writable("--out", out)
    formats = chart_files.checked(_FORMAT.value) or charts.USUAL
    width = chart_files.width_named(_WIDTH.value or "")
    content = gather.content(study)
    for name, data in chart_files.render(content, _FIGURES.value, formats, width).items():
        storage.write(out / name, data, inside=_OUT.value or study.workdir)
        print(printable(str(out / name)))
    return 0


if __name__ == "__main__":
    cli.launch("chart", main, sys.argv[1:])
