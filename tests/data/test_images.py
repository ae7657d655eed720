import io
import struct
import tracemalloc
import zlib

import numpy as np
import PIL.Image
import pytest

from memkit.data import images
from memkit.errors import DamagedFileError, InputError


def _encoded(picture, file_format, **options):
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.fixture
def halves():
    """A picture of 16x24 whose upper left quarter is white, the rest black."""
    pixels = np.zeros((24, 16, 3), np.uint8)
    pixels[:12, :8] = 255
    return pixels


# How an upright picture is stored, for every EXIF orientation.
_STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a),
    7: lambda a: np.rot90(a[:, ::-1], -1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", _STORED)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_images_of_every_exif_orientation_are_upright(halves, orientation, file_format):
    picture = PIL.Image.fromarray(np.ascontiguousarray(_STORED[orientation](halves)))
    exif = picture.getexif()
    exif[0x0112] = orientation
    options = {"lossless": True} if file_format == "WEBP" else {}
    decoded = images.decode(_encoded(picture, file_format, exif=exif, **options), "x")
    assert decoded.shape == halves.shape
    assert np.abs(decoded.astype(int) - halves).max() < 60


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_exif_data_that_cannot_be_parsed_are_ignored(halves):
    picture = PIL.Image.fromarray(halves)
    encoded = _encoded(picture, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\0\0")
    np.testing.assert_array_equal(
        images.decode(encoded, "x"), images.decode(_encoded(picture, "JPEG"), "y")
    )


def test_transparent_pixels_are_white_and_opaque_pixels_unchanged(pictures):
    pixels = pictures(1, 6, 6, 4)[0]
    pixels[:3, :, 3], pixels[3:, :, 3] = 255, 0
    decoded = images.decode(_encoded(PIL.Image.fromarray(pixels), "PNG"), "x")
    np.testing.assert_array_equal(decoded[:3], pixels[:3, :, :3])
    assert (decoded[3:] == images.BACKGROUND).all()


def test_half_transparent_black_is_gray():
    pixels = np.zeros((4, 4, 2), np.uint8)
    pixels[..., 1] = 128
    decoded = images.decode(_encoded(PIL.Image.fromarray(pixels), "PNG"), "x")
    assert decoded.shape == (4, 4, 1) and set(np.unique(decoded)) == {127}


def test_transparent_colors_of_palettes_and_of_rgb_are_white():
    palette = PIL.Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 9, 8, 7])
    palette.putpixel((0, 0), 0)
    rgb = PIL.Image.new("RGB", (4, 4), (9, 8, 7))
    rgb.putpixel((0, 0), (0, 0, 0))
    gray = PIL.Image.new("L", (4, 4), 9)
    gray.putpixel((0, 0), 0)
    cases = [
        _encoded(palette, "PNG", transparency=0),
        _encoded(palette, "GIF", transparency=0),
        _encoded(rgb, "PNG", transparency=(0, 0, 0)),
        _encoded(gray, "PNG", transparency=0),
    ]
    for encoded in cases:
        decoded = images.decode(encoded, "x")
        assert (decoded[0, 0] == 255).all() and (decoded[1:] < 10).all()


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_image_of_an_animation_is_used(file_format):
    first, second = (PIL.Image.new("RGB", (8, 8), (value,) * 3) for value in (10, 200))
    encoded = _encoded(first, file_format, save_all=True, append_images=[second])
    assert np.abs(images.decode(encoded, "x").astype(int) - 10).max() <= 2


def _chunk(kind, content):
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _png(width, height):
    """A small file whose header says that it is large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = zlib.compress(bytes(100_000))
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", content), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _webp(width, height):
    encoded = bytearray(_encoded(PIL.Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    assert encoded[12:16] == b"VP8L"
    struct.pack_into("<I", encoded, 21, (width - 1) | (height - 1) << 14)
    return bytes(encoded)


def _resized(file_format, offsets, order):
    """A small file whose header says 30,000 x 30,000."""
    encoded = bytearray(_encoded(PIL.Image.new("RGB", (16, 16)), file_format))
    for offset in offsets:
        struct.pack_into(order, encoded, offset, 30_000)
    return bytes(encoded)


_LARGE = {
    "PNG": lambda: _png(9000, 8000),
    "PNG far above": lambda: _png(200_000, 1000),
    "GIF": lambda: _resized("GIF", (6, 8), "<H"),
    "BMP": lambda: _resized("BMP", (18, 22), "<i"),
    "JPEG": lambda: _encoded(PIL.Image.new("L", (9000, 8000)), "JPEG"),
    "WEBP": lambda: _webp(16_000, 16_000),
}


@pytest.mark.parametrize("case", _LARGE)
def test_pixel_limit_is_checked_before_decoding(case, monkeypatch):
    encoded = _LARGE[case]()
    monkeypatch.setattr(PIL.Image.Image, "convert", lambda *_, **__: pytest.fail("decoded"))
    tracemalloc.start()
    with pytest.raises(DamagedFileError, match=r"^big: .*more than .*67,108,864"):
        images.decode(encoded, "big", image_size=32)
    assert tracemalloc.get_traced_memory()[1] < len(encoded) + 2**20
    tracemalloc.stop()


def test_image_at_the_limit_is_decoded(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 64)
    picture = PIL.Image.new("L", (8, 8))
    assert images.decode(_encoded(picture, "PNG"), "x").shape == (8, 8, 1)
    with pytest.raises(DamagedFileError, match="^x: 9 x 8 pixels, more than the limit of 64$"):
        images.decode(_encoded(PIL.Image.new("L", (9, 8)), "PNG"), "x")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_changed_byte_gives_an_image_or_a_one_line_error(file_format, pictures):
    if file_format == "AVIF" and "AVIF" not in images._formats():
        pytest.skip("this Pillow has no AVIF")
    encoded = _encoded(PIL.Image.fromarray(pictures(1, 8, 8, 3)[0]), file_format)
    for position in range(0, len(encoded), max(1, len(encoded) // 150)):
        for value in (0, 255):
            damaged = encoded[:position] + bytes([value]) + encoded[position + 1 :]
            try:
                decoded = images.decode(damaged, "x")
            except InputError as error:
                assert str(error).startswith("x: ") and "\n" not in str(error)
            else:
                assert decoded.dtype == np.uint8 and decoded.ndim == 3


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "an empty file"),
        (b"<html>404</html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n", "not an image"),
    ],
)
def test_the_error_for_other_files_gives_the_reason(content, why):
    with pytest.raises(DamagedFileError, match=f"^x: {why}$"):
        images.decode(content, "x")


def test_control_characters_in_a_name_are_escaped():
    with pytest.raises(DamagedFileError) as caught:
        images.decode(b"", "a\x1b[31m\n.png")
    assert str(caught.value) == r"a\x1b[31m\n.png: an empty file"
