"""One registry of layouts; a file's keys say which one it has."""

from memkit import storage
from memkit.comparisons import archives, aux_arrays, feldman_zhang, plain
from memkit.errors import expected

# layout: what it is. The npz layouts are told apart by their keys, in this order.
LAYOUTS = {
    "pairs": "high-influence pairs (Feldman & Zhang)",
    "classwise": "class-wise influence matrices (Feldman & Zhang)",
    "index": "ImageNet index with memorization (Feldman & Zhang)",
    "dense": "memorization with a dense influence matrix",
    "cscores": "C-scores (Jiang et al.)",
    "columns": "columns of an npz file",
    "aux_arrays": "tree of aux_arrays.npz files, one per run",
    "array": "one array",
    "table": "table",
}
_NPZ = {
    "pairs": (feldman_zhang.is_pairs, feldman_zhang.read_pairs),
    "classwise": (feldman_zhang.is_classwise, feldman_zhang.read_classwise),
    "index": (feldman_zhang.is_index, feldman_zhang.read_index),
    "dense": (feldman_zhang.is_dense, feldman_zhang.read_dense),
    "cscores": (plain.is_cscores, plain.read_cscores),
}


def read(where, *, score=""):
    """Reads the scores of a published file.

    Args:
      where: an npz, npy, csv or parquet file, or a folder of `aux_arrays.npz` files.
      score: name of the column of scores in a file of columns; "" = the usual ones.

    Returns:
      Published.

    Raises:
      InputError: none of the layouts; says which there are.
    """
    where = storage.path(where)
    if not where.exists():
        raise expected("--with", "a file or folder that exists", where)
    if where.is_dir():
        found = aux_arrays.files(where)
        if not found:
            wanted = f"a study or a folder of {aux_arrays.FILE} files"
            raise expected("--with", wanted, f"{where} with neither")
        return aux_arrays.read(found)
    if where.suffix == ".npy":
        return plain.read_array(where)
    if where.suffix in (".csv", ".parquet"):
        return plain.read_columns("table", plain.columns_of_table(where), score=score)
    if where.suffix != ".npz":
        raise expected("--with", "a file .npz, .npy, .csv or .parquet, or a folder", where)
    with archives.opened(where) as arrays:
        keys = set(arrays.files)
        for is_layout, read_layout in _NPZ.values():
            if is_layout(keys) and not score:
                return read_layout(arrays)
        return plain.read_columns("columns", plain.columns_of_npz(arrays), score=score)
