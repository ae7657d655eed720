"""Small images, and folders and archives of them in the real formats."""

import io

import numpy as np
import PIL.Image
import pytest


@pytest.fixture
def encode():
    """Returns a function (array [H, W] or [H, W, 3] uint8, format) -> bytes of an image file."""

    def to_bytes(array, file_format="PNG"):
        buffer = io.BytesIO()
        PIL.Image.fromarray(array).save(buffer, file_format)
        return buffer.getvalue()

    return to_bytes


@pytest.fixture
def write_image(encode):
    """Returns a function (path, array) that writes a PNG or JPEG file and its folders."""

    def write(path, array):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(array, "PNG" if path.suffix == ".png" else "JPEG"))

    return write


@pytest.fixture
def pictures():
    """Returns a function (count, *shape, seed=0) -> random uint8 images [count, *shape]."""

    def draw(count, *shape, seed=0):
        return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)

    return draw
