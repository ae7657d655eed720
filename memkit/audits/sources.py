"""The data that a user names on the command line, as a `dataset` section of a config."""

import collections
import os
import pathlib

import PIL.Image

from memkit import data
from memkit.data import listing
from memkit.errors import expected
from memkit.typing import Json

MOST_SIDE = 32  # pixels; larger images are resized, because training takes longer
_SAMPLED = 200  # images whose sizes are read


def dataset(words: str, *, most_side: int = MOST_SIDE) -> Json:
    """Returns the `dataset` section of a config, without its normalization.

    Damaged images of a folder are skipped, and the notes of the data set name them. Images keep
    their size if they all have the same one of at most `most_side` pixels. Otherwise they are
    resized to squares.

    Args:
      words: a folder of images (`train/<class>/*` and `test/<class>/*`, or `<class>/*` alone, whose
        images are then all audited), a csv or parquet file of file names and labels, an npz file,
        or the name of a data set, such as "cifar10".
      most_side: pixels of a side to which larger images are resized; not for the last two.

    Raises:
      InputError: it is none of these.
    """
    path = pathlib.Path(os.path.expanduser(words))
    if path.is_dir():
        options = {"test_fraction": 0.0, "image_size": _side(path, most_side), "skip_bad": True}
        return {"name": "folder", "path": words, **options}
    if path.suffix.lower() in listing.TABLES and path.exists():
        options = {"test_fraction": 0.0, "image_size": most_side, "skip_bad": True}
        return {"name": "table", "path": words, **options}
    if path.suffix == ".npz" and path.exists():
        return {"name": "npz", "path": words}
    if words in data.SOURCES and words not in ("folder", "npz", "table"):
        return {"name": words}
    expectation = (
        "a folder of images, a csv or parquet file of file names and labels, an npz file or the "
        "name of a data set such as cifar10"
    )
    raise expected("--data", expectation, f"{words!r}, which is none of these")


def _side(root: pathlib.Path, most_side: int) -> int:
    """Returns the side to which images are resized; 0 if they keep their size."""
    part = "train" if (root / "train").is_dir() else ""
    files = list(listing.classes(root, part).images.values())
    sizes: collections.Counter[tuple[int, int]] = collections.Counter()
    for file in files[:: max(1, len(files) // _SAMPLED)]:
        try:
            with PIL.Image.open(file) as image:
                sizes[image.size] += 1
        except (OSError, PIL.Image.DecompressionBombError):
            continue  # Loading the data set reports it.
    (width, height), _ = (sizes.most_common(1) or [((most_side, most_side), 0)])[0]
    if len(sizes) == 1 and max(width, height) <= most_side:
        return 0
    return min(most_side, max(width, height))
