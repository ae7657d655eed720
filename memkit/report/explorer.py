"""Data of the page's explorer: every example as compact columns, charts and pictures.

Numbers are whole thousandths, so every digit on the page is a digit of the estimate.
"""

import base64
import dataclasses
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memkit.analysis import PointSummary
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.audit.result import LabelAudit
from memkit.analysis.influence.result import Influence
from memkit.analysis.similar_images.result import SimilarImages
from memkit.analysis.trajectories.chart import label
from memkit.charts import lines
from memkit.estimators import audit as auditing
from memkit.report import content as contents
from memkit.report import gallery, scatter, sprites
from memkit.report.blocks import Section
from memkit.report.content import Content
from memkit.report.sprites import Pictures
from memkit.trajectories import CLASSES
from memkit.typing import Array, FloatArray, IntArray, Json

SCALE = 1_000
MISSING = -32_768
QUANTITIES = ("value", "in_mean", "out_mean", "lower", "upper", "out_prob", "raw")
INFLUENCES, SIMILAR = 4, 6  # of each example
# Characters of all data together, pictures included, so that a page of them has at most 25 MB.
SIZE = 22_500_000
FEW = 600  # most pictures besides those of sections and lists, if each is read from a file


def data(content: Content, sections: Sequence[Section] = ()) -> Json | None:
    """Returns the data of the explorer, ready for JSON; None if no example has a score.

    Args:
      content: Content of a study.
      sections: Sections whose pictures the page needs too.
    """
    points = scored(content)
    if not points:
        return None
    influences = [_influence(content, point) for point in points]
    presets, views = gallery.groups(content), scatter.views(points)
    columns = _columns(content, points, influences) | {
        "presets": [dataclasses.asdict(preset) for preset in presets],
        "views": views,
        "pairs": {
            pair: dict(zip(("title", "x", "y"), scatter.PAIRS[pair], strict=True))
            for pair in dict.fromkeys(view["pair"] for view in views)
        },
        "trajectory": scatter.trajectory_chart(content, points).to_dict(),
    }
    listed = np.array([i for preset in presets for i in preset.examples], int)
    size = SIZE - len(json.dumps(columns))
    return columns | {"albums": _albums(content, sections, listed, influences, size)}


def _columns(
    content: Content,
    points: Sequence[PointSummary],
    influences: Sequence[Mapping[str, IntArray] | None],
) -> dict[str, Any]:
    return {
        "study": content.provenance["study fingerprint"],
        "count": len(content.ids),
        "quantities": QUANTITIES,
        "class_names": list(map(str, content.class_names)),
        "kinds": [label(name) for name in CLASSES],
        "ids": packed_text(content.ids),
        "given": packed(content.given_labels),
        "label": packed(content.labels),
        "suggested": packed(_suggested(content)),
        "similar": _similar(content),
        "points": [
            _point(content, point, sized.size, influence)
            for point, sized, influence in zip(points, lines.sized(points), influences, strict=True)
        ],
        "series": _series(content, points),
        "test": {"ids": packed_text(content.test_ids), "label": packed(content.test_labels)},
    }


def _suggested(content: Content) -> IntArray:
    """Returns the label that the audit suggests instead of the given one, [N]; -1 for none."""
    audited = content.results[LabelAudit].examples
    if audited is None:
        return np.full(len(content.ids), -1)
    return np.where(audited.kind == auditing.MISLABELED, audited.rival, -1)


def _similar(content: Content) -> Json | None:
    """Returns {"space", "index", "likeness"} [N, SIMILAR] of the nearest neighbors, or None."""
    result = content.results[SimilarImages]
    if result.examples is None:
        return None
    nearest = (result.examples.neighbors, thousandths(result.examples.similarity))
    index, likeness = (packed(array[:, :SIMILAR]) for array in nearest)
    return {"space": result.space, "index": index, "likeness": likeness}


def scored(content: Content) -> tuple[PointSummary, ...]:
    """Returns the points of the summary that have runs, or () if no example has a score."""
    points = tuple(p for p in content.summary.points if p.num_runs)
    defined = (np.isfinite(content.scores[p.name]["correct"].value).any() for p in points)
    return points if any(defined) else ()


