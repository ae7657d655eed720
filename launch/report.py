"""Write the report of a study that has estimates: flags plus one call."""

import sys

from memkit import cli, studies

from . import flags, stages

_WORKDIR = flags.workdir()


def main():
    stages.write_report(studies.load(flags.required("workdir", _WORKDIR.value)))
    return 0


if __name__ == "__main__":
    cli.launch("report", main, sys.argv[1:])
