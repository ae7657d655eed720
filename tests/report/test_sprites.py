import base64
import io

import numpy as np
import pytest
from PIL import Image

from memkit.report import sprites
from memkit.seeds import stream


def _grid(sheet):
    head, body = sheet.url.split(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


def _cut(sheet):
    """Yields each example of a sheet with its picture [h, w, 3]."""
    grid = _grid(sheet)
    for tile_number, example in enumerate(sheet.examples):
        x = tile_number % sheet.columns * sheet.tile[0]
        y = tile_number // sheet.columns * sheet.tile[1]
        yield example, grid[y : y + sheet.height, x : x + sheet.width]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_small_pictures_keep_every_pixel(count, channels):
    images = stream(0, "tests/sprites").integers(0, 256, (20, 5, 7, channels), dtype=np.uint8)
    examples = np.arange(20)[::-1][:count]
    result = dict(_cut(sprites.sheet(images, examples)))
    assert list(result) == examples.tolist()
    for example, picture in result.items():
        np.testing.assert_array_equal(picture, np.broadcast_to(images[example], picture.shape))


def test_many_pictures_are_stored_smaller_and_never_mix_with_their_neighbors(monkeypatch):
    monkeypatch.setattr(sprites, "LOSSLESS_BYTES", 1_000)
    # Black beside white: any mixture would show as gray.
    images = np.zeros((16, 20, 28, 3), np.uint8)
    images[::2] = 255
    sheet = sprites.sheet(images, range(16))
    assert sheet.tile == (32, 32)
    for example, picture in _cut(sheet):
        assert np.abs(picture.astype(int) - images[example].astype(int)).max() <= 3


def test_pictures_that_exceed_the_largest_image_are_left_out(monkeypatch):
    monkeypatch.setattr(sprites, "MOST_SIDE", 50)
    sheet = sprites.sheet(np.zeros((40, 8, 8, 1), np.uint8), range(40))
    assert sheet.examples.tolist() == list(range(9))


def test_without_examples_there_is_no_sheet():
    assert sprites.sheet(np.zeros((3, 8, 8, 1), np.uint8), ()) is None


def test_a_sheet_reads_one_picture_at_a_time():
    class Blocks:
        def __getitem__(self, row):
            return np.full((4, 4, 1), row, np.uint8)

    result = dict(_cut(sprites.sheet(Blocks(), [3, 250])))
    assert (result[3].max(), result[250].min()) == (3, 250)
