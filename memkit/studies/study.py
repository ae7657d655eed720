"""The Study and its fixed files: who is who, and the design."""

import dataclasses
import hashlib
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from memkit import big_arrays, records, storage
from memkit.errors import DamagedFileError, InputError, expected
from memkit.studies import checks, files
from memkit.studies.derived import Staging
from memkit.studies.points import Point, origin, points

STUDY_FILE = "study.json"
EXAMPLES_FILE = "examples.npz"
DESIGN_FILE = "design.npz"
DUPLICATES_FILE = "duplicates.json"
# Entries of study.json that studies of earlier versions lack: the hash of each file that does not
# grow with a study, and the hash of its subsets.
_NEWER_ENTRIES = {"files": {}, "subsets_fingerprint": ""}
_REPORT = {"title": "", "min_influence": 0.15, "min_memorization": 0.25, "top_k": 10}


@dataclasses.dataclass(frozen=True)
class Examples:
    """Who is who: row i is column i of every mask and outcome.

    Attributes:
      train_ids: [N] str.
      train_labels: [N] int32, as the source has them.
      given_labels: [N] int32, what the runs are trained on; differs where a label is planted.
      test_ids: [T] str.
      test_labels: [T] int32.
      class_names: [C] str.
    """

    train_ids: np.ndarray
    train_labels: np.ndarray
    given_labels: np.ndarray
    test_ids: np.ndarray
    test_labels: np.ndarray
    class_names: np.ndarray

    @property
    def planted(self):
        """[N] bool, True where the given label was flipped on purpose."""
        return self.given_labels != self.train_labels


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """Points that share one subset design.

    Attributes:
      workdir: path of the folder, or None where the study is only drafted.
      config: nested dict, resolved.
      info: the rest of study.json (fingerprints, versions, when it was made).
      points: tuple of Point.
      examples: Examples.
      train_mask: [M, N] bool, the same for every point.
      staging: the set of derived files that is being written, see `derived.replacing`; else None.
    """

    workdir: os.PathLike | None
    config: dict[str, Any]
    info: dict[str, Any]
    points: tuple[Point, ...]
    examples: Examples
    train_mask: np.ndarray
    staging: Staging | None = None

    @property
    def sizes(self):
        return records.Sizes(
            train=len(self.examples.train_ids),
            test=len(self.examples.test_ids),
            epochs=self.config["training"]["epochs"],
            classes=len(self.examples.class_names),
        )

    def sizes_at(self, point, run):
        """Returns the sizes of one run's record.

        An axis over training.epochs changes them, and so does what `record` asks of the run.
        """
        record = point.config["record"]
        asked = {"all_probs": record["all_probs"], "history_runs": run < record["history_runs"]}
        return dataclasses.replace(
            self.sizes,
            epochs=point.config["training"]["epochs"],
            asked=tuple(name for name, wanted in asked.items() if wanted),
        )

    def point(self, name):
        """Returns the point of a name, or raises an InputError that lists the valid ones."""
        for point in self.points:
            if point.name == name:
                return point
        raise expected("point", f"one of {', '.join(p.name for p in self.points)}", repr(name))


def exists(workdir):
    """True where a folder holds a study."""
    return storage.exists(storage.path(workdir) / STUDY_FILE)


def check_exists(workdir):
    """Refuses a folder without a study, with an InputError."""
    if not exists(workdir):
        raise expected("--workdir", "a folder with a study (study.json)", workdir)


def load(workdir, *, is_growing=False):
    """Returns the Study in a folder; reads no run records.

    Args:
      workdir: folder or object-store address.
      is_growing: True where another config is about to take the place of the stored one, which
        may then lack fields of `report`.

    Raises:
      InputError: the folder holds no study, one of an earlier version, whose config lacks fields,
        or one whose study.json no version of memkit could have written.
    """
    workdir = storage.path(workdir)
    check_exists(workdir)
    info = _NEWER_ENTRIES | files.read_json(workdir / STUDY_FILE)
    config = info.pop("config", None)
    if not isinstance(config, dict):
        raise DamagedFileError(workdir / STUDY_FILE, "it does not hold the config of a study")
    _check_fields(workdir, config, is_growing)
    _check_values(workdir / STUDY_FILE, info, config, is_growing)
    files.check_hashes(workdir / STUDY_FILE, info["files"])
    examples = _read_examples(workdir, info)
    mask = _read_design(workdir, config, info)
    if mask.shape[1] != len(examples.train_ids):
        reason = f"subsets of {mask.shape[1]} examples in a study of {len(examples.train_ids)}"
        raise DamagedFileError(workdir / DESIGN_FILE, reason)
    return Study(workdir, config, info, points(config, origin(info)), examples, mask)


