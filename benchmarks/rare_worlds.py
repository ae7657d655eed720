"""Data sets of digits with planted rare groups and planted wrong labels, for `rare_or_wrong`.

Images are in color, so that a group can differ in its color alone. A group has 1 to 5 members of
one class, which are changed in the same way and keep their label:

  font      drawn by Pillow in one font (plain, bold, slanted or hollow), each at its own place
  rotated   turned by 90 or, where this is no other digit, by 180 degrees
  inverted  black on white; one group, because all such images resemble each other
  colored   the ink has one color instead of white
  thick     thick strokes

Wrong labels are drawn evenly from the other classes, for images that are in no group.
"""

import dataclasses

import numpy as np
import scipy.ndimage
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits

from memkit import seeds
from memkit.errors import expected
from memkit.seeds import Generator
from memkit.typing import Array, BoolArray, IntArray, Path, TextArray

SIZES = (1, 2, 3, 4, 5)  # members of a group
KINDS = ("font", "rotated", "inverted", "colored", "thick")
WRONG = 0.05  # share of wrong labels
_TURNED = {180: (3, 4, 7), 90: (1, 2, 3, 4, 5, 7)}  # degrees: classes that are then no other digit
_COLORS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1))
_FONTS = ("plain", "bold", "slanted", "hollow")
_CANVAS = 56  # pixels on which letters are drawn before they are reduced
_DIGITS_TRAIN = 1437


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """A data set in which it is known what is rare and what is wrong.

    Attributes:
      train_images: [N, side, side, 3] uint8.
      true: [N] int, true labels.
      given: [N] int, given labels, some of them wrong.
      rare: [N] text, one of `KINDS`, or "" outside the groups.
      size: [N] int, members of the group; 0 outside.
      test_images: [T, side, side, 3] uint8.
      test_labels: [T] int.
    """

    train_images: Array
    true: IntArray
    given: IntArray
    rare: TextArray
    size: IntArray
    test_images: Array
    test_labels: IntArray

    @property
    def is_wrong(self) -> BoolArray:
        """[N] bool, True where the given label is wrong."""
        return self.true != self.given

    def save(self, path: Path) -> None:
        """Writes an npz file with x_train, y_train (the given labels), x_test and y_test."""
        np.savez(
            path,
            x_train=self.train_images,
            y_train=self.given,
            x_test=self.test_images,
            y_test=self.test_labels,
        )


def world(npz: str, seed: int, *, count: int = 2000, tests: int = 500, rare: bool = True) -> World:
    """Returns a world of images that a seed draws.

    Args:
      npz: file with x_train [n, side, side] uint8 and y_train [n] of the digits 0 to 9; "" for
        scikit-learn's digits, 1,437 to train on and the rest for tests.
      seed: of the images, the groups and the labels.
      count: number of train images from an npz file.
      tests: number of test images from an npz file.
      rare: whether there are groups.
    """
    rng = seeds.stream(seed, "benchmarks/rare_worlds")
    if npz:
        with np.load(npz) as arrays:
            source, labels = arrays["x_train"], arrays["y_train"].astype(np.int64)
    else:
        digits = load_digits()
        source, labels = (digits.images * 255 / 16).astype(np.uint8), digits.target
        count, tests = _DIGITS_TRAIN, len(labels) - _DIGITS_TRAIN
    if source.ndim != 3:
        raise expected("--npz", "gray images [n, side, side] in x_train", source.shape)
    rows = rng.permutation(len(source))[: count + tests]
    images = np.repeat(source[rows][..., None], 3, axis=3)
    labels = labels[rows]
    kinds, size = np.full(count, "", "<U8"), np.zeros(count, np.int64)
    if rare:
        _plant_groups(images[:count], labels[:count], kinds, size, seed=seed, rng=rng)
    given = labels[:count].copy()
    flipped = rng.choice(np.flatnonzero(size == 0), round(WRONG * count), replace=False)
    given[flipped] = (given[flipped] + rng.integers(1, 10, len(flipped))) % 10
    return World(images[:count], labels[:count], given, kinds, size, images[count:], labels[count:])


def _plant_groups(
    images: Array, labels: IntArray, kinds: TextArray, size: IntArray, *, seed: int, rng: Generator
) -> None:
    """Changes the images of the groups and names them in `kinds` and `size`."""
    for kind in KINDS:
        sizes = (SIZES[seed % len(SIZES)],) if kind == "inverted" else SIZES
        classes = rng.permutation(_TURNED[90] if kind == "rotated" else 10)
        looks = rng.permutation(len(_COLORS))
        for group, members in enumerate(sizes):
            chosen = int(classes[group])
            free = np.flatnonzero((labels == chosen) & (size == 0))
            rows = rng.choice(free, members, replace=False)
            images[rows] = _changed(images[rows], kind, chosen, int(looks[group]), rng)
            kinds[rows], size[rows] = kind, members


def _changed(images: Array, kind: str, label: int, look: int, rng: Generator) -> Array:
    """Returns the images [n, side, side, 3] of a group of one look."""
    side = images.shape[1]
    if kind == "font":
        drawn = [letter(str(label), _FONTS[look % len(_FONTS)], side, rng) for _ in images]
        return np.repeat(np.stack(drawn)[..., None], 3, axis=3)
    if kind == "rotated":
        turns = 2 if label in _TURNED[180] and look % 2 else 1
        return np.rot90(images, turns, axes=(1, 2))
    if kind == "inverted":
        return 255 - images
    if kind == "colored":
        return images * np.array(_COLORS[look], np.uint8)
    wide = max(2, round(side / 7))
    return scipy.ndimage.maximum_filter(images, (1, wide, wide, 1))


def letter(text: str, font: str, side: int, rng: Generator) -> Array:
    """Returns a picture [side, side] uint8 of a letter in the font of Pillow, white on black.

    Args:
      text: one letter.
      font: "plain", "bold", "slanted" or "hollow".
      side: pixels.
      rng: draws its place, within a fourteenth of the side, and its size, within 5%.
    """
    face = ImageFont.load_default(_CANVAS * rng.uniform(0.95, 1.05))
    center = _CANVAS / 2 + rng.uniform(-1, 1, 2) * _CANVAS / 14
    place = (float(center[0]), float(center[1]))
    picture = Image.new("L", (_CANVAS, _CANVAS))
    stroke = {"plain": 0, "bold": 3, "slanted": 0, "hollow": 3}[font]
    ink = 0 if font == "hollow" else 255
    draw = ImageDraw.Draw(picture)
    draw.text(place, text, fill=ink, font=face, anchor="mm", stroke_width=stroke, stroke_fill=255)
    if font == "slanted":
        shear = (1, 0.4, -0.2 * _CANVAS, 0, 1, 0)
        picture = picture.transform(picture.size, Image.Transform.AFFINE, shear)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))
