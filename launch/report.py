"""Write the report of a study: flags plus one call."""

import sys

from memkit.launch import flags, stages, values

from memkit import cli, studies

_WORKDIR = flags.workdir()


def main() -> int:
    stages.write_report(studies.load(values.required("workdir", _WORKDIR.value)))
    return 0


if __name__ == "__main__":
    cli.launch("report", main, sys.argv[1:])
