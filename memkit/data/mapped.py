"""Images that stay in a file: only those asked for are read. And what tells images apart."""

import dataclasses
import hashlib

import numpy as np

HASH_BYTES = 16


@dataclasses.dataclass(frozen=True, eq=False)
class MappedImages:
    """Some rows of a file of images, in any order; takes the place of an array [N, H, W, C].

    `images[rows]` reads nothing, `images[i]` one image, `np.asarray(images)` all of them.

    Attributes:
      pixels: [R, H, W, C] uint8, memory-mapped.
      hashes: [R, 16] uint8, `image_hashes` of every row of the file.
      rows: [N] int, the rows of the file that these images are.
    """

    pixels: np.ndarray
    hashes: np.ndarray
    rows: np.ndarray

    def __len__(self):
        return len(self.rows)

    @property
    def shape(self):
        """(N, H, W, C)."""
        return (len(self.rows), *self.pixels.shape[1:])

    @property
    def ndim(self):
        """4."""
        return self.pixels.ndim

    @property
    def dtype(self):
        """uint8."""
        return self.pixels.dtype

    @property
    def nbytes(self):
        """Bytes of all these images, were they in memory."""
        return int(np.prod(self.shape))

    def __getitem__(self, chosen):
        """Returns one image [H, W, C] of an int, MappedImages of a slice, ints or bools."""
        rows = self.rows[chosen]
        return dataclasses.replace(self, rows=rows) if rows.ndim else np.array(self.pixels[rows])

    def __array__(self, dtype=None, copy=None):
        """Reads all images; NumPy calls this wherever it wants an array."""
        return self.pixels[self.rows].astype(dtype or np.uint8, copy=False)


def image_hash(image):
    """Returns the 16 bytes that identify the pixels of one image [H, W, C] uint8."""
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=HASH_BYTES).digest()


def image_hashes(images):
    """Returns what identifies the pixels of each image.

    Args:
      images: [N, H, W, C] uint8 or MappedImages, whose pixels are not read.

    Returns:
      [N, 16] uint8; rows are equal where images of one shape are.
    """
    if isinstance(images, MappedImages):
        return images.hashes[images.rows]
    joined = b"".join(image_hash(image) for image in images)
    return np.frombuffer(joined, np.uint8).reshape(-1, HASH_BYTES)
