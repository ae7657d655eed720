"""Check that a study's files are what their names say: flags plus one call."""

import sys
import time

from memkit.launch import flags, stages, values

from memkit import cli, studies
from memkit.errors import DamagedFileError
from memkit.printable import printable
from memkit.studies import verify
from memkit.sweeps import retrain

_WORKDIR = flags.workdir()
_MODEL = flags.model()
_RETRAIN = flags.count(
    "retrain", None, "finished runs, drawn at random, to train again and compare"
)
_SEED = flags.count("seed", 1, "which runs --retrain draws")


def main():
    started = time.monotonic()
    workdir = values.required("workdir", _WORKDIR.value)
    config = _config(workdir) if _RETRAIN.value else None
    if config is not None:
        values.allow_models(config, _MODEL.value)
    found = verify.verify(workdir)
    for name, reason in found.problems.items():
        print(printable(f"problem: {name}: {reason}"))
    is_sound = not found.problems
    if _RETRAIN.value and found.study:
        chosen = retrain.draw(found.sound, _RETRAIN.value, _SEED.value)
        for one in retrain.retrain(found.study, chosen):
            print(retrain.text(one), flush=True)
            is_sound &= not one.is_problem
    print(f"verify: {verify.text(found)}")
    stages.say_time(started)
    return 0 if is_sound else 1


def _config(workdir: str) -> dict | None:
    """Returns the config of a study, or None where it is damaged: verifying it says how."""
    try:
        return studies.load(workdir).config
    except DamagedFileError:
        return None


if __name__ == "__main__":
    cli.launch("verify", main, sys.argv[1:])
