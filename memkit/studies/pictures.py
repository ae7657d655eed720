"""Thumbnails of a study: one file, or many if all would not fit in memory."""

import dataclasses

import numpy as np
import PIL.Image
from etils import epath

from memkit import storage
from memkit.data.dataset import ImageDataset
from memkit.data.mapped import MappedImages
from memkit.errors import DamagedFileError
from memkit.studies import files
from memkit.studies.study import Study
from memkit.typing import Array, Path

FILE, FOLDER = "thumbnails.npz", "thumbnails"
MANY = 100_000  # examples above which each BLOCK of them has a file in FOLDER
BLOCK = 1_000
SIDE = 32  # pixels at most


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Thumbnails in many files; `blocks[i]` reads the one of example i, uint8 [h, w, C].

    Attributes:
      folder: folder of the files.
      part: "train" or "test".
      count: number of examples.
    """

    folder: epath.Path
    part: str
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> Array:
        if not 0 <= row < self.count:
            raise IndexError(row)
        where = self.folder / _name(self.part, row // BLOCK)
        length = min(BLOCK, self.count - row // BLOCK * BLOCK)
        return _pictures(where, {"images": length})["images"][row % BLOCK]


def write(workdir: epath.Path, dataset: ImageDataset) -> dict[str, str]:
    """Writes the thumbnails of a data set; one block is in memory at a time.

    Returns:
      {file relative to the workdir: sha256 of its content}.
    """
    images = {"train": dataset.train_images, "test": dataset.test_images}
    if sum(map(len, images.values())) <= MANY:
        return _write(workdir, FILE, {part: shrunk(images[part]) for part in images})
    storage.remove_stale_temporaries(workdir / FOLDER)
    hashes: dict[str, str] = {}
    for part in images:
        for block, start in enumerate(range(0, len(images[part]), BLOCK)):
            pictures = shrunk(images[part][start : start + BLOCK])
            hashes |= _write(workdir, f"{FOLDER}/{_name(part, block)}", {"images": pictures})
    return hashes


def _write(workdir: epath.Path, name: str, arrays: dict[str, Array]) -> dict[str, str]:
    data = files.npz_bytes(arrays)
    storage.write(workdir / name, data, inside=workdir)
    return {name: files.sha256(data)}


def _pictures(where: Path, lengths: dict[str, int]) -> dict[str, Array]:
    """Returns {name: uint8 [length, h, w, 1 or 3]} of a file of thumbnails.

    Raises:
      DamagedFileError: it holds something else.
    """
    arrays = files.read_npz(where)
    if arrays.keys() != lengths.keys():
        raise DamagedFileError(where, f"expected the arrays {', '.join(lengths)}")
    for name, array in arrays.items():
        is_picture = array.ndim == 4 and array.dtype == np.uint8 and array.shape[3] in (1, 3)
        if not is_picture or len(array) != lengths[name]:
            reason = f"{name}: expected {lengths[name]} uint8 pictures, received {array.dtype}"
            raise DamagedFileError(where, f"{reason} {list(array.shape)}")
    return arrays


def thumbnails(study: Study) -> tuple[Array | Blocks, Array | Blocks]:
    """Returns (train, test) pictures of at most 32 pixels: uint8 [N, h, w, C].

    Studies of more than MANY examples have Blocks instead, which read one picture at a time.

    Raises:
      DamagedFileError: the file does not hold one picture per example.

    Examples:
      >>> from memkit import studies
      >>> train, test = thumbnails(studies.load(workdir))
      >>> train.shape, test.shape
      ((60, 8, 8, 1), (21, 8, 8, 1))
    """
    folder, sizes = study.workdir / FOLDER, study.sizes
    if sizes.train + sizes.test <= MANY:
        lengths = {"train": sizes.train, "test": sizes.test}
        pictures = _pictures(study.workdir / FILE, lengths)
        return pictures["train"], pictures["test"]
    return Blocks(folder, "train", sizes.train), Blocks(folder, "test", sizes.test)


def read_thumbnails(study: Study) -> tuple[Array, Array] | None:
    """Returns the same as arrays; None if there are none or too many to read at once."""
    if study.workdir is None:
        return None
    train, test = thumbnails(study)
    if isinstance(train, Blocks) or isinstance(test, Blocks):
        return None
    return train, test


def _name(part: str, block: int) -> str:
    return f"{part}_{block:06d}.npz"


def shrunk(images: Array | MappedImages) -> Array:
    """Returns images [N, H, W, C] of at most SIDE pixels per side, with the same aspect ratio."""
    height, width, channels = images.shape[1:]
    if max(height, width) <= SIDE:
        return np.asarray(images)
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.empty((len(images), size[1], size[0], channels), np.uint8)
    for row in range(len(images)):
        image = images[row]
        picture = PIL.Image.fromarray(image[..., 0] if channels == 1 else image)
        small[row] = np.asarray(picture.resize(size)).reshape(small.shape[1:])
    return small
