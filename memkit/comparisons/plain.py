"""Plain files: C-scores, one array, or columns with ids and scores (npz, CSV, parquet)."""

import numpy as np
from etils import epy

from memkit import storage
from memkit.comparisons import archives
from memkit.comparisons.published import Published
from memkit.errors import expected

with epy.lazy_imports():
    import pyarrow
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet as arrow_parquet

IDS = ("id", "ids", "file_name", "filename", "filenames")
ROWS = ("row", "rows", "index", "idx")
LABELS = ("label", "labels", "given_label")
# Names of score columns, the first one found is taken, and what they hold.
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


def is_cscores(keys):
    """True for the C-scores of Jiang et al. (2021): labels and scores, nothing else."""
    return keys == {"labels", "scores"}


def read_cscores(arrays):
    """Reads C-scores; higher = easier."""
    values = archives.numbers(arrays, "scores").astype(np.float64)
    labels = archives.numbers(arrays, "labels", length=len(values))
    rows = np.arange(len(values))
    return Published("cscores", "consistency", values, rows, labels=labels)


def read_array(where):
    """Reads the one array [n] of an npy file, of unknown quantity and order."""
    try:
        with storage.path(where).open("rb") as file:
            values = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise expected("--with", "an npy file of numbers", f"{where} ({reason})") from None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf" or values.ndim != 1:
        raise expected("--with", "an npy file with numbers [n]", where)
    return Published("array", "score", values.astype(np.float64), np.arange(len(values)))


def columns_of_npz(arrays):
    """Returns {key: array [n]} of an npz file, those that are as long as the score."""
    found = {key: arrays[key] for key in arrays.files}
    return {key: array for key, array in found.items() if array.ndim == 1}


def columns_of_table(where):
    """Returns {column: array [n]} of a CSV file (with a header) or a parquet file."""
    data = storage.path(where).read_bytes()
    try:
        if str(where).endswith(".parquet"):
            table = arrow_parquet.read_table(pyarrow.BufferReader(data))
        else:
            table = arrow_csv.read_csv(pyarrow.BufferReader(data))
    except pyarrow.ArrowException as error:
        reason = " ".join(str(error).split())
        raise expected("--with", "a table with a header", f"{where} ({reason})") from None
    return {
        name: column.to_numpy() if column.type != pyarrow.string() else _texts(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _texts(column):
    return np.array(column.to_pylist(), dtype=str)


def read_columns(layout, columns, *, score=""):
    """Reads scores from columns of equal length.

    Args:
      layout: name of the layout.
      columns: {name: array [n]}.
      score: name of the column of scores; "" = the first of `SCORES` that is there.

    Raises:
      InputError: no such column, several candidates, or other lengths.
    """
    name = score or next((name for name in SCORES if name in columns), "")
    if name not in columns or columns[name].dtype.kind not in "biuf":
        found = ", ".join(sorted(columns)) or "none"
        wanted = f"a column of numbers {name!r}" if name else f"a column {', '.join(SCORES)}"
        raise expected("--with", f"{wanted} (choose with --score)", f"columns {found}")
    values = columns[name].astype(np.float64)
    ids, rows, labels = (
        next((columns[key] for key in keys if key in columns), None) for keys in (IDS, ROWS, LABELS)
    )
    for key, column in (("ids", ids), ("rows", rows), ("labels", labels)):
        if column is not None and len(column) != len(values):
            raise expected(key, f"{len(values)} entries, one per score", len(column))
    for key, column in (("rows", rows), ("labels", labels)):
        if column is not None and column.dtype.kind not in "iu":
            raise expected(key, "whole numbers", column.dtype)
    quantities = SCORES | _OTHER_SCORES
    return Published(
        layout=layout,
        quantity=quantities[name] if name in quantities else "score",
        values=values,
        rows=np.arange(len(values)) if rows is None else rows.astype(np.int64),
        ids=None if ids is None else ids.astype(str),
        labels=None if labels is None else labels.astype(np.int64),
    )
