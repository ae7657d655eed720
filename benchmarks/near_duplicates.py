r"""Compares ways to find near-duplicates: structure of aligned pixels, a hash, learned features.

  python -m benchmarks.near_duplicates --workdir=WORKDIR --out=DIR [--examples=20000]

WORKDIR is a study; with `record.features_runs`, cosine similarities in the features are compared as
well. Prints how many pairs within train and across train and test each way finds, how many of them
have different labels (which near-duplicates rarely have, but pairs that merely look similar often),
and how many made-up copies of 50 train images it finds. DIR gets a picture of random pairs of each
way, to look at. The hash is `imagehash.phash` (pip install imagehash).
"""

import io
import pathlib
import time
from collections.abc import Callable, Iterator

import numpy as np
import PIL.Image
from absl import app, flags
from etils import epy

from memkit import records, seeds, studies, tables
from memkit.estimators import near_duplicates
from memkit.studies import runs
from memkit.typing import Array, IntArray

with epy.lazy_imports():  # No requirement of memkit.
    import imagehash

_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_WORKDIR = flags.DEFINE_string("workdir", None, "a study", flag_values=_FLAGS)
_OUT = flags.DEFINE_string("out", None, "folder for pictures", flag_values=_FLAGS)
_EXAMPLES = flags.DEFINE_integer("examples", 20_000, "train images at most", flag_values=_FLAGS)

MADE = 50  # copies of each kind
DISTANCES = (2, 4, 6, 8)  # of the hash, in bits of 64
COSINES = (0.999, 0.998, 0.995, 0.99)
_SHOWN = 100
_BLOCK = 500


def _jpeg(image: Array) -> Array:
    file = io.BytesIO()
    PIL.Image.fromarray(image.squeeze()).save(file, "JPEG", quality=50)
    return np.asarray(PIL.Image.open(file)).reshape(image.shape)


def _zoomed(image: Array) -> Array:
    picture = PIL.Image.fromarray(image.squeeze())
    inner = picture.crop((1, 1, picture.width - 1, picture.height - 1))
    return np.asarray(inner.resize(picture.size)).reshape(image.shape)


COPIES: dict[str, Callable[[Array], Array]] = {
    "shifted": lambda image: np.roll(image, (1, -1), (0, 1)),
    "JPEG": _jpeg,
    "darker": lambda image: (0.6 * image).astype(np.uint8),
    "mirrored": lambda image: image[:, ::-1],
    "zoomed": _zoomed,
}


def main(_: list[str]) -> None:
    study = studies.load(_WORKDIR.value)
    train, test = studies.thumbnails(study)
    chosen = slice(0, _EXAMPLES.value)
    train, count = np.asarray(train[chosen]), len(train[chosen])
    # Of different images, because an image with five copies is taken for one with many like it.
    originals = np.arange(len(COPIES) * MADE)
    kinds = np.repeat([*COPIES], MADE)
    made = [COPIES[kind](train[i]) for i, kind in zip(originals, kinds, strict=True)]
    images = np.concatenate([train, np.asarray(test), np.stack(made)])
    labels = np.concatenate(
        [study.examples.given_labels[chosen], study.examples.test_labels, np.full(len(made), -1)]
    )
    rows = []
    for name, pairs, seconds in _ways(study, images, count):
        is_made = pairs[:, 1] >= len(labels) - len(made)
        real = pairs[~is_made]
        different = int((labels[real[:, 0]] != labels[real[:, 1]]).sum())
        found = np.isin(originals, pairs[pairs[:, 1] - pairs[:, 0] == len(labels) - len(made), 0])
        copies = found.reshape(-1, MADE).sum(axis=1).tolist()
        if name.startswith("features"):  # Made-up images have none.
            copies = [None] * len(COPIES)
        rows.append([name, len(real), different, *copies, seconds])
        _show(images, real, pathlib.Path(_OUT.value) / f"{name}.png")
    print(f"{count} train and {len(test)} test images, {MADE} copies of each kind")
    print(tables.text(["way", "pairs", "other label", *COPIES, "CPU s"], rows))


def _ways(study: studies.Study, images: Array, count: int) -> Iterator[tuple[str, IntArray, float]]:
    """Yields (name, pairs [P, 2] of a train and a later image, CPU seconds) of every way."""
    started = time.process_time()
    pairs, _ = near_duplicates.find(images, count)
    yield "aligned pixels", pairs, time.process_time() - started
    started = time.process_time()
    bits = [imagehash.phash(PIL.Image.fromarray(image.squeeze())).hash for image in images]
    words = np.packbits(np.reshape(bits, (len(images), -1)), axis=1).view(np.uint64)[:, 0]
    every = _pairs(lambda rows: -np.bitwise_count(words[rows, None] ^ words).astype(int), count, -8)
    seconds = time.process_time() - started
    for distance in DISTANCES:
        far = np.bitwise_count(words[every[:, 0]] ^ words[every[:, 1]])
        yield f"phash within {distance} bits", every[far <= distance], seconds
    features = _features(study, count)
    if features is not None:
        every = _pairs(lambda rows: features[rows] @ features.T, count, min(COSINES))
        cosine = np.einsum("pd,pd->p", features[every[:, 0]], features[every[:, 1]])
        for least in COSINES:
            yield f"features from {least:g}", every[cosine >= least], np.nan


def _pairs(compare: Callable[[slice], Array], count: int, least: float) -> IntArray:
    """Returns the pairs [P, 2] of a train and a later image that are at least so similar."""
    found = []
    for start in range(0, count, _BLOCK):
        rows = slice(start, min(start + _BLOCK, count))
        first, second = np.nonzero(compare(rows) >= least)
        is_later = second > first + start
        found.append(np.stack([first[is_later] + start, second[is_later]], axis=1))
    return np.concatenate(found)


def _features(study: studies.Study, count: int) -> Array | None:
    """Returns the features of all runs that have some, of length 1; None if there are none."""
    point, parts = study.points[-1], []
    for run in sorted(studies.listed_runs(study, point)):
        arrays, _ = runs.read_record(study, point, run)
        if "train_features" in arrays:
            both = (arrays["train_features"][:count], arrays["test_features"])
            features = np.concatenate(both, dtype=np.float32).reshape(-1, records.FEATURES)
            parts.append(features / np.linalg.norm(features, axis=1, keepdims=True))
    return np.concatenate(parts, axis=1) / np.sqrt(len(parts)) if parts else None


def _show(images: Array, pairs: IntArray, file: pathlib.Path) -> None:
    chosen = seeds.stream(0, "shown").permutation(len(pairs))[:_SHOWN]
    height, width = images.shape[1:3]
    sheet = PIL.Image.new("RGB", (10 * (2 * width + 4), 10 * (height + 4)), "white")
    for place, pair in enumerate(pairs[chosen]):
        for side, image in enumerate(images[pair]):
            x, y = place % 10 * (2 * width + 4) + side * width, place // 10 * (height + 4)
            sheet.paste(PIL.Image.fromarray(image.squeeze()), (x, y))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.resize((2 * sheet.width, 2 * sheet.height)).save(file)


if __name__ == "__main__":
    flags.mark_flags_as_required(["workdir", "out"])
    app.run(main)
