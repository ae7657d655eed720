"""Reads the prepared files of TFDS data sets without starting TensorFlow."""

import concurrent.futures
import struct
from collections.abc import Iterator
from typing import Any

from etils import epath

from memkit.errors import InputError, expected, reason
from memkit.printable import printable

_LENGTH, _CHECKSUM_BYTES = struct.Struct("<Q"), 4  # of a TFRecord file


def examples(builder: Any, split: str) -> Iterator[dict[str, Any]]:
    """Yields the features of the examples of a split in stored order; images stay encoded.

    Args:
      builder: a `tfds.core.DatasetBuilder` whose data set is prepared.

    Raises:
      InputError: a file is truncated or damaged.
    """
    import tensorflow_datasets as tfds

    decoders = {"image": tfds.decode.SkipDecoding()}
    if builder.info.file_format is not tfds.core.FileFormat.TFRECORD:
        yield from builder.as_data_source(split, decoders=decoders)
        return
    for path in _paths(builder, split):
        for record in records(path):
            try:
                yield builder.info.features.deserialize_example_np(record, decoders=decoders)
            except Exception as error:  # Of protobuf or TFDS, if bits of the record were flipped.
                raise _damaged(path, first_line(error)) from None


def sizes(builder: Any, splits: dict[str, str]) -> dict[str, list[tuple[str, int]]]:
    """Returns {part: [(file name, bytes)]} of the files of {part: split}.

    The files are queried in parallel, because every query to an object store takes long.
    """
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return {
            part: list(pool.map(_size, _paths(builder, split))) for part, split in splits.items()
        }


def records(path: epath.Path) -> Iterator[bytes]:
    """Yields the records of a TFRecord file; the checksums in the file are not checked.

    Raises:
      InputError: the file is truncated.
    """
    with path.open("rb") as file:
        while header := file.read(_LENGTH.size + _CHECKSUM_BYTES):
            length = _LENGTH.unpack_from(header)[0] if len(header) > _LENGTH.size else 0
            record = file.read(length)
            is_complete = length and len(record) == length
            if not is_complete or len(file.read(_CHECKSUM_BYTES)) < _CHECKSUM_BYTES:
                raise _damaged(path, "it is truncated")
            yield record


def _paths(builder: Any, split: str) -> list[epath.Path]:
    try:
        return list(builder.info.splits[split].filepaths)
    except ValueError as error:  # The pattern of file names in dataset_info.json is invalid.
        raise _damaged(builder.data_path, first_line(error)) from None


def _size(file: epath.Path) -> tuple[str, int]:
    return file.name, file.stat().length


def _damaged(path: epath.Path, problem: str) -> InputError:
    return expected("dataset.data_dir", "undamaged files", f"{path} ({problem})")


def first_line(error: BaseException) -> str:
    """Returns the first line of the reason of an exception."""
    return printable(reason(error).strip().splitlines()[0])