def _read_examples(workdir: os.PathLike, info: Mapping[str, Any]) -> Examples:
    """Returns the Examples of a study; raises a DamagedFileError if they cannot be its own."""
    where = workdir / EXAMPLES_FILE
    data = files.read_bytes(where)
    if info["files"] and info["files"].get(EXAMPLES_FILE) != files.sha256(data):
        raise DamagedFileError(where, "it is not the file that study.json names")
    arrays = files.npz_arrays(where, data)
    names = {field.name for field in dataclasses.fields(Examples)}
    if arrays.keys() != names:
        raise DamagedFileError(where, f"expected the arrays {', '.join(sorted(names))}")
    examples = Examples(**arrays)
    num_train, num_test = len(examples.train_ids), len(examples.test_ids)
    shapes = {name: (num_test if name.startswith("test") else num_train,) for name in names}
    shapes["class_names"] = examples.class_names.shape[:1]
    for name, array in arrays.items():
        kind = "U" if name.endswith(("ids", "names")) else "i"
        if array.shape != shapes[name] or array.dtype.kind != kind:
            reason = f"{name}: unexpected {array.dtype} {list(array.shape)}"
            raise DamagedFileError(where, reason)
        if name.endswith("labels") and array.size:
            lowest, highest = int(array.min()), int(array.max())
            if lowest < 0 or highest >= len(examples.class_names):
                reason = f"{name}: {lowest} to {highest} with {len(examples.class_names)} classes"
                raise DamagedFileError(where, reason)
    return examples


def _read_design(
    workdir: os.PathLike, config: Mapping[str, Any], info: Mapping[str, Any]
) -> np.ndarray:
    """Returns the train mask [M, N] of a study; raises a DamagedFileError if it is another one."""
    where, num_runs = workdir / DESIGN_FILE, config["subsets"]["num_runs"]
    arrays = files.read_npz(where)
    if arrays.keys() != {"train_mask", "shape"}:
        raise DamagedFileError(where, "not the subsets of a study")
    packed, shape = arrays["train_mask"], arrays["shape"]
    if packed.dtype != np.uint8 or packed.ndim != 1 or shape.dtype.kind != "i" or len(shape) != 2:
        raise DamagedFileError(where, "not the subsets of a study")
    num_bits = math.prod(shape.tolist())
    if min(shape) < 0 or not num_bits <= 8 * len(packed) < num_bits + 8:
        raise DamagedFileError(where, f"{len(packed)} bytes for subsets of shape {shape.tolist()}")
    mask = _unpacked(packed, *shape.tolist())
    # A growth killed between its two writes leaves a longer design, which the next one takes up.
    mask = mask[:num_runs]
    if len(mask) != num_runs:
        raise DamagedFileError(where, f"{len(mask)} subsets, the study needs {num_runs}")
    if info["subsets_fingerprint"] not in ("", subsets_fingerprint(mask)):
        raise DamagedFileError(where, "the subsets are not those that the study was made with")
    return mask


def subsets_fingerprint(train_mask: np.ndarray) -> str:
    """Returns the hash of a train mask [M, N] bool."""
    digest = hashlib.sha256(str(train_mask.shape).encode())
    for row in train_mask:
        digest.update(np.packbits(row).tobytes())
    return digest.hexdigest()[:16]


def _check_values(where: os.PathLike, info: dict, config: dict, is_growing: bool) -> None:
    """Refuses values of any type or size that a new config could not have."""
    try:
        checks.check_info(info)
        # Another report section is about to take the place of the stored one.
        checks.check_stored(config | {"report": _REPORT} if is_growing else config)
    except DamagedFileError:
        raise
    except InputError as error:
        raise DamagedFileError(where, str(error)) from error


def _check_fields(workdir, config, is_growing):
    missing = checks.missing_fields(config)
    if all(field.startswith("report.") for field in missing):
        if missing and not is_growing:
            wanted = "a study with all fields (memkit run with its --config adds those of report)"
            raise expected("--workdir", wanted, f"{workdir} without {', '.join(missing)}")
        return
    wanted = "a study that this version of memkit made"
    raise expected("--workdir", wanted, f"{workdir} without {', '.join(missing)}")


def _unpacked(packed, num_runs, num_examples):
    """Returns the mask [M, N] of packed bits that run on from row to row."""
    mask = big_arrays.empty((num_runs, num_examples), bool)
    for start in range(0, num_runs, 8):  # Eight rows end where a byte ends.
        rows = mask[start : start + 8]
        part = packed[start * num_examples // 8 :]
        rows.flat = np.unpackbits(part[: -(-rows.size // 8)], count=rows.size)
    return mask


def duplicates(study):
    """Returns counts and ids of images with identical pixels, as duplicates.json has them."""
    return files.read_json(study.workdir / DUPLICATES_FILE)
