"""Reads C-scores, and columns of ids and scores (npz, CSV, parquet)."""

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
from etils import epy

from memkit import storage
from memkit.comparisons import archives
from memkit.comparisons.published import Published
from memkit.errors import expected
from memkit.printable import original_cell
from memkit.typing import Array, Path

with epy.lazy_imports():
    import pyarrow
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet as arrow_parquet

IDS = ("id", "ids", "file_name", "filename", "filenames", "tr_filenames")
ROWS = ("row", "rows", "index", "idx")
LABELS = ("label", "labels", "given_label", "tr_labels")
# Names of score columns and the quantity they hold; the first that is present is read.
SCORES = {
    "memorization_correct": "memorization",
    "memorization": "memorization",
    "mem": "memorization",
    "tr_mem": "memorization",
    "consistency_correct": "consistency",
    "consistency": "consistency",
    "cscore": "consistency",
    "cscores": "consistency",
    "score": "score",
    "scores": "score",
}
_OTHER_SCORES = {"memorization_prob": "memorization", "consistency_prob": "consistency"}


def is_cscores(keys: Set[str]) -> bool:
    """Returns True if an npz file with these keys holds the C-scores of Jiang et al. (2021)."""
    return keys == {"labels", "scores"}


def read_cscores(arrays: archives.Archive) -> Published:
    """Reads C-scores; higher = easier."""
    values = archives.numbers(arrays, "scores").astype(np.float64)
    labels = archives.numbers(arrays, "labels", length=len(values))
    rows = np.arange(len(values))
    return Published("cscores", "consistency", values, rows, labels=labels)


def columns_of_npz(arrays: archives.Archive) -> dict[str, Array]:
    """Returns {key: array [n]}, the arrays with one axis of an npz file."""
    by_key = {key: arrays[key] for key in arrays.files}
    return {key: array for key, array in by_key.items() if array.ndim == 1}


def columns_of_table(where: Path) -> dict[str, Array]:
    """Returns {column: array [n]} of a CSV file (with a header) or a parquet file.

    Columns of ids are read as text, since 00017 and 17 are different ids. Marks that memkit puts
    before cells that a spreadsheet would evaluate are removed.

    Raises:
      InputError: the file is not a table, two columns have the same name, or a row has no id.
    """
    is_csv = not str(where).endswith(".parquet")
    data = pyarrow.BufferReader(storage.path(where).read_bytes())
    try:
        table = _csv(data) if is_csv else arrow_parquet.read_table(data)
    except pyarrow.ArrowException as error:
        reason = " ".join(str(error).split())
        raise expected("--with", "a table with a header", f"{where} ({reason})") from None
    names = table.column_names
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise expected("--with", "columns of different names", f"{repeated[0]!r} twice in {where}")
    return {name: _array(name, table[name], is_csv) for name in names}


def _csv(data: Any) -> Any:
    return arrow_csv.read_csv(
        data,
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pyarrow.string() for name in IDS}
        ),
    )


def _array(name: str, column: Any, is_csv: bool) -> Array:
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if name in IDS and column.null_count:
        raise expected(name, "an id in every row", f"{column.null_count} rows without one")
    if pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind):
        column = column.cast(pyarrow.string())
    if column.type not in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()):
        return column.to_numpy()
    cells = column.to_pylist()
    return np.array([original_cell(c) for c in cells] if is_csv else cells, dtype=str)


def read_columns(layout: str, columns: Mapping[str, Array], *, score: str = "") -> Published:
    """Reads scores from columns of equal length.

    Args:
      layout: name of the layout, "columns" or "table".
      columns: {name: array [n]}.
      score: name of the column of scores; "" = the first of `SCORES` that is present.

    Raises:
      InputError: there is no such column, it does not hold numbers, or the columns that are read
        have different lengths.
    """
    name = score or next((name for name in SCORES if name in columns), "")
    if name not in columns or columns[name].dtype.kind not in "biuf":
        names = ", ".join(sorted(columns)) or "none"
        expectation = f"a column of numbers {name!r}" if name else f"a column {', '.join(SCORES)}"
        raise expected("--with", f"{expectation} (choose with --score)", f"columns {names}")
    values = columns[name].astype(np.float64)
    ids, rows, labels = (
        next((columns[key] for key in keys if key in columns), None) for keys in (IDS, ROWS, LABELS)
    )
    for key, column in (("ids", ids), ("rows", rows), ("labels", labels)):
        if column is not None and len(column) != len(values):
            raise expected(key, f"{len(values)} entries, one per score", len(column))
    if ids is not None:
        ids = archives.as_text("ids", ids)
    for key, column in (("rows", rows), ("labels", labels)):
        if column is not None and column.dtype.kind not in "iu":
            raise expected(key, "whole numbers", column.dtype)
    quantities = SCORES | _OTHER_SCORES
    return Published(
        layout=layout,
        quantity=quantities[name] if name in quantities else "score",
        values=values,
        rows=np.arange(len(values)) if rows is None else rows.astype(np.int64),
        ids=ids,
        labels=None if labels is None else labels.astype(np.int64),
    )
