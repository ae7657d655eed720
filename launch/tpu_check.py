"""Compile a study for a TPU without having one: flags plus one call."""

import sys

from memkit.launch import flags, values

from memkit import cli
from memkit.tpu_check import check as check_lib
from memkit.tpu_check import table

_CONFIG = flags.config()
_WORKDIR = flags.workdir()
_MODEL = flags.model()
_TOPOLOGY = flags.topology()
_POINTS = flags.points()
_PACKING = flags.packing()


def main() -> int:
    topology = values.required("topology", _TOPOLOGY.value)
    check = check_lib.prepare(
        values.resolved(_CONFIG.value, _WORKDIR.value, _MODEL.value),
        topology=topology,
        points=_POINTS.value,
        **{name: holder.value for name, holder in _PACKING.items()},
    )
    values.warn_of_slow_choices(check.job.setup, check.job.study.config)
    print(check.note, flush=True)
    findings, counts = check_lib.run(check)
    print(table.text(check, findings, counts))
    print(table.made_by(check))
    failures = check_lib.failures(check, findings)
    for name, reason in failures.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    cli.launch("tpu_check", main, sys.argv[1:])
