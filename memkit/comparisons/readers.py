"""Registry of the layouts of score files, and the function that reads any of them."""

from memkit import storage
from memkit.comparisons import archives, aux_arrays, feldman_zhang, plain
from memkit.comparisons.published import Published
from memkit.errors import expected, missing
from memkit.typing import Path

# {layout: description}. The layouts of npz files are recognized by their keys, in this order.
LAYOUTS = {
    "pairs": "high-influence pairs (Feldman & Zhang)",
    "classwise": "class-wise influence matrices (Feldman & Zhang)",
    "cscores": "C-scores (Jiang et al.)",
    "columns": "columns of an npz file",
    "aux_arrays": "tree of aux_arrays.npz files, one per run",
    "table": "table",
}
_NPZ = {
    "pairs": (feldman_zhang.is_pairs, feldman_zhang.read_pairs),
    "classwise": (feldman_zhang.is_classwise, feldman_zhang.read_classwise),
    "cscores": (plain.is_cscores, plain.read_cscores),
}


def read(where: Path, *, score: str = "") -> Published:
    """Reads the scores of a published file.

    Args:
      where: an npz, csv or parquet file, or a folder of `aux_arrays.npz` files.
      score: name of the column of scores in a file of columns; "" = the first of `plain.SCORES`
        that is present.

    Raises:
      InputError: the file does not exist or has none of the layouts.
    """
    source = storage.path(where)
    if not source.exists():
        raise missing("--with", f"file or folder {source}")
    if source.is_dir():
        paths = aux_arrays.files(source)
        if not paths:
            expectation = f"a study or a folder of {aux_arrays.FILE} files"
            raise expected("--with", expectation, f"{source}, which is neither")
        return aux_arrays.read(paths)
    if source.suffix in (".csv", ".parquet"):
        return plain.read_columns("table", plain.columns_of_table(source), score=score)
    if source.suffix != ".npz":
        raise expected("--with", "a .npz, .csv or .parquet file, or a folder", source)
    with archives.opened(source) as arrays:
        keys = set(arrays.files)
        for is_layout, read_layout in _NPZ.values():
            if is_layout(keys) and not score:
                return read_layout(arrays)
        return plain.read_columns("columns", plain.columns_of_npz(arrays), score=score)
