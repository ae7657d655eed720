"""Scores of a study for other tools: tables, and the layouts of Feldman & Zhang (2020)."""

import io
import os
import zipfile
from collections.abc import Mapping

import numpy as np
from etils import epy

from memkit import storage
from memkit.errors import DamagedFileError, reason
from memkit.printable import printable, spreadsheet_cell
from memkit.studies import derived
from memkit.studies.points import Point

with epy.lazy_imports():  # Only writing and copying tables needs it.
    import pyarrow
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet as arrow_parquet

TABLE_FORMATS = ("parquet", "csv")
_TABLES = "tables"


def write_table(study, point, columns):
    """Writes the table of a point as tables/<point>.parquet and .csv.

    Args:
      study: Study.
      point: Point.
      columns: {name: array [N]}; NaN is written as a missing value.
    """
    for kind, data in _table_bytes(columns).items():
        derived.write(study, _table_name(point, kind), data)


def write_audit(study, columns, out=None):
    """Writes the table of an audit as audit.parquet and .csv; returns the paths.

    Args:
      study: Study.
      columns: {name: array [L]}; NaN is written as a missing value.
      out: folder; None = the study's tables.
    """
    tables = _table_bytes(columns)
    if out:
        return [
            _written(storage.path(out) / f"audit.{kind}", data) for kind, data in tables.items()
        ]
    names = {kind: f"{_TABLES}/audit.{kind}" for kind in tables}
    for kind, data in tables.items():
        derived.write(study, names[kind], data)
    return [study.workdir / name for name in names.values()]