def packed(values: npt.ArrayLike) -> dict[str, str]:
    """Returns whole numbers as {"kind", "data"}: compressed little-endian bytes in base64."""
    values = np.asarray(values)
    low, high = (int(extreme(values, initial=0)) for extreme in (np.min, np.max))
    kinds = ("int8", "int16", "int32")
    kind = next(k for k in kinds if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
    little = np.ascontiguousarray(values, np.dtype(kind).newbyteorder("<"))
    return {"kind": kind, "data": _compressed(little.tobytes())}


def packed_text(texts: Iterable[str]) -> dict[str, str]:
    """Returns texts as {"data"}: a compressed JSON list in base64."""
    return {"data": _compressed(json.dumps([str(text) for text in texts]).encode())}


def thousandths(values: npt.ArrayLike) -> IntArray:
    """Returns numbers as int16 thousandths, `MISSING` where undefined."""
    values = np.asarray(values, dtype=float)
    whole = np.round(np.where(np.isfinite(values), values, 0) * SCALE)
    return np.where(np.isfinite(values), whole, MISSING).astype(np.int16)


def _compressed(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw, 9)).decode()


def _point(
    content: Content,
    point: PointSummary,
    size: str | float,
    influences: Mapping[str, Array] | None,
) -> Json:
    score = content.scores[point.name]["correct"]
    numbers = [thousandths(scatter.quantity(content, point, name)) for name in QUANTITIES]
    return {
        "name": point.name,
        "series": point.series,
        "place": contents.size_text(content, point),
        "size": size,
        "scores": packed(np.stack(numbers)),
        "num_in": packed(score.num_in),
        "num_out": packed(score.num_out),
        "predicted": packed(content.results[Accuracy].predictions[point.name]["out_predicted"]),
        "influence": None
        if influences is None
        else {key: packed(values) for key, values in influences.items()},
    }


def _series(content: Content, points: Sequence[PointSummary]) -> list[Json]:
    names = dict.fromkeys(point.series for point in points)
    return [
        {
            "name": name,
            "points": [k for k, point in enumerate(points) if point.series == name],
            "kinds": _kinds(content, name),
        }
        for name in names
    ]


def _kinds(content: Content, series: str) -> dict[str, str] | None:
    kinds = gallery.kind_codes(content, series)
    return None if kinds is None else packed(kinds)


def _influence(content: Content, point: PointSummary) -> dict[str, IntArray] | None:
    """Returns {"index", "infl", "q"} [N, INFLUENCES] of the strongest influences, or None."""
    by_point = content.results[Influence].arrays
    if point.name not in by_point:
        return None
    arrays = by_point[point.name]
    index = arrays["train_top_idx"][:, :INFLUENCES]
    q = _known_q(arrays, index, len(content.test_ids))
    infl = arrays["train_top_infl"][:, :INFLUENCES]
    return {"index": index, "infl": thousandths(infl), "q": thousandths(q)}


def _known_q(arrays: Mapping[str, Array], index: IntArray, num_test: int) -> FloatArray:
    """Returns q [N, k] of the influences on the test examples `index` [N, k], NaN if not listed."""
    listed = arrays["tr_idx"].astype(np.int64) * num_test + arrays["tt_idx"]
    q = np.full(index.shape, np.nan)
    if not listed.size:
        return q
    order = np.argsort(listed)
    key = np.arange(len(index))[:, None] * num_test + index
    rows = order[np.minimum(np.searchsorted(listed, key, sorter=order), len(order) - 1)]
    is_listed = (listed[rows] == key) & (index >= 0)
    q[is_listed] = arrays["q"][rows[is_listed]]
    return q


def _albums(
    content: Content,
    sections: Sequence[Section],
    listed: IntArray,
    influences: Sequence[Mapping[str, IntArray] | None],
    size: int,
) -> dict[str, Json | None]:
    """Returns {"train", "test"}: pictures of sections and presets, and of the others that fit."""
    first = {
        part: [i for s in sections if part in s.pictures for i in s.pictures[part]]
        for part in ("train", "test")
    }
    shown = [part["index"] for part in influences[::-1] if part is not None]
    first["train"] += listed.tolist()
    first["test"] += [i for index in shown for i in index[listed].ravel().tolist() if i >= 0]
    points = scored(content)
    last = [point for point in points if point.series == points[0].series][-1]
    rest = {
        "train": np.argsort(-scatter.quantity(content, last, "value"), kind="stable"),
        "test": np.unique(np.concatenate([np.empty(0, int), *(i[i >= 0] for i in shown)])),
    }
    count = sum(map(len, rest.values()))
    images = {"train": content.thumbnails, "test": content.test_thumbnails}
    return {
        part: _album(images[part], first[part], rest[part], size * len(rest[part]) // count)
        for part in first
    }


def _album(
    images: Pictures, first: Sequence[int], rest: IntArray, size: int
) -> dict[str, Any] | None:
    most = None if isinstance(images, np.ndarray) else FEW
    album = sprites.album(images, first, rest.tolist(), most=most, size=size)
    if album is None:
        return None
    return dataclasses.asdict(album) | {"examples": packed(album.examples)}
