"""The run record: what one trained model said about every example, in one npz file.

`SCHEMA` is the one description of the file; the writer, the reader, the documentation and the
tests use it. A record that exists under its final name is done; a record that does not match its
checksum, its study or its place is never used.
"""

import dataclasses
import hashlib
import io
import json

import numpy as np

from memkit import storage

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Field:
    """One array of a record.

    Attributes:
      dtype: type in memory; "label" is uint8 or uint16, the smallest that holds every class.
      shape: axis names out of N (train examples), T (test examples), E (epochs), C (classes).
      meaning: one sentence with units and direction.
      where: the field of the config's `record` section that asks for it; "" is always.
    """

    dtype: str
    shape: str
    meaning: str
    where: str = ""


SCHEMA = {
    "train_correct": Field("bool", "N", "prediction equals the given label; stored as packed bits"),
    "test_correct": Field("bool", "T", "prediction equals the label; stored as packed bits"),
    "train_logodds": Field(
        "float16", "N", "log p - log(1 - p), p = probability of the given label"
    ),
    "test_logodds": Field(
        "float16", "T", "the same for test examples; higher = surer of the label"
    ),
    "train_predicted": Field("label", "N", "class of the largest logit, un-augmented image"),
    "test_predicted": Field("label", "T", "class of the largest logit"),
    "num_seen": Field("uint16", "N", "epochs in which a batch held the example", "history_runs"),
    "num_correct": Field("uint16", "N", "... and it was predicted as given", "history_runs"),
    "num_forgotten": Field("uint16", "N", "times it went from right to wrong", "history_runs"),
    "epoch_learned": Field(
        "uint16", "N", "first epoch from which it stayed right; epochs if never", "history_runs"
    ),
    "loss_sum": Field("float32", "N", "sum of its loss, nats; higher = harder", "history_runs"),
    "prob_mean": Field("float16", "N", "mean probability of its label", "history_runs"),
    "prob_variance": Field("float16", "N", "variance of that probability", "history_runs"),
    "margin_mean": Field("float16", "N", "mean of label logit - largest other", "history_runs"),
    "train_probs": Field("float16", "NC", "softmax probability of every class", "all_probs"),
    "curve": Field("float32", "E3", "per epoch: mean training loss (nats), accuracy, last rate"),
}

INFO = {
    "format": "version of this file format",
    "fingerprint": "hash of every config field and datum that can change the arrays",
    "point": "name of the point",
    "run": "index m of the run, row m of the design",
    "subset": "hash of row m of the design's train mask",
    "status": "done, collapsed (train accuracy under 2 / classes), diverged (non-finite loss) or "
    "blocked (its teacher diverged)",
    "train_accuracy": "share of the run's own training examples it predicts as given",
    "test_accuracy": "share of the test examples it predicts right",
    "steps": "training steps done",
    "seconds": "wall time of training and evaluation",
    "engine": "tensorflow or jax",
    "device": "what the engine ran on",
    "host": "name of the machine",
    "processor": "model and vector instructions of its processor; records of earlier versions do "
    "not have it",
    "versions": "of Python and the packages that compute",
    "checksum": "hash of every array and of the other entries here",
}

NEWER = ("processor",)  # entries that records of earlier versions lack

USABLE = ("done", "collapsed")  # statuses whose outcomes are averaged


class RecordError(Exception):
    """A file under a record's name that is not that record; the message says why."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What fixes a record's arrays: the lengths of its axes, and the optional arrays asked for."""

    train: int
    test: int
    epochs: int
    classes: int
    asked: tuple = ()


def label_dtype(num_classes):
    """The smallest unsigned type that holds every class number."""
    return np.dtype("uint8" if num_classes <= 256 else "uint16")


def array_specs(sizes):
    """Returns {name: (dtype, shape)} of every array of a record of these sizes."""
    lengths = {"N": sizes.train, "T": sizes.test, "E": sizes.epochs, "C": sizes.classes, "3": 3}
    label = label_dtype(sizes.classes)
    return {
        name: (
            label if field.dtype == "label" else np.dtype(field.dtype),
            tuple(lengths[axis] for axis in field.shape),
        )
        for name, field in SCHEMA.items()
        if not field.where or field.where in sizes.asked
    }


