"""Thumbnails of a study: one file, or many where one would not fit in memory."""

import dataclasses

import numpy as np
import PIL.Image

from memkit import storage
from memkit.studies.study import read_npz, write_npz

FILE, FOLDER = "thumbnails.npz", "thumbnails"
MANY = 100_000  # examples above which each BLOCK of them has a file in FOLDER
BLOCK = 1_000
SIDE = 32  # pixels at most


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Thumbnails in many files; `pictures[i]` reads the one of example i, uint8 [h, w, C].

    Attributes:
      folder: where the files are.
      part: "train" or "test".
      count: examples.
    """

    folder: object
    part: str
    count: int

    def __len__(self):
        return self.count

    def __getitem__(self, row):
        if not 0 <= row < self.count:
            raise IndexError(row)
        with read_npz(self.folder / _name(self.part, row // BLOCK)) as file:
            return file["images"][row % BLOCK]


def write(workdir, dataset):
    """Writes the thumbnails of an ImageDataset, of which it holds one block in memory at a time."""
    images = {"train": dataset.train_images, "test": dataset.test_images}
    if sum(map(len, images.values())) <= MANY:
        write_npz(workdir / FILE, **{part: _shrunk(images[part]) for part in images})
        return
    storage.remove_stale_temporaries(workdir / FOLDER)
    for part in images:
        for block, start in enumerate(range(0, len(images[part]), BLOCK)):
            pictures = _shrunk(images[part][start : start + BLOCK])
            write_npz(workdir / FOLDER / _name(part, block), images=pictures)


def thumbnails(study):
    """Returns (train, test) pictures of at most 32 pixels: uint8 [N, h, w, C].

    Studies of more than MANY examples have Blocks instead, which read one picture at a time.
    """
    if (study.workdir / FILE).exists():
        with read_npz(study.workdir / FILE) as file:
            return file["train"], file["test"]
    folder, sizes = study.workdir / FOLDER, study.sizes
    return Blocks(folder, "train", sizes.train), Blocks(folder, "test", sizes.test)


def _name(part, block):
    return f"{part}_{block:06d}.npz"


def _shrunk(images):
    """Returns images [N, H, W, C] brought to at most SIDE pixels, sides in proportion."""
    height, width, channels = images.shape[1:]
    if max(height, width) <= SIDE:
        return np.asarray(images)
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.empty((len(images), size[1], size[0], channels), np.uint8)
    for row, image in enumerate(images):
        picture = PIL.Image.fromarray(image[..., 0] if channels == 1 else image)
        small[row] = np.asarray(picture.resize(size)).reshape(small.shape[1:])
    return small
