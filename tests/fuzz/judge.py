"""Whether what a command did with a damaged study is right."""

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import re

import numpy as np

MANIFEST = "study/derived.json"
OUTCOMES = ("same", "named", "refused", "BAD")
_TIMES = ("created", "changed", "command", "wall_seconds", "runs_per_second", "time")
_HASHES = ("checksum", "summary.json")  # they cover times
# What differs from time to time: durations, sizes, free space, how far training is.
_CHANGING = re.compile(r"^(done in .*|train \d+/\d+ runs.*|interrupted.*)\n?", re.MULTILINE)
_PAGE_TIMES = re.compile(rb"(last command</th><td>)[^<]*")
_SIZES = re.compile(r"[\d.]+ [kMGT]?B\b")


@dataclasses.dataclass(frozen=True)
class Done:
    """What a command did.

    Attributes:
      result: forks.Result.
      before: `files` of its folder before it.
      files: the same after it.
    """

    result: object
    before: dict
    files: dict


def files(folder: pathlib.Path) -> dict:
    """Returns {path in the folder: digest of what the file says}; times are left out of it."""
    return {
        os.path.relpath(os.path.join(root, name), folder): digest(os.path.join(root, name))
        for root, _, names in os.walk(folder)
        for name in names
    }


_KNOWN = {}  # (device, inode, size, time of change) -> digest


def digest(file: str) -> str:
    """Returns a hash of what a file says."""
    about = os.stat(file)
    if not os.access(file, os.R_OK):
        return "unreadable"
    key = about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns
    if key not in _KNOWN:
        with open(file, "rb") as opened:
            data = opened.read()
        _KNOWN[key] = hashlib.sha256(_comparable(file, data)).hexdigest()[:16]
    return _KNOWN[key]


def _comparable(file, data):
    try:
        if file.endswith(".npz"):
            with np.load(io.BytesIO(data)) as stored:
                parts = [(name, stored[name]) for name in sorted(stored.files)]
            return b"".join(
                f"{name} {a.dtype} {a.shape}".encode() + a.tobytes() for name, a in parts
            )
        if file.endswith(".json"):
            return json.dumps(_timeless(json.loads(data)), sort_keys=True).encode()
    except Exception:  # Damaged bytes make the zip and npy readers raise almost anything.
        return data
    return _PAGE_TIMES.sub(rb"\1", data) if file.endswith(".html") else data


def _timeless(value):
    if isinstance(value, dict):
        return {key: _timeless(v) for key, v in value.items() if key not in (*_TIMES, *_HASHES)}
    if isinstance(value, list):
        return [_timeless(v) for v in value]
    return value


def verdict(command: str, kind, how: str, *, done: Done, sound: Done) -> tuple[str, str]:
    """Returns (one of OUTCOMES, why).

    Args:
      command: a key of verbs.COMMANDS.
      kind: Kind of the damaged file.
      how: one of kinds.DAMAGES.
      done: what the command did with the damaged study.
      sound: what it did with the undamaged study.
    """
    result = done.result
    if result.code is None:
        return "BAD", "hangs"
    if "Traceback" in result.err + result.out or result.code not in (0, 1, 2):
        return "BAD", _last_line(result.err) or f"exit code {result.code}"
    is_named = _is_named(kind, result, sound.result)
    if result.code != sound.result.code or result.code == 2:
        strange = _strange(done, sound)
        if not is_named:
            return "BAD", f"refused without naming the file: {_last_line(result.err)}"
        if strange and result.code == 2:
            return "BAD", f"refused, but wrote {', '.join(strange[:3])}"
        return "refused", _last_line(result.err)
    changed = _changed(kind, done, sound)
    if changed and not is_named and not (how == "deleted" and kind.may_vanish):
        return "BAD", f"different without a word: {', '.join(changed[:4])}"
    if command == "verify" and not is_named and _is_damaged(kind, how, done, sound):
        return "BAD", "verify did not notice it"
    return ("named" if is_named else "same"), ""


def _is_damaged(kind, how, done, sound):
    """True where the damage takes something from the study that a sound one has."""
    if how == "deleted":
        return not kind.is_optional
    name = f"study/{kind.file}"
    return how in ("folder", "unreadable") or done.before[name] != sound.before[name]


def _is_named(kind, result, sound):
    """True where the command says something of the file that it does not say of a sound study."""
    usual = set(plain(sound.out + sound.err).splitlines())
    lines = [line for line in plain(result.out + result.err).splitlines() if line not in usual]
    return any(name in line for line in lines for name in kind.names)


def _changed(kind, done, sound):
    """Returns what differs from the results with a sound study, but for the damage itself."""
    changes = []
    if plain(done.result.out) != plain(sound.result.out):
        changes.append("what it prints")
    damaged = _damaged_files(kind)
    for name in sorted({*done.files, *sound.files}):
        now = done.files.get(name)
        is_left = name in damaged and now == done.before.get(name)
        # Without a list of derived files, an audit begins one that has its own.
        is_begun = name == MANIFEST and name in damaged and name not in done.before
        if now != sound.files.get(name) and not is_left and not is_begun:
            changes.append(name)
    return changes


def _strange(done, sound):
    """Returns files that are neither as before the command nor as it makes them."""
    return [
        name
        for name in sorted({*done.files, *done.before})
        if done.files.get(name) not in (done.before.get(name), sound.files.get(name))
    ]


def _damaged_files(kind):
    return {f"study/{kind.file}", f"study/{kind.sibling}"}


def plain(text: str) -> str:
    """Returns what a command printed without what differs from time to time."""
    return _SIZES.sub("# B", _CHANGING.sub("", text))


def _last_line(text):
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""