def num_bytes(sizes):
    """Returns the bytes of one record's arrays before compression."""
    return sum(
        -(-shape[0] // 8) if dtype.kind == "b" else int(np.prod(shape)) * dtype.itemsize
        for dtype, shape in array_specs(sizes).values()
    )


def subset_hash(train_mask):
    """Returns the hash that ties a record to its row of the design; train_mask is [N] bool."""
    return hashlib.sha256(np.packbits(train_mask).tobytes()).hexdigest()[:16]


def write(where, arrays, info, sizes, *, inside=None):
    """Writes one record atomically.

    Args:
      where: path of the file.
      arrays: {name: array} with exactly the names, types and shapes of `array_specs(sizes)`.
      info: {name: value} with exactly the names of `INFO` but `format` and `checksum`.
      sizes: Sizes.
      inside: see `storage.write`.

    Raises:
      ValueError: an array or entry is missing, unknown, or of another type or shape.
      OSError: the file cannot be written; nothing is left behind.
    """
    _check_arrays(arrays, sizes)
    info = {"format": FORMAT, **info}
    if set(info) != set(INFO) - {"checksum"}:
        raise ValueError(f"info: expected {sorted(INFO)}, received {sorted(info)}")
    info["checksum"] = _checksum(arrays, info)
    stored = {
        name: np.packbits(array) if array.dtype == bool else array for name, array in arrays.items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, info=np.array(json.dumps(info, sort_keys=True)), **stored)
    storage.write(where, buffer.getvalue(), inside=inside)


def read(where, sizes):
    """Reads one record and checks that it is whole.

    Args:
      where: path of the file.
      sizes: Sizes of the study it belongs to.

    Returns:
      (arrays, info) as they were given to `write`.

    Raises:
      RecordError: truncated, altered, of other sizes, or not a record at all.
      OSError: the file cannot be read; that says nothing about the record.
    """
    try:
        data = storage.read(where)
    except IsADirectoryError as error:
        raise RecordError("a folder or device, not a file") from error
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        info = json.loads(str(stored.pop("info")))
        declared = info["checksum"]
    except Exception as error:  # Damaged bytes make the zip and npy readers raise almost anything.
        raise RecordError(f"not a whole record ({type(error).__name__})") from error
    if info.get("format") != FORMAT:
        raise RecordError(f"format {info.get('format')}, this memkit reads {FORMAT}")
    arrays = _unpack(stored, sizes)
    try:
        _check_arrays(arrays, sizes)
    except ValueError as error:
        raise RecordError(str(error)) from error
    if _checksum(arrays, info) != declared:
        raise RecordError("checksum does not match")
    return arrays, info


def read_info(where):
    """Reads the scalars of a record and nothing else, so neither arrays nor checksum are checked.

    Raises:
      RecordError: the file does not begin like a record.
      OSError: the file cannot be read.
    """
    try:
        storage.check_regular(where)
        with storage.path(where).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            info = json.loads(str(stored["info"]))
    except IsADirectoryError as error:
        raise RecordError("a folder or device, not a file") from error
    except OSError:
        raise
    except Exception as error:  # As in `read`.
        raise RecordError(f"not a whole record ({type(error).__name__})") from error
    if not isinstance(info, dict) or not INFO.keys() - set(NEWER) <= info.keys():
        raise RecordError("not a whole record (entries are missing)")
    return info


def _unpack(stored, sizes):
    arrays = dict(stored)
    for name, (dtype, shape) in array_specs(sizes).items():
        if dtype.kind == "b" and name in arrays and arrays[name].dtype == np.uint8:
            bits = np.unpackbits(arrays[name])
            if bits.size - shape[0] in range(8):
                arrays[name] = bits[: shape[0]].astype(bool)
    return arrays


def _check_arrays(arrays, sizes):
    specs = array_specs(sizes)
    if set(arrays) != set(specs):
        raise ValueError(f"arrays: expected {sorted(specs)}, received {sorted(arrays)}")
    for name, (dtype, shape) in specs.items():
        if arrays[name].dtype != dtype or arrays[name].shape != shape:
            received = f"{arrays[name].dtype} {list(arrays[name].shape)}"
            raise ValueError(f"{name}: expected {dtype} {list(shape)}, received {received}")


def _checksum(arrays, info):
    digest = hashlib.sha256()
    entries = {name: value for name, value in info.items() if name != "checksum"}
    digest.update(json.dumps(entries, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
