"""What the page's explorer reads: every example as compact columns, its charts and pictures.

Numbers are whole thousandths, so that every displayed digit is that of the estimate.
"""

import base64
import dataclasses
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from memkit.analysis.trajectories.chart import label
from memkit.charts import lines
from memkit.report import content as contents
from memkit.report import gallery, scatter, sprites
from memkit.report.blocks import Section
from memkit.report.content import Content
from memkit.report.sprites import Pictures
from memkit.trajectories import CLASSES
from memkit.typing import Array, FloatArray, IntArray, Json

SCALE = 1_000
MISSING = -32_768
QUANTITIES = ("value", "in_mean", "out_mean", "lower", "upper", "out_prob")
INFLUENCES = 4
# Per sheet, at most, besides those that sections ask for; FEW where each is read from a file.
PICTURES, FEW = 2_500, 600


def data(content: Content, sections: Sequence[Section] = ()) -> Json | None:
    """Returns what the explorer reads, ready for JSON; None where no example has a score.

    Args:
      content: Content of a study.
      sections: Sections, for the pictures they show.
    """
    points = scored(content)
    if not points:
        return None
    last = [p for p in points if p["series"] == points[0]["series"]][-1]
    sample = scatter.sample(scatter.quantity(content, last, "value"))
    found = scatter.views(content, points)
    presets = gallery.groups(content)
    influences = [_influence(content, point) for point in points]
    pictures = _pictures(content, sections, presets, sample, influences)
    charts = scatter.charts(content, found)
    return {
        "count": len(content.ids),
        "quantities": QUANTITIES,
        "step": scatter.STEP,
        "class_names": list(map(str, content.class_names)),
        "kinds": [label(name) for name in CLASSES],
        "ids": packed_text(content.ids),
        "given": packed(content.given_labels),
        "label": packed(content.labels),
        "points": [
            _point(content, point, size, part)
            for point, size, part in zip(points, lines.sizes(points), influences, strict=True)
        ],
        "series": _series(content, points),
        "presets": [dataclasses.asdict(preset) for preset in presets],
        "test": {"ids": packed_text(content.test_ids), "label": packed(content.test_labels)},
        "sheets": pictures,
        "sample": sample.tolist(),
        "views": found,
        "pairs": {
            pair: {"title": scatter.PAIRS[pair][0], "spec": chart.to_dict()}
            for pair, chart in charts.items()
        },
        "trajectory": scatter.trajectory_chart(content, points).to_dict(),
    }


def scored(content: Content) -> tuple[Json, ...]:
    """Returns the points of the summary that have runs, or () where no example has a score."""
    points = tuple(p for p in content.summary["points"] if p["num_runs"])
    defined = (np.isfinite(content.scores[p["name"]]["correct"].value).any() for p in points)
    return points if any(defined) else ()


def packed(values: npt.ArrayLike) -> dict[str, str]:
    """Returns whole numbers as {"kind", "data"}: compressed little-endian bytes in base64."""
    values = np.asarray(values)
    low, high = (int(pick(values, initial=0)) for pick in (np.min, np.max))
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
    content: Content, point: Json, size: str | float, influences: Mapping[str, Array] | None
) -> Json:
    score = content.scores[point["name"]]["correct"]
    numbers = [thousandths(scatter.quantity(content, point, name)) for name in QUANTITIES]
    return {
        "name": point["name"],
        "series": point["series"],
        "place": contents.size_text(content, point),
        "size": size,
        "scores": packed(np.stack(numbers)),
        "num_in": packed(score.num_in),
        "num_out": packed(score.num_out),
        "predicted": packed(content.out_predicted[point["name"]]),
        "influence": None
        if influences is None
        else {key: packed(values) for key, values in influences.items()},
    }


def _series(content: Content, points: Sequence[Json]) -> list[Json]:
    names = dict.fromkeys(point["series"] for point in points)
    return [
        {
            "name": name,
            "points": [k for k, point in enumerate(points) if point["series"] == name],
            "kinds": _kinds(content, name),
        }
        for name in names
    ]


def _kinds(content: Content, series: str) -> dict[str, str] | None:
    kinds = gallery.kind_codes(content, series)
    return None if kinds is None else packed(kinds)


def _influence(content: Content, point: Json) -> dict[str, IntArray] | None:
    """Returns {"index", "infl", "q"} [N, INFLUENCES] of the strongest influences, or None."""
    found = content.point_arrays["influence"] if "influence" in content.point_arrays else {}
    if point["name"] not in found:
        return None
    arrays = found[point["name"]]
    index = arrays["train_top_idx"][:, :INFLUENCES]
    q = _known_q(arrays, index, len(content.test_ids))
    infl = arrays["train_top_infl"][:, :INFLUENCES]
    return {"index": index, "infl": thousandths(infl), "q": thousandths(q)}


def _known_q(arrays: Mapping[str, Array], index: IntArray, num_test: int) -> FloatArray:
    """Returns q [N, k] of the influences `index` [N, k], NaN where no pair is listed."""
    listed = arrays["tr_idx"].astype(np.int64) * num_test + arrays["tt_idx"]
    q = np.full(index.shape, np.nan)
    if not listed.size:
        return q
    order = np.argsort(listed)
    key = np.arange(len(index))[:, None] * num_test + index
    at = order[np.minimum(np.searchsorted(listed, key, sorter=order), len(order) - 1)]
    known = (listed[at] == key) & (index >= 0)
    q[known] = arrays["q"][at[known]]
    return q


def _pictures(
    content: Content,
    sections: Sequence[Section],
    presets: Sequence[gallery.Preset],
    sample: IntArray,
    influences: Sequence[Mapping[str, IntArray] | None],
) -> dict[str, Json | None]:
    """Returns {"train", "test"}: the sheets of what sections, presets and the sample show."""
    wanted = {
        part: [
            i for section in sections if part in section.pictures for i in section.pictures[part]
        ]
        for part in ("train", "test")
    }
    listed = np.array([i for preset in presets for i in preset.examples], int)
    train = [*listed, *sample]
    known = [part["index"] for part in influences[::-1] if part is not None]
    test = [i for rows in (listed, sample) for index in known for i in index[rows].ravel().tolist()]
    return {
        "train": _sheet(content.thumbnails, wanted["train"], train),
        "test": _sheet(content.test_thumbnails, wanted["test"], [i for i in test if i >= 0]),
    }


def _sheet(images: Pictures, wanted: Iterable[int], others: Iterable[int]) -> Json | None:
    most = PICTURES if isinstance(images, np.ndarray) else FEW
    others = list(dict.fromkeys(map(int, others)))[:most]
    found = sprites.sheet(images, list(dict.fromkeys([*map(int, wanted), *others])))
    if found is None:
        return None
    return dataclasses.asdict(found) | {"examples": packed(found.examples)}
