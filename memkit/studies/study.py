"""The Study, and its fixed files: the examples and the subset design."""

import dataclasses
import functools
import hashlib
import math

import numpy as np
from etils import epath

from memkit import big_arrays, records, storage, subsets
from memkit.errors import DamagedFileError, InputError, expected, unknown
from memkit.studies import checks, files
from memkit.studies.derived import Staging
from memkit.studies.points import Point, origin, points
from memkit.typing import Array, BoolArray, Config, IntArray, Json, Path, TextArray

STUDY_FILE = "study.json"
EXAMPLES_FILE = "examples.npz"
DESIGN_FILE = "design.npz"
DUPLICATES_FILE = "duplicates.json"
# Entries of study.json that studies of earlier versions do not have: the hash of each file that
# does not grow with a study, and the hash of its subsets.
_NEWER_ENTRIES: Json = {"files": {}, "subsets_fingerprint": ""}
_NO_DUPLICATES: Json = {
    "train_copies": 0,
    "groups_with_different_labels": 0,
    "test_in_train": 0,
    "train_groups": [],
    "train_test_pairs": [],
}
_REPORT = {"title": "", "min_influence": 0.15, "min_memorization": 0.25, "top_k": 10}


@dataclasses.dataclass(frozen=True)
class Examples:
    """Ids and labels of the examples. Row i is column i of every mask and outcome.

    Attributes:
      train_ids: [N] str.
      train_labels: [N] int32, the labels of the source.
      given_labels: [N] int32, the labels that runs are trained on; they differ if planted.
      test_ids: [T] str.
      test_labels: [T] int32.
      class_names: [C] str.
    """

    train_ids: TextArray
    train_labels: IntArray
    given_labels: IntArray
    test_ids: TextArray
    test_labels: IntArray
    class_names: TextArray

    @property
    def planted(self) -> BoolArray:
        """[N] bool, True where the given label was changed on purpose."""
        return self.given_labels != self.train_labels


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """Points that share one subset design.

    Attributes:
      workdir: path of the folder; None if the study is a draft, see `draft`.
      config: the resolved config.
      info: the other entries of study.json (fingerprints, versions, time of creation).
      points: series by series along the axis.
      examples: ids and labels.
      train_mask: [M, N] bool, the same for every point.
      staging: the set of derived files being written, see `derived.replacing`; otherwise None.
    """

    workdir: epath.Path
    config: Json
    info: Json
    points: tuple[Point, ...]
    examples: Examples
    train_mask: BoolArray
    staging: Staging | None = None

    @functools.cached_property
    def unit(self) -> IntArray:
        """[M] int, the unit of each run, see `subsets.units`."""
        return subsets.units(self.config["subsets"]["design"], *self.train_mask.shape)

    @property
    def sizes(self) -> records.Sizes:
        """Sizes of a record, without the optional arrays."""
        return records.Sizes(
            train=len(self.examples.train_ids),
            test=len(self.examples.test_ids),
            epochs=self.config["training"]["epochs"],
            classes=len(self.examples.class_names),
        )

    def sizes_at(self, point: Point, run: int) -> records.Sizes:
        """Returns the sizes of the record of one run.

        They depend on an axis over training.epochs and on the optional arrays that the section
        `record` of the config requests.
        """
        record = point.config["record"]
        has_history = self.leads_unit(run, record["history_runs"])
        asked = {
            "all_probs": record["all_probs"],
            "history_runs": has_history,
            "ntk": has_history and record["ntk"],
            "features_runs": self.leads_unit(run, record["features_runs"]),
        }
        return dataclasses.replace(
            self.sizes,
            epochs=point.config["training"]["epochs"],
            asked=tuple(name for name, is_asked in asked.items() if is_asked),
        )

    def leads_unit(self, run: int, num_units: int) -> bool:
        """Returns whether a run is the first one of its unit, and that one of the first units."""
        is_first = run == 0 or self.unit[run] != self.unit[run - 1]
        return bool(is_first and self.unit[run] < num_units)

    def point(self, name: str) -> Point:
        """Returns the point with a name; "width4" finds "one_hot_width4" if it is the only one.

        Raises:
          InputError: there is no such point, or several; suggests a similar name.
        """
        for point in self.points:
            if point.name == name:
                return point
        short = [point for point in self.points if point.name == f"{point.series}_{name}"]
        if len(short) == 1:
            return short[0]
        if short:
            raise expected("point", f"one of {', '.join(point.name for point in short)}", name)
        raise unknown("point", name, [point.name for point in self.points], kind="point")


def exists(workdir: Path) -> bool:
    """Returns whether a folder holds a study.

    Examples:
      >>> exists("no_such_folder")
      False
    """
    return storage.exists(storage.path(workdir) / STUDY_FILE)


