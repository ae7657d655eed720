"""Cells: one damage of one kind of file, followed by one command."""

import dataclasses
import itertools
import json
import os
import pathlib
import random
import shutil
import tempfile

from tests.fuzz import forks, judge, world
from tests.fuzz.kinds import DAMAGES, KINDS, OTHER, damage
from tests.fuzz.verbs import COMMANDS


@dataclasses.dataclass(frozen=True)
class Cell:
    """What became of one cell.

    Attributes:
      kind: a key of KINDS.
      how: one of DAMAGES.
      command: a key of COMMANDS.
      outcome: one of judge.OUTCOMES.
      why: in one line, "" where it is the usual.
      output: what the command printed, where the cell is bad.
    """

    kind: str
    how: str
    command: str
    outcome: str
    why: str
    output: str = ""

    @property
    def line(self) -> str:
        """What is wrong, for a person."""
        return f"{self.kind}, {self.how}, {self.command}: {self.why}"


def allowed(folder: pathlib.Path, *, kinds=(), damages=(), commands=()) -> list:
    """Returns the (kind, damage, command) that a world in a folder allows.

    Args:
      folder: see `world.build`.
      kinds: keys of KINDS; all but those that repeat another one if none.
      damages: among DAMAGES, all if none.
      commands: keys of COMMANDS, all if none.
    """
    kinds = kinds or [name for name, kind in KINDS.items() if not kind.is_repeated]
    return [
        (name, how, command)
        for name, how, command in itertools.product(kinds, damages or DAMAGES, commands or COMMANDS)
        if (folder / KINDS[name].world / "study" / KINDS[name].file).exists()
        and not (how == "swapped" and KINDS[name].sibling == OTHER and not _has_other(folder, name))
    ]


def _has_other(folder, name):
    return (folder / "other/study" / KINDS[name].file).exists()


def sample(cells: list, number: int, seed: int) -> list:
    """Returns a part of cells, drawn at random, in their order."""
    chosen = set(random.Random(seed).sample(range(len(cells)), min(number, len(cells))))
    return [cell for index, cell in enumerate(cells) if index in chosen]


def run(folder: pathlib.Path, cells: list, *, jobs: int = 1, show=print) -> list:
    """Returns the Cell of each (kind, damage, command), computed by so many processes."""
    commands = sorted({(KINDS[kind].world, command) for kind, _, command in cells})
    sound = {}
    for key in commands:  # First, and in this process: jobs inherit them.
        sound[key] = _done(folder, key[0], COMMANDS[key[1]])
        _check_sound(key, sound[key])
    parts = [cells[job::jobs] for job in range(jobs)]
    pids = [
        _start(folder, part, sound, show if job == 0 else None) for job, part in enumerate(parts)
    ]
    results = []
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        if status:
            raise RuntimeError(f"a process of the fuzz test ended with status {status}")
        results += [Cell(**fields) for fields in json.loads((folder / f"{pid}.json").read_text())]
    order = {cell: index for index, cell in enumerate(cells)}
    return sorted(results, key=lambda cell: order[cell.kind, cell.how, cell.command])


def _check_sound(key, done):
    if done.result.code != 0:
        raise RuntimeError(f"{key} with a sound study: {done.result}")


def _start(folder, cells, sound, show):
    pid = os.fork()
    if pid:
        return pid
    try:
        results = []
        for index, (name, how, command) in enumerate(cells):
            cell = _cell(folder, name, how, command, sound)
            results.append(dataclasses.asdict(cell))
            if cell.outcome == "BAD":
                print(cell.line, flush=True)
            if show and index % 25 == 24:
                show(f"{index + 1} of {len(cells)} cells", flush=True)
        (folder / f"{os.getpid()}.json").write_text(json.dumps(results))
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _cell(folder, name, how, command, sound):
    kind = KINDS[name]
    done = _done(folder, kind.world, COMMANDS[command], kind, how)
    outcome, why = judge.verdict(command, kind, how, done=done, sound=sound[kind.world, command])
    output = f"{done.result.out}{done.result.err}" if outcome == "BAD" else ""
    return Cell(name, how, command, outcome, why, output[-4000:])


def _done(folder, which, words, kind=None, how=""):
    """Runs a command on a copy of a study, damaged where a kind is given; returns judge.Done."""
    source = folder / which / "study"
    cell_folder = pathlib.Path(tempfile.mkdtemp(dir=folder, prefix="cell-"))
    try:
        world.copy(source, cell_folder / "study")
        (cell_folder / "sound").symlink_to(source)
        if kind is not None:
            _damage(how, kind, cell_folder / "study", folder / "other/study")
        before = judge.files(cell_folder)
        result = forks.run(words, cell_folder, is_root=how != "unreadable")
        return judge.Done(result, before, judge.files(cell_folder))
    finally:
        shutil.rmtree(cell_folder)


def _damage(how, kind, study, other):
    if how == "nan" and kind.file.endswith(".parquet"):  # It starts threads.
        done = forks.call(lambda: damage(how, kind, study, other), study.parent)
        assert done.code == 0, done
    else:
        damage(how, kind, study, other)


def table(cells: list) -> str:
    """Returns the counts of outcomes by damage and verb as text."""
    verbs = list(dict.fromkeys(COMMANDS[cell.command][0] for cell in cells))
    rows = [["damage", *verbs, "all"]]
    for how in [*dict.fromkeys(cell.how for cell in cells), "all"]:
        row = [how]
        for verb in [*verbs, "all"]:
            chosen = [
                cell.outcome
                for cell in cells
                if how in (cell.how, "all") and verb in (COMMANDS[cell.command][0], "all")
            ]
            row.append("/".join(str(chosen.count(outcome)) for outcome in judge.OUTCOMES))
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([f"each: {' / '.join(judge.OUTCOMES)}", *lines])
