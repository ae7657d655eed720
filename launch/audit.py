"""List likely mislabeled, duplicate and ambiguous train examples: flags plus one call."""

import sys

from memkit.launch import flags, values

from memkit import cli, storage, studies
from memkit.analysis.audit import estimate as audit
from memkit.analysis.audit import text as audit_text
from memkit.printable import printable
from memkit.studies import exports

_WORKDIR = flags.workdir()
_POINT = flags.point()
_TOP = flags.count("top", 20, "rows to print; the files hold all that are listed")
_OUT = flags.text("out", "folder for audit.csv and audit.parquet; the study's tables if none")


def main() -> int:
    study = studies.load(values.required("workdir", _WORKDIR.value))
    storage.check_writable(*(("--out", _OUT.value) if _OUT.value else ("--workdir", study.workdir)))
    result = audit.at_point(study, _POINT.value or "")
    columns = audit.columns(study, result)
    written = exports.write_audit(study, columns, _OUT.value)
    print(audit_text.text(study, result, columns, _TOP.value))
    for path in written:
        print(printable(str(path)))
    return 0


if __name__ == "__main__":
    cli.launch("audit", main, sys.argv[1:])
