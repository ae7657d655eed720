"""kill -9 in the middle of commands that write, and what readers see before they are repeated."""

import dataclasses
import os
import pathlib
import random
import shutil
import signal
import tempfile
import time

from tests.fuzz import forks, judge, world
from tests.fuzz.verbs import COMMANDS
from tests.fuzz.world import REMOVAL, UNFINISHED, P

_OPERATIONS = ("replace", "rename", "link", "symlink", "unlink", "mkdir", "rmdir", "fsync")
# verb -> (study that it starts from, words)
VERBS = {
    "estimate": ("stale", COMMANDS["estimate"]),
    "report": ("finished", COMMANDS["report"]),
    "merge": ("finished", COMMANDS["merge"]),
    "export": ("finished", COMMANDS["export feldman_zhang"]),
    "removal": ("bare", REMOVAL),
    "chart": ("finished", COMMANDS["chart"]),
}
READERS = ("report", "audit", "compare table", "export csv", "export feldman_zhang", "chart")


@dataclasses.dataclass(frozen=True)
class Undisturbed:
    """What a verb does when nothing happens to it.

    Attributes:
      before, after: judge.files of its folder.
      operations: how often it changes something in the file system.
      seconds: wall time.
      read: {reader: (what it prints and writes before, the same after)}.
    """

    before: dict
    after: dict
    operations: int
    seconds: float
    read: dict


@dataclasses.dataclass(frozen=True)
class Strike:
    """One kill.

    Attributes:
      verb: a key of VERBS.
      moment: when, for a person.
      is_killed: False where the verb ended first.
      problem: what is wrong after it, "" where nothing is.
    """

    verb: str
    moment: str
    is_killed: bool
    problem: str


def build(folder: pathlib.Path) -> None:
    """Makes the studies of VERBS in a folder, which may hold those of the fuzz test."""
    if not (folder / "finished").exists():
        world.build(folder)
    world.copy(folder / "finished/study", folder / "bare/study")
    shutil.rmtree(folder / "bare/study/removal")
    world.copy(folder / "unfinished/study", folder / "stale/study")
    study, finished = folder / "stale/study", folder / "finished/study"
    record = f"points/{P}/runs/{UNFINISHED}.npz"  # Its weights were written before it failed.
    os.link(finished / record, study / record)
    for name in (f"points/{P}/checkpoints", "failures", "workers"):
        shutil.rmtree(study / name)


def undisturbed(folder: pathlib.Path, verb: str) -> Undisturbed:
    """Returns what a verb does when it is let alone."""
    copy = _copy_of_study(folder, verb)
    try:
        before = judge.files(copy)
        read = {reader: [_read(copy, reader)] for reader in READERS}
        started = time.monotonic()
        done = forks.call(lambda: _counting(VERBS[verb][1], copy / "operations"), copy)
        seconds = time.monotonic() - started
        if done.code != 0:
            raise RuntimeError(f"{verb} of a sound study: {done}")
        operations = int((copy / "operations").read_text())
        (copy / "operations").unlink()
        for reader in READERS:
            read[reader].append(_read(copy, reader))
        return Undisturbed(before, judge.files(copy), operations, seconds, read)
    finally:
        shutil.rmtree(copy)


def strike(folder: pathlib.Path, verb: str, usual: Undisturbed, rng: random.Random) -> Strike:
    """Kills a verb once, reads the study, repeats the verb and compares."""
    copy = _copy_of_study(folder, verb)
    try:
        if rng.random() < 0.7:  # Between two changes, where mixtures come from.
            operation = rng.randint(1, usual.operations)
            moment = f"before change {operation} of {usual.operations}"
            done = forks.call(lambda: _counting(VERBS[verb][1], None, operation), copy)
        else:
            seconds = rng.uniform(0, usual.seconds)
            moment = f"after {seconds:.2f} of {usual.seconds:.2f} s"
            done = forks.call(lambda: forks.main(VERBS[verb][1]), copy, killed_after=seconds)
        problem = _problem(copy, verb, usual, rng.choice(READERS))
        return Strike(verb, moment, done.code == -signal.SIGKILL, problem)
    finally:
        shutil.rmtree(copy)


def _problem(copy, verb, usual, reader):
    """Returns what is wrong with a folder in which a verb was killed."""
    code, _, text, _ = reading = _read(copy, reader)
    is_refused = code in (1, 2) and "memkit estimate" in text and "Traceback" not in text
    if not is_refused and _effects(reading, usual) not in [
        _effects(r, usual) for r in usual.read[reader]
    ]:
        return f"{reader} sees neither the old nor the new: {text.strip().splitlines()[-1:]}"
    again = forks.run(VERBS[verb][1], copy)
    if again.code != 0:
        return f"fails when it is repeated: {again.err.strip().splitlines()[-1:]}"
    files = judge.files(copy)
    different = [n for n in {*files, *usual.after} if files.get(n) != usual.after.get(n)]
    return f"differs when it is repeated: {', '.join(sorted(different)[:4])}" if different else ""


def _effects(reading, usual):
    """Returns what `_read` returns without the errors, and without what the verb writes anyway.

    A reader that writes may first move the files of the verb into place.
    """
    code, printed, _, written = reading
    changed_files = {
        name: digest for name, digest in written.items() if usual.after.get(name) != digest
    }
    return code, printed, changed_files


def _read(study_folder, reader):
    """Returns (exit code, text printed, error text, files written) of a command that reads."""
    copied = pathlib.Path(tempfile.mkdtemp(dir=study_folder.parent, prefix="read-"))
    try:
        for name in ("study", "sound"):
            if (study_folder / name).is_symlink():
                (copied / name).symlink_to((study_folder / name).readlink())
            else:
                world.copy(study_folder / name, copied / name)
        before = judge.files(copied)
        done = forks.run(COMMANDS[reader], copied)
        after = judge.files(copied)
        written = {name: after[name] for name in after if after[name] != before.get(name)}
        return done.code, judge.plain(done.out), done.err, written
    finally:
        shutil.rmtree(copied)


def _copy_of_study(folder, verb):
    source = folder / VERBS[verb][0] / "study"
    kill_folder = pathlib.Path(tempfile.mkdtemp(dir=folder, prefix="kill-"))
    world.copy(source, kill_folder / "study")
    (kill_folder / "sound").symlink_to(source)
    return kill_folder


def _counting(words, counted=None, deadly=None):
    """Runs a command; kills it before its change number `deadly`, or writes how many it makes."""
    process, number = os.getpid(), [0]

    def counting(function):
        def call(*arguments, **options):
            if os.getpid() == process:  # Workers are forks.
                number[0] += 1
                if number[0] == deadly:
                    os.kill(process, signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in _OPERATIONS:
        setattr(os, name, counting(getattr(os, name)))
    try:
        forks.main(words)
    finally:
        if counted:
            counted.write_text(str(number[0]))
