"""Say what of a study is done, missing or broken: flags plus one call."""

import sys

from memkit import cli, studies
from memkit.sweeps import status

from . import flags

_WORKDIR = flags.workdir()


def main():
    study = studies.load(flags.required("workdir", _WORKDIR.value))
    print(status.text(study))
    return 0


if __name__ == "__main__":
    cli.launch("status", main, sys.argv[1:])
