"""The Study and its fixed files: who is who, and the design."""

import dataclasses
import io
import json

import numpy as np

from memkit import matrices, records, storage
from memkit.errors import expected
from memkit.studies import checks
from memkit.studies.points import Point, origin, points

STUDY_FILE = "study.json"
EXAMPLES_FILE = "examples.npz"
DESIGN_FILE = "design.npz"
DUPLICATES_FILE = "duplicates.json"


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
    """

    workdir: object
    config: dict
    info: dict
    points: tuple[Point, ...]
    examples: Examples
    train_mask: np.ndarray

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
    return (storage.path(workdir) / STUDY_FILE).exists()


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
      InputError: the folder holds no study, or one of an earlier version, whose config lacks
        fields.
    """
    workdir = storage.path(workdir)
    check_exists(workdir)
    info = json.loads((workdir / STUDY_FILE).read_text())
    config = info.pop("config")
    _check_fields(workdir, config, is_growing)
    with read_npz(workdir / EXAMPLES_FILE) as file:
        examples = Examples(**{f.name: file[f.name] for f in dataclasses.fields(Examples)})
    with read_npz(workdir / DESIGN_FILE) as file:
        mask = _unpacked(file["train_mask"], *file["shape"].tolist())
    # A growth killed between its two writes leaves a longer design, which the next one takes up.
    mask = mask[: config["subsets"]["num_runs"]]
    found = points(config, origin(info))
    return Study(workdir, config, info, found, examples, mask)


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
    mask = matrices.empty((num_runs, num_examples), bool)
    for start in range(0, num_runs, 8):  # Eight rows end where a byte ends.
        rows = mask[start : start + 8]
        part = packed[start * num_examples // 8 :]
        rows.flat = np.unpackbits(part[: -(-rows.size // 8)], count=rows.size)
    return mask


def duplicates(study):
    """Returns counts and ids of images with identical pixels, as duplicates.json has them."""
    return json.loads((study.workdir / DUPLICATES_FILE).read_text())


def write_npz(where, **arrays):
    """Writes arrays to a compressed npz file that appears whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    storage.write(where, buffer.getvalue())


def read_npz(where):
    """Opens an npz file of any storage; pickled objects are refused."""
    return np.load(io.BytesIO(where.read_bytes()), allow_pickle=False)
