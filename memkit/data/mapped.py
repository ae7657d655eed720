"""Memory-mapped images, and hashes that identify the pixels of images."""

import dataclasses
import hashlib
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from memkit.typing import Array, BoolArray, IntArray

HASH_BYTES = 16


@dataclasses.dataclass(frozen=True, eq=False)
class MappedImages:
    """Rows of a memory-mapped file of images, in any order; replaces an array [N, H, W, C].

    `images[i]` reads one image, `np.asarray(images)` reads all of them, and `images[rows]` with
    several rows reads nothing.

    Attributes:
      pixels: [R, H, W, C] uint8, memory-mapped.
      hashes: [R, 16] uint8, `image_hashes` of every row of the file.
      rows: [N] int, the row of each image in the file.
    """

    pixels: Array
    hashes: Array
    rows: IntArray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        return (len(self.rows), *self.pixels.shape[1:])

    @property
    def ndim(self) -> int:
        """4."""
        return self.pixels.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return self.pixels.dtype

    @property
    def nbytes(self) -> int:
        """The size in bytes of these images as an array in memory."""
        return int(np.prod(self.shape))

    @overload
    def __getitem__(self, chosen: int | np.integer[Any]) -> Array: ...

    @overload
    def __getitem__(self, chosen: slice | IntArray | BoolArray | list[int]) -> "MappedImages": ...

    def __getitem__(self, chosen: Any) -> "Array | MappedImages":
        """Returns an image [H, W, C] for an int, MappedImages for a slice, ints or bools."""
        rows = self.rows[chosen]
        return dataclasses.replace(self, rows=rows) if rows.ndim else np.array(self.pixels[rows])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Reads all images; NumPy calls this method when it needs an array."""
        return self.pixels[self.rows].astype(dtype or np.uint8, copy=False)


Images: TypeAlias = Array | MappedImages


def image_hash(image: Array) -> bytes:
    """Returns 16 bytes that identify the pixels of one image [H, W, C] uint8."""
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=HASH_BYTES).digest()


def image_hashes(images: Images) -> Array:
    """Returns hashes that identify the pixels of each image.

    Args:
      images: [N, H, W, C] uint8. The pixels of MappedImages are not read.

    Returns:
      [N, 16] uint8; two rows are equal if and only if the images are.
    """
    if isinstance(images, MappedImages):
        return images.hashes[images.rows]
    joined = b"".join(image_hash(image) for image in images)
    return np.frombuffer(joined, np.uint8).reshape(-1, HASH_BYTES)
