"""Check every file of a study, and retrain some runs: flags plus one call."""

import sys
import time

from memkit.launch import flags, stages, values

from memkit import cli, studies
from memkit.errors import DamagedFileError
from memkit.printable import printable
from memkit.studies import verify
from memkit.sweeps import retrain
from memkit.typing import Json

_WORKDIR = flags.workdir()
_MODEL = flags.model()
_RETRAIN = flags.count(
    "retrain", None, "number of finished runs, drawn at random, to retrain and compare"
)
_SEED = flags.count("seed", 1, "seed with which --retrain draws runs")


def main() -> int:
    started = time.monotonic()
    workdir = values.required("workdir", _WORKDIR.value)
    config = _config(workdir) if _RETRAIN.value else None
    if config is not None:
        values.allow_models(config, _MODEL.value)
    verified = verify.verify(workdir)
    for name, reason in verified.problems.items():
        print(printable(f"problem: {name}: {reason}"))
    is_sound = not verified.problems
    if _RETRAIN.value and verified.study:
        chosen = retrain.draw(verified.sound, _RETRAIN.value, _SEED.value)
        for retrained in retrain.retrain(verified.study, chosen):
            print(retrain.text(retrained), flush=True)
            is_sound &= not retrained.is_problem
    print(f"verify: {verify.text(verified)}")
    stages.print_time(started)
    return 0 if is_sound else 1


def _config(workdir: str) -> Json | None:
    """Returns the config of a study, or None if it is damaged, which `verify` then reports."""
    try:
        config: Json = studies.load(workdir).config
    except DamagedFileError:
        return None
    return config


if __name__ == "__main__":
    cli.launch("verify", main, sys.argv[1:])