def _table_bytes(columns: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """Returns {format: content} of a table."""
    table = pyarrow.table(
        {
            name: pyarrow.array(_encodable(array), from_pandas=True)
            for name, array in columns.items()
        }
    )
    parquet = pyarrow.BufferOutputStream()
    arrow_parquet.write_table(table, parquet)
    contents = (parquet.getvalue().to_pybytes(), _csv(table))
    return dict(zip(TABLE_FORMATS, contents, strict=True))


def _encodable(array: np.ndarray) -> np.ndarray:
    """Returns a column in which bytes of file names that are not UTF-8 are escaped."""
    if array.dtype.kind != "U":
        return array
    texts = [text.encode("utf-8", "backslashreplace").decode() for text in array.tolist()]
    return np.array(texts, dtype=str)


def _csv(table) -> bytes:
    """Returns a pyarrow table as CSV in which no cell is a formula to a spreadsheet."""
    for place, field in enumerate(table.schema):
        if pyarrow.types.is_string(field.type):
            cells = [None if c is None else spreadsheet_cell(c) for c in table[place].to_pylist()]
            table = table.set_column(place, field, pyarrow.array(cells, field.type))
    csv = pyarrow.BufferOutputStream()
    arrow_csv.write_csv(table, csv, arrow_csv.WriteOptions(quoting_style="needed"))
    return csv.getvalue().to_pybytes()


def export_table(study, point, kind, out):
    """Writes the table of a point into a folder; returns the path written.

    CSV is made from the Parquet file, so that its cells are safe whoever made the study.

    Raises:
      InputError: `memkit estimate` has not written the table, or it is damaged.
    """
    name = _table_name(point, "parquet")
    data = derived.read(study, name)
    if kind == "csv":
        try:
            data = _csv(arrow_parquet.read_table(pyarrow.BufferReader(data)))
        except (pyarrow.ArrowException, OSError) as error:
            where = study.workdir / name
            raise DamagedFileError(where, reason(error), "run `memkit estimate` again") from None
    return _written(storage.path(out) / f"{point.name}.{kind}", data)


def _table_name(point: Point, kind: str) -> str:
    return f"{_TABLES}/{point.name}.{kind}"


def export_pairs(study, point, arrays, out):
    """Writes high-influence pairs under the published names; returns the path written.

    Beside `tr_idx`, `tt_idx`, `infl` and `mem`, whose indices are the study's columns, stand the
    ids `tr_ids` and `tt_ids`, so that nobody has to know the order of the columns.

    Args:
      study: Study.
      point: Point.
      arrays: {"tr_idx", "tt_idx", "infl", "mem": array [P]}.
      out: folder.
    """
    limits = study.config["report"]
    limits = f"infl{limits['min_influence']:g}_mem{limits['min_memorization']:g}"
    named = {key: arrays[key] for key in ("tr_idx", "tt_idx", "infl", "mem")}
    named["tr_ids"] = study.examples.train_ids[arrays["tr_idx"]]
    named["tt_ids"] = study.examples.test_ids[arrays["tt_idx"]]
    where = storage.path(out) / f"{point.name}_high_infl_pairs_{limits}.npz"
    return _written(where, _npz(named.items()))


def export_matrices(study, point, memorization, blocks, out):
    """Writes class-wise influence matrices, one class in memory at a time; returns the path.

    Args:
      study: Study.
      point: Point.
      memorization: [N] float.
      blocks: iterable of (class, train columns [n], test columns [t], influence [n, t]).
      out: folder.
    """
    examples = study.examples
    fixed = {
        "tr_mem": memorization,
        "tr_labels": examples.given_labels,
        "tt_labels": examples.test_labels,
        "tr_ids": examples.train_ids,
        "tt_ids": examples.test_ids,
    }

    def arrays():
        yield from fixed.items()
        for number, train, test, influence in blocks:
            yield f"tr_classidx_{number}", train
            yield f"tt_classidx_{number}", test
            yield f"infl_matrix_class{number}", influence

    return _written(storage.path(out) / f"{point.name}_infl_matrix.npz", _npz(arrays()))


def export_index(study, point, memorization, out):
    """Writes the index in the layout of ImageNet's: who is who; returns the path written."""
    examples = study.examples
    arrays = {
        "tr_filenames": examples.train_ids,
        "tr_labels": examples.given_labels,
        "tt_filenames": examples.test_ids,
        "tt_labels": examples.test_labels,
        "tr_mem": memorization,
    }
    return _written(storage.path(out) / f"{point.name}_index.npz", _npz(arrays.items()))


def export_run(study, point, run, correct, test_correct, out):
    """Writes the outcomes of one run as `<point>/<ratio>/<run>/aux_arrays.npz`.

    Args:
      study: Study.
      point: Point.
      run: int, the row of the design.
      correct: [N] bool.
      test_correct: [T] bool.
      out: folder.

    Returns:
      The path of the point's folder.
    """
    mask = study.train_mask[run]
    inside, outside = np.flatnonzero(mask), np.flatnonzero(~mask)
    arrays = {
        "subsample_idx": inside,
        "index_train": inside,
        "correctness_train": correct[inside],
        "index_removed": outside,
        "correctness_removed": correct[outside],
        "index_test": np.arange(len(test_correct)),
        "correctness_test": test_correct,
    }
    folder = storage.path(out) / point.name
    ratio = f"{study.config['subsets']['train_fraction']:g}"
    _written(folder / ratio / str(run) / "aux_arrays.npz", _npz(arrays.items()))
    return folder


def export_probs(study, point, rows, probs, out):
    """Writes labels.npy, pred_probs.npy and ids.txt, row by row the same examples.

    Args:
      study: Study.
      point: Point.
      rows: [n] int, the train examples.
      probs: [n, C] float, probabilities of every class.
      out: folder; the files go into one named as the point.

    Returns:
      The paths written.
    """
    folder, examples = storage.path(out) / point.name, study.examples
    arrays = {"labels.npy": examples.given_labels[rows].astype(np.int64), "pred_probs.npy": probs}
    written = []
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        written.append(_written(folder / name, buffer.getvalue()))
    text = "".join(f"{_one_line(name)}\n" for name in examples.train_ids[rows].tolist())
    return [*written, _written(folder / "ids.txt", text.encode("utf-8", "backslashreplace"))]


def _one_line(name: str) -> str:
    """Returns an id with its line breaks, if there are any, escaped."""
    return name if name.splitlines() == [name] else printable(name)


def _npz(arrays):
    """Returns the bytes of an npz file of (name, array) pairs, taken one by one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in arrays:
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def _written(where: os.PathLike, data: bytes) -> os.PathLike:
    storage.write(where, data)
    return where
