"""Scores of a study for other tools: tables, and the layouts of Feldman & Zhang (2020)."""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from etils import epath, epy

from memkit import storage
from memkit.errors import DamagedFileError, reason
from memkit.printable import printable, spreadsheet_cell
from memkit.studies import derived, files, manifest
from memkit.studies.points import Point
from memkit.studies.study import Study, exists, load
from memkit.typing import Array, BoolArray, FloatArray, IntArray, Path

with epy.lazy_imports():  # Only tables need it, and it is slow to import.
    import pyarrow
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet as arrow_parquet

TABLE_FORMATS = ("parquet", "csv")
_TABLES = "tables"


def write_table(study: Study, name: str, columns: Mapping[str, Array]) -> None:
    """Writes a table to tables/<name>.parquet and .csv.

    Args:
      name: of a point, or of another table.
      columns: {name: array [N]}; NaN is written as a missing value.
    """
    for kind, data in _table_bytes(columns).items():
        derived.write(study, _table_name(name, kind), data)


def write_audit(
    study: Study, columns: Mapping[str, Array], out: Path | None = None
) -> list[epath.Path]:
    """Writes the table of an audit to audit.parquet and .csv; returns the paths.

    Args:
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


def arrow_table(columns: Mapping[str, Array]) -> "pyarrow.Table":
    """Returns columns {name: array [L]} as a pyarrow.Table.

    NaN and masked entries become missing values, and bytes of file names that are not valid UTF-8
    are escaped.
    """
    return pyarrow.table(
        {
            name: pyarrow.array(
                _encodable(np.ma.getdata(array)), mask=_missing(array), from_pandas=True
            )
            for name, array in columns.items()
        }
    )


def _missing(array: Array) -> BoolArray | None:
    return np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None


def _table_bytes(columns: Mapping[str, Array]) -> dict[str, bytes]:
    """Returns {format: content} of a table."""
    table = arrow_table(columns)
    parquet = pyarrow.BufferOutputStream()
    arrow_parquet.write_table(table, parquet)
    contents = (parquet.getvalue().to_pybytes(), _csv(table))
    return dict(zip(TABLE_FORMATS, contents, strict=True))


def _encodable(array: Array) -> Array:
    """Escapes bytes of file names that are not valid UTF-8."""
    if array.dtype.kind != "U":
        return array
    texts = [text.encode("utf-8", "backslashreplace").decode() for text in array.tolist()]
    return np.array(texts, dtype=str)


def _csv(table: "pyarrow.Table") -> bytes:
    """Returns a table as CSV in which no spreadsheet takes a cell for a formula."""
    for number, field in enumerate(table.schema):
        if pyarrow.types.is_string(field.type):
            cells = [None if c is None else spreadsheet_cell(c) for c in table[number].to_pylist()]
            table = table.set_column(number, field, pyarrow.array(cells, field.type))
    csv = pyarrow.BufferOutputStream()
    arrow_csv.write_csv(table, csv, arrow_csv.WriteOptions(quoting_style="needed"))
    return csv.getvalue().to_pybytes()


def export_table(study: Study, point: Point, kind: str, out: Path) -> epath.Path:
    """Writes the table of a point into a folder; returns the path of the file.

    CSV is made from the Parquet file, so its cells are safe even if the study is not trusted.

    Raises:
      InputError: `memkit estimate` has not written the table, or it is damaged.
    """
    name = _table_name(point.name, "parquet")
    data = derived.read(study, name)
    if kind == "csv":
        try:
            data = _csv(arrow_parquet.read_table(pyarrow.BufferReader(data)))
        except (pyarrow.ArrowException, OSError) as error:
            where = study.workdir / name
            raise DamagedFileError(where, reason(error), "run `memkit estimate` again") from None
    return _written(storage.path(out) / f"{point.name}.{kind}", data)


def check_table(path: Path) -> None:
    """Checks a file that lies among the tables of a study; any other file needs no check.

    Raises:
      DamagedFileError: it is not part of the present estimates of the study.
    """
    where = storage.path(path)
    workdir = where.parent.parent
    if where.parent.name != _TABLES or not exists(workdir):
        return
    hashes = manifest.read_manifest(load(workdir))["files"]
    if hashes.get(f"{_TABLES}/{where.name}") != files.sha256(files.read_bytes(where)):
        reason = f"it is not among the present estimates of the study in {workdir}"
        raise DamagedFileError(where, reason, f"{manifest.REMEDY}, or move this file")


def _table_name(name: str, kind: str) -> str:
    return f"{_TABLES}/{name}.{kind}"


def export_pairs(study: Study, point: Point, arrays: Mapping[str, Array], out: Path) -> epath.Path:
    """Writes high-influence pairs under the published names; returns the path of the file.

    The indices in `tr_idx` and `tt_idx` are columns of the study. The ids in `tr_ids` and `tt_ids`
    make the file independent of the order of the columns.

    Args:
      arrays: {"tr_idx", "tt_idx", "infl", "mem": array [P]}.
    """
    options = study.config["report"]
    limits = f"infl{options['min_influence']:g}_mem{options['min_memorization']:g}"
    named = {key: arrays[key] for key in ("tr_idx", "tt_idx", "infl", "mem")}
    named["tr_ids"] = study.examples.train_ids[arrays["tr_idx"]]
    named["tt_ids"] = study.examples.test_ids[arrays["tt_idx"]]
    where = storage.path(out) / f"{point.name}_high_infl_pairs_{limits}.npz"
    return _written(where, _npz(named.items()))


def export_matrices(
    study: Study,
    point: Point,
    memorization: FloatArray,
    blocks: Iterable[tuple[int, IntArray, IntArray, FloatArray]],
    out: Path,
) -> epath.Path:
    """Writes class-wise influence matrices; returns the path. One class is in memory at a time.

    Args:
      memorization: [N] float.
      blocks: iterable of (class, train columns [n], test columns [t], influence [n, t]).
    """
    examples = study.examples
    fixed = {
        "tr_mem": memorization,
        "tr_labels": examples.given_labels,
        "tt_labels": examples.test_labels,
        "tr_ids": examples.train_ids,
        "tt_ids": examples.test_ids,
    }

    def arrays() -> Iterator[tuple[str, Array]]:
        yield from fixed.items()
        for number, train, test, influence in blocks:
            yield f"tr_classidx_{number}", train
            yield f"tt_classidx_{number}", test
            yield f"infl_matrix_class{number}", influence

    return _written(storage.path(out) / f"{point.name}_infl_matrix.npz", _npz(arrays()))


def export_index(study: Study, point: Point, memorization: FloatArray, out: Path) -> epath.Path:
    """Writes ids, labels and memorization in the layout of the ImageNet index; returns the path."""
    examples = study.examples
    arrays = {
        "tr_filenames": examples.train_ids,
        "tr_labels": examples.given_labels,
        "tt_filenames": examples.test_ids,
        "tt_labels": examples.test_labels,
        "tr_mem": memorization,
    }
    return _written(storage.path(out) / f"{point.name}_index.npz", _npz(arrays.items()))


def export_run(
    study: Study, point: Point, run: int, correct: BoolArray, test_correct: BoolArray, out: Path
) -> epath.Path:
    """Writes the outcomes of one run to `<point>/<ratio>/<run>/aux_arrays.npz`.

    Args:
      run: the row of the design.
      correct: [N] bool.
      test_correct: [T] bool.

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


def export_probs(
    study: Study, point: Point, rows: IntArray, probs: FloatArray, out: Path
) -> list[epath.Path]:
    """Writes labels.npy, pred_probs.npy and ids.txt, whose rows are the same examples.

    Args:
      rows: [n] int, the train examples.
      probs: [n, C] float, probabilities of every class.
      out: folder; the files are written into a subfolder named after the point.
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
    """Escapes the line breaks of an id, if there are any."""
    return name if name.splitlines() == [name] else printable(name)


def _npz(arrays: Iterable[tuple[str, Array]]) -> bytes:
    """Returns the content of an npz file of (name, array) pairs, which are consumed one by one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in arrays:
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def _written(where: epath.Path, data: bytes) -> epath.Path:
    storage.write(where, data)
    return where
