"""Damages every kind of file of a study in every way, and runs every command on it.

    python -m tests.fuzz --out=out/fuzz --jobs=2

prints how often each damage ends in the same numbers, is named (and made again or left out), is
refused in a line that names the file, or is BAD; the bad cells with their output go to bad.txt.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import sys
import tempfile

from tests.fuzz import forks


def main() -> int:
    options = _options()
    os.environ.update(forks.THREADS)
    forks.load()
    from tests.fuzz import cells, memory, world
    from tests.fuzz.kinds import KINDS

    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(options.study or made)
        folder.mkdir(parents=True, exist_ok=True)
        memory.remember(folder / "memory")
        if not (folder / "finished").exists():
            world.build(folder, is_whole=not options.cells)
        kinds = tuple(KINDS) if options.all else options.kinds
        chosen = cells.allowed(
            folder, kinds=kinds, damages=options.damages, commands=options.commands
        )
        if options.cells:
            chosen = cells.sample(chosen, options.cells, options.seed)
        results = cells.run(folder, chosen, jobs=options.jobs)
    print(cells.table(results))
    bad = [cell for cell in results if cell.outcome == "BAD"]
    if options.out:
        out = pathlib.Path(options.out)
        out.mkdir(parents=True, exist_ok=True)
        (out / "bad.txt").write_text("\n".join(f"== {cell.line}\n{cell.output}\n" for cell in bad))
        (out / "table.txt").write_text(cells.table(results) + "\n")
        rows = [dataclasses.asdict(cell) for cell in results]
        (out / "cells.json").write_text(json.dumps(rows, indent=1))
    print(f"{len(bad)} of {len(results)} cells are bad")
    return 1 if bad else 0


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", help="folder of the studies; made there if it is not there yet")
    parser.add_argument("--out", help="folder for table.txt, bad.txt and cells.json")
    parser.add_argument("--cells", type=int, default=0, help="only so many cells, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="which cells --cells draws")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--all", action="store_true", help="kinds that repeat another one, too")
    for name in ("kinds", "damages", "commands"):
        parser.add_argument(f"--{name}", type=_names, default=(), help="only these, with commas")
    return parser.parse_args()


def _names(text):
    return tuple(text.split(","))


if __name__ == "__main__":
    sys.exit(main())