def check_exists(workdir: Path) -> None:
    """Raises an InputError if a folder holds no study."""
    if not exists(workdir):
        raise expected("--workdir", "a folder with a study (study.json)", workdir)


def load(workdir: Path, *, is_growing: bool = False) -> Study:
    """Returns the Study in a folder; reads no run records.

    Args:
      workdir: folder or object-store address.
      is_growing: whether another config will replace the stored one, which then need not have all
        fields of `report`.

    Raises:
      InputError: the folder holds no study, or a study of an earlier version, whose config lacks
        fields.
      DamagedFileError: no version of memkit could have written one of the files.

    Examples:
      >>> study = load(workdir)
      >>> [point.name for point in study.points]
      ['one_hot_width1', 'one_hot_width2']
      >>> study.train_mask.shape, study.examples.train_ids[:2].tolist()
      ((20, 60), ['d0', 'd1'])
    """
    folder = storage.path(workdir)
    check_exists(folder)
    info = _NEWER_ENTRIES | files.read_json(folder / STUDY_FILE)
    config = info.pop("config", None)
    if not isinstance(config, dict):
        raise DamagedFileError(folder / STUDY_FILE, "it does not hold the config of a study")
    _check_fields(folder, config, is_growing)
    _check_values(folder / STUDY_FILE, info, config, is_growing)
    files.check_hashes(folder / STUDY_FILE, info["files"])
    examples = _read_examples(folder, info)
    mask = _read_design(folder, config, info)
    if mask.shape[1] != len(examples.train_ids):
        reason = f"subsets of {mask.shape[1]} examples in a study of {len(examples.train_ids)}"
        raise DamagedFileError(folder / DESIGN_FILE, reason)
    return Study(folder, config, info, points(config, origin(info)), examples, mask)


def _read_examples(workdir: epath.Path, info: Config) -> Examples:
    """Reads the Examples; raises a DamagedFileError if they are not those of the study."""
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


def _read_design(workdir: epath.Path, config: Config, info: Config) -> BoolArray:
    """Reads the train mask [M, N]; raises a DamagedFileError if it is not that of the study."""
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
    # A growth killed between its two writes leaves a longer design, which the next growth uses.
    mask = mask[:num_runs]
    if len(mask) != num_runs:
        raise DamagedFileError(where, f"{len(mask)} subsets, the study needs {num_runs}")
    if info["subsets_fingerprint"] not in ("", subsets_fingerprint(mask)):
        raise DamagedFileError(where, "the subsets are not those that the study was created with")
    return mask


def subsets_fingerprint(train_mask: BoolArray) -> str:
    """Returns the hash of a train mask [M, N] bool."""
    digest = hashlib.sha256(str(train_mask.shape).encode())
    for row in train_mask:
        digest.update(np.packbits(row).tobytes())
    return digest.hexdigest()[:16]


def _check_values(where: Path, info: Json, config: Json, is_growing: bool) -> None:
    """Checks that a stored config has only values that a new config could have."""
    try:
        checks.check_info(info)
        # A growing study gets a new section `report`.
        checks.check_stored(config | {"report": _REPORT} if is_growing else config)
    except DamagedFileError:
        raise
    except InputError as error:
        raise DamagedFileError(where, str(error)) from error


def _check_fields(workdir: Path, config: Json, is_growing: bool) -> None:
    """Checks that a stored config has all fields of this version of memkit."""
    missing = checks.missing_fields(config)
    if not missing:
        return
    expectation = "a study that this version of memkit created"
    if all(field.startswith("report.") for field in missing):
        if is_growing:
            return
        expectation = "a study with all fields (memkit run with its --config adds those of report)"
    raise expected("--workdir", expectation, f"{workdir} without {', '.join(missing)}")


def _unpacked(packed: Array, num_runs: int, num_examples: int) -> BoolArray:
    """Returns the mask [M, N] of packed bits; rows are not padded to whole bytes."""
    mask = big_arrays.empty((num_runs, num_examples), bool)
    for start in range(0, num_runs, 8):  # Every eighth row ends with a byte.
        rows = mask[start : start + 8]
        rest = packed[start * num_examples // 8 :]
        bits = np.unpackbits(rest[: -(-rows.size // 8)], count=rows.size)
        rows[...] = bits.reshape(rows.shape)
    return mask


def duplicates(study: Study) -> Json:
    """Returns counts and ids of images with identical pixels, the content of duplicates.json.

    A study without a folder has none.

    Examples:
      >>> duplicates(load(workdir))["train_copies"]
      0
    """
    return (
        _NO_DUPLICATES
        if study.workdir is None
        else files.read_json(study.workdir / DUPLICATES_FILE)
    )
