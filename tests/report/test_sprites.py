import base64
import io

import numpy as np
import pytest
from PIL import Image

from benchmarks import report_page
from memkit.report import sprites
from memkit.seeds import stream


def _grid(url):
    head, body = url.split(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


def _cut(album):
    """Yields each example of an album with its picture [h, w, 3]."""
    examples = iter(album.examples.tolist())
    for sheet in album.sheets:
        grid = _grid(sheet.url)
        for number in range(sheet.count):
            x = number % sheet.columns * sheet.tile[0]
            y = number // sheet.columns * sheet.tile[1]
            yield next(examples), grid[y : y + album.height, x : x + album.width]
    assert next(examples, None) is None


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_small_pictures_keep_every_pixel(count, channels, monkeypatch):
    monkeypatch.setattr(sprites, "PER_SHEET", 5)
    images = stream(0, "tests/sprites").integers(0, 256, (20, 5, 7, channels), dtype=np.uint8)
    examples = list(range(20))[::-1][:count]
    result = dict(_cut(sprites.album(images, examples[:2], examples)))
    assert list(result) == examples
    for example, picture in result.items():
        np.testing.assert_array_equal(picture, np.broadcast_to(images[example], picture.shape))


def test_one_picture_keeps_every_pixel():
    image = stream(1, "tests/sprites").integers(0, 256, (5, 7, 1), dtype=np.uint8)
    result = _grid(sprites.picture(image))
    np.testing.assert_array_equal(result, np.broadcast_to(image, result.shape))


def test_many_pictures_are_stored_smaller_and_never_mix_with_their_neighbors(monkeypatch):
    monkeypatch.setattr(sprites, "LOSSLESS_BYTES", 1_000)
    # Black beside white: any mixture would show as gray.
    images = np.zeros((16, 20, 28, 3), np.uint8)
    images[::2] = 255
    album = sprites.album(images, [], range(16), size=10_000)
    assert {sheet.tile for sheet in album.sheets} == {(32, 32)}
    for example, picture in _cut(album):
        assert np.abs(picture.astype(int) - images[example].astype(int)).max() <= 3


def test_less_room_means_stronger_compression_and_then_an_evenly_spaced_sample(monkeypatch):
    monkeypatch.setattr(sprites, "LOSSLESS_BYTES", 100_000)
    images = report_page.images(400, 0)
    errors = []
    for size in (600_000, 100_000, 30_000):
        album = sprites.album(images, [399, 5], range(400), size=size)
        assert len(album.examples) == len(set(album.examples))
        assert album.examples[:2].tolist() == [399, 5]
        assert sum(len(sheet.url) for sheet in album.sheets) < 1.1 * size
        pictures = dict(_cut(album))
        for example in (399, 5):
            np.testing.assert_array_equal(pictures[example], images[example])
        difference = [np.abs(pictures[i].astype(int) - images[i]).mean() for i in pictures]
        errors.append(np.mean(difference))
    assert errors == sorted(errors)
    kept = np.sort(album.examples)
    assert 50 < len(kept) < 300
    assert np.diff(kept).max() <= 2 * 400 / len(kept) + 1


def test_pictures_that_are_read_one_by_one_are_at_most_so_many():
    class Blocks:
        def __getitem__(self, row):
            return np.full((4, 4, 1), row, np.uint8)

    result = dict(_cut(sprites.album(Blocks(), [3], range(256), most=2, size=10_000)))
    assert {k: v.max() for k, v in result.items()} == {3: 3, 0: 0, 255: 255}


def test_without_examples_there_is_no_album():
    assert sprites.album(np.zeros((3, 8, 8, 1), np.uint8), ()) is None
