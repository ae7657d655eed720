"""Audit the labels of a data set within some minutes, or those of a study: flags plus one call."""

import sys
import time

from memkit.launch import flags, quick_audit, stages, values

from memkit import cli, storage, studies
from memkit.analysis.audit import estimate as audit
from memkit.analysis.audit import text as audit_text
from memkit.analysis.similar_images import estimate as similar_images
from memkit.errors import expected
from memkit.printable import printable
from memkit.studies import Study, exports

_DATA = flags.data(
    "what to audit: a folder of images, a csv or parquet file of file names and labels, an npz "
    "file or the name of a data set; "
    "`memkit audit photos` is short for --data=photos"
)
_MINUTES = flags.minutes(10.0, "time for everything, with --data")
_WORKDIR = flags.workdir()
_POINT = flags.point()
_TOP = flags.count("top", 20, "rows to print; the files hold all that are listed")
_OUT = flags.text("out", "folder for audit.csv and audit.parquet; the study's tables if none")
_PLACEMENT = flags.placement()


def main() -> int:
    if not (_DATA.value or _WORKDIR.value):
        expectation = "a folder of images (memkit audit photos) or a study (--workdir=out/mine)"
        raise expected("arguments", expectation, "neither")
    if not _DATA.value:
        study = studies.load(values.required("workdir", _WORKDIR.value))
        storage.check_writable(
            *(("--out", _OUT.value) if _OUT.value else ("--workdir", study.workdir))
        )
        _print(study)
        return 0
    started = time.monotonic()
    workdir = _WORKDIR.value or quick_audit.default_workdir(_DATA.value)
    study, trained = quick_audit.train(
        _DATA.value, workdir, minutes=_MINUTES.value, placement_flags=_PLACEMENT
    )
    stages.estimate(study, started=started, trained=trained)
    found = _print(study)
    stages.write_report(study)
    print(f"{study.sizes.train:,} images, {found}")
    stages.print_time(started)
    return stages.print_failures(trained)


def _print(study: Study) -> str:
    """Prints the audit of a study and writes its tables; returns what was found, in words."""
    result = audit.at_point(study, _POINT.value or "")
    columns = audit.columns(study, result)
    written = exports.write_audit(study, columns, _OUT.value)
    similar = similar_images.of_study(study)
    print(audit_text.text(study, result, columns, _TOP.value, similar=similar))
    for path in written:
        print(printable(str(path)))
    return audit_text.found(result)


if __name__ == "__main__":
    cli.launch("audit", main, sys.argv[1:])
