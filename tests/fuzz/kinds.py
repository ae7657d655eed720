"""One file of each kind that a study has, and how it is damaged."""

import dataclasses
import io
import json
import math
import os
import pathlib
import random
import re

import numpy as np

from tests.fuzz.world import LINEAR, OTHER_LINEAR, OTHER_STUDENT, STUDENT, UNFINISHED, P, Q

OTHER = "other study"


@dataclasses.dataclass(frozen=True)
class Kind:
    """One file of a study.

    Attributes:
      file: its path in the workdir.
      sibling: the file it is exchanged with, or OTHER for the same file of another study.
      is_optional: True where a study without it is sound.
      world: the folder of the study that has it.
      words: what a message may say instead of the file's name.
      may_vanish: True where memkit removes the file itself, when it means nothing any more.
      is_repeated: True where another kind is written and read by the same code.
    """

    file: str
    sibling: str = OTHER
    is_optional: bool = False
    world: str = "finished"
    words: tuple[str, ...] = ()
    may_vanish: bool = False
    is_repeated: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What names the file, or its sibling, in a message."""
        files = [self.file] if self.sibling == OTHER else [self.file, self.sibling]
        short = [file.rpartition("/")[2] for file in files]
        return (*files, *(name for name in short if not name[0].isdigit()), *self.words)


def _record(point, run, sibling):
    return Kind(
        f"points/{point}/runs/{run}.npz",
        sibling,
        is_optional=True,
        # A study of fewer runs is one, and the tables say how many each point has.
        words=(point, "memkit estimate"),
    )


_CHILD = f"removal/{P}"
KINDS = {
    "study": Kind("study.json", words=("examples.npz", "design.npz", "memkit estimate")),
    "examples": Kind("examples.npz", words=("study.json", "memkit estimate")),
    "design": Kind("design.npz", words=("study.json", "memkit estimate")),
    "duplicates": Kind("duplicates.json"),
    "thumbnails": Kind("thumbnails.npz"),
    "teacher's record": _record(P, 3, f"points/{P}/runs/4.npz"),
    "student's record": _record(STUDENT, 3, f"points/{OTHER_STUDENT}/runs/3.npz"),
    "weights": Kind(f"points/{P}/weights/3.npz", f"points/{P}/weights/4.npz"),
    "features": Kind(f"points/{LINEAR}/features.npz", f"points/{OTHER_LINEAR}/features.npz"),
    "estimates": Kind(f"points/{P}/estimates.npz", f"points/{Q}/estimates.npz"),
    "influence": Kind(f"points/{P}/influence.npz", f"points/{Q}/influence.npz"),
    "proxies": Kind(f"points/{P}/proxies.npz", f"points/{Q}/proxies.npz", is_repeated=True),
    "trajectories": Kind("trajectories.npz"),
    "distillation": Kind("analyses/distillation.npz", is_repeated=True),
    "agreement": Kind("analyses/agreement.npz", is_repeated=True),
    "audit": Kind("analyses/audit.npz"),
    "similar images": Kind("analyses/similar_images.npz", is_repeated=True),
    "summary": Kind("summary.json"),
    "manifest": Kind("derived.json", words=("memkit estimate",)),
    "stop": Kind("stop.json", is_optional=True),
    "table": Kind(f"tables/{P}.csv", f"tables/{Q}.csv"),
    "parquet": Kind(f"tables/{P}.parquet", f"tables/{Q}.parquet", is_repeated=True),
    "audit's table": Kind("tables/audit.csv", is_optional=True, is_repeated=True),
    "removal's study": Kind(f"{_CHILD}/study.json", is_optional=True, words=(_CHILD,)),
    "removal's design": Kind(f"{_CHILD}/design.npz", is_optional=True, words=(_CHILD,)),
    "removal's rows": Kind(f"{_CHILD}/analyses/removal_rows.npz", words=(_CHILD,)),
    "removal's record": Kind(
        f"{_CHILD}/points/one_hot/runs/0.npz",
        f"{_CHILD}/points/one_hot/runs/1.npz",
        is_optional=True,
        words=(_CHILD, "memkit estimate", "one_hot"),
    ),
    "checkpoint": Kind(
        f"points/{P}/checkpoints/{UNFINISHED}.npz", is_optional=True, world="unfinished"
    ),
    "failure": Kind(f"failures/{P}-{UNFINISHED}.json", is_optional=True, world="unfinished"),
    "executor": Kind(
        "workers/elsewhere-7.json", is_optional=True, world="unfinished", may_vanish=True
    ),
}


def flipped(data: bytes) -> bytes:
    """Returns data with a bit of one byte in its middle flipped."""
    position = random.Random(len(data)).randrange(len(data) // 4, max(1, 3 * len(data) // 4))
    return data[:position] + bytes([data[position] ^ 0x04]) + data[position + 1 :]


def truncated(data: bytes) -> bytes:
    """Returns the first two thirds of data."""
    return data[: 2 * len(data) // 3]


def with_nan(file: str, data: bytes) -> bytes:
    """Returns a file of the same format with a number that is NaN."""
    return {".npz": _npz_nan, ".json": _json_nan, ".csv": _csv_nan, ".parquet": _parquet_nan}[
        pathlib.Path(file).suffix
    ](data)


def _npz_nan(data):
    with np.load(io.BytesIO(data)) as stored:
        arrays = dict(stored)
    filled = {name: array for name, array in arrays.items() if array.size}
    floats = [name for name in filled if filled[name].dtype.kind == "f"]
    numbers = [name for name in filled if filled[name].dtype.kind in "iub"]
    name = (floats or numbers)[0]
    kind = arrays[name].dtype if floats else np.float64
    array = arrays[name].astype(kind).reshape(-1)
    array[array.size // 2] = math.nan
    arrays[name] = array.reshape(arrays[name].shape)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _json_nan(data):
    """Replaces the last number; where there is none, the last text."""
    text = data.decode()
    values = list(re.finditer(r'(?<=[\s\[:,])-?\d[\d.e+-]*(?=\s*[,\]}\n])|(?<=: )"[^"]*"', text))
    numbers = [match for match in values if match[0][0] != '"'] or values
    start, end = numbers[-1].span()
    json.loads(text)
    return (text[:start] + "NaN" + text[end:]).encode()


def _csv_nan(data):
    lines = data.decode().splitlines()
    cells = lines[2].split(",")
    numbers = [i for i, cell in enumerate(cells) if re.fullmatch(r"-?\d+\.\d+.*", cell)]
    cells[numbers[0]] = "nan"
    return "\n".join([*lines[:2], ",".join(cells), *lines[3:], ""]).encode()


def _parquet_nan(data):
    import pyarrow
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(data))
    number = table.column_names.index("memorization_correct")
    values = table.column(number).to_pylist()
    values[2] = math.nan
    table = table.set_column(number, "memorization_correct", pyarrow.array(values))
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


DAMAGES = (
    "flipped",
    "truncated",
    "emptied",
    "brackets",
    "nan",
    "swapped",
    "folder",
    "unreadable",
    "deleted",
)


def damage(how: str, kind: Kind, study: pathlib.Path, other: pathlib.Path) -> None:
    """Damages a file of a study that is made of hard links, and nothing else.

    Args:
      how: one of DAMAGES.
      kind: Kind.
      study: its folder.
      other: the folder of another study, for siblings.
    """
    file = study / kind.file
    if how == "swapped" and kind.sibling != OTHER:
        sibling, between = study / kind.sibling, file.with_name("between")
        file.rename(between)
        sibling.rename(file)
        between.rename(sibling)
        return
    data = file.read_bytes()
    file.unlink()
    if how == "folder":
        file.mkdir()
    elif how != "deleted":
        file.write_bytes(_bytes(how, kind, data, other))
    if how == "unreadable":
        os.chmod(file, 0)


def _bytes(how, kind, data, other):
    if how == "flipped":
        return flipped(data)
    if how == "truncated":
        return truncated(data)
    if how == "nan":
        return with_nan(kind.file, data)
    if how == "swapped":
        return (other / kind.file).read_bytes()
    return {"emptied": b"", "brackets": b"[]", "unreadable": data}[how]
