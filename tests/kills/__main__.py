"""Kills commands that write at random moments, and repeats them.

    python -m tests.kills --kills=100 --seed=0

prints for each verb how often it was killed, and what was wrong after it.
"""

import argparse
import collections
import os
import pathlib
import random
import sys
import tempfile

from tests.fuzz import forks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--study", help="folder of the studies; made there if not there yet")
    parser.add_argument("--verbs", help="only these, with commas")
    options = parser.parse_args()
    os.environ.update(forks.THREADS)
    forks.load()
    with tempfile.TemporaryDirectory() as made:
        return _storm(pathlib.Path(options.study or made), options)


def _storm(folder, options):
    from tests.fuzz import memory
    from tests.kills import strikes

    folder.mkdir(parents=True, exist_ok=True)
    memory.remember(folder / "memory")
    if not (folder / "stale").exists():
        strikes.build(folder)
    rng, killed, problems = random.Random(options.seed), collections.Counter(), []
    verbs = options.verbs.split(",") if options.verbs else list(strikes.VERBS)
    usual = {verb: strikes.undisturbed(folder, verb) for verb in verbs}
    while killed.total() < options.kills:
        verb = verbs[killed.total() % len(verbs)]
        result = strikes.strike(folder, verb, usual[verb], rng)
        killed[verb] += result.is_killed
        if result.problem:
            problems.append(result)
        what = result.problem or "harmless" if result.is_killed else "ended before"
        print(f"{result.verb}, killed {result.moment}: {what}", flush=True)
    counts = ", ".join(f"{verb} {killed[verb]}" for verb in verbs)
    print(f"{killed.total()} kills ({counts}), {len(problems)} with a problem")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
