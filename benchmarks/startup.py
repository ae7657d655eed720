r"""Where the time of the demo goes: start-up, compilation, steady state, estimates, report.

  python -m benchmarks.startup [--smoke] [--out=startup.json]

Runs `memkit run --config=digits_width` in a new folder and reads the stages off its files, see
`startup_stages.measure`.
"""

import sys

from absl import app, flags

from benchmarks import interleave, startup_stages
from memkit import tables

_SMOKE = flags.DEFINE_boolean("smoke", False, "the smoke size of the config: 40 models, not 200")
_OUT = flags.DEFINE_string("out", None, "JSON file for the numbers")


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    config = "digits_width:smoke" if _SMOKE.value else "digits_width"
    found = startup_stages.measure(config)
    table = startup_stages.rows(found, interleave.machine()["cores"])
    print(tables.text(["stage", "wall seconds", "share"], table))
    note = f"{config}, {found['runs']} runs, "
    interleave.finish(_OUT.value, {"config": config, **found}, note)


if __name__ == "__main__":
    sys.exit(app.run(main))
