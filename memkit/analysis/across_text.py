"""The text that `memkit compare` prints, and the numbers that it writes."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from etils import epy

from memkit import comparisons, storage, tables
from memkit.analysis import across
from memkit.analysis.results import to_json
from memkit.printable import printable
from memkit.studies import Point, Study
from memkit.sweeps import progress
from memkit.typing import Json, Path

with epy.lazy_imports():  # Charts take long to import and are optional.
    from memkit import charts
    from memkit.analysis import across_charts, across_fractions

T = TypeVar("T")

_COLUMNS = {
    "point": "point",
    "other": "other",
    "outcome": "outcome",
    "score": "score",
    "num_examples": "examples",
    "spearman": "Spearman",
    "spearman_stderr": "stderr",
    "ceiling": "ceiling",
    "pearson": "Pearson",
    "mean_difference": "difference",
    "mean_difference_stderr": "stderr",
    "jaccard": "Jaccard",
}
_PAIR_COLUMNS = {
    "point": "point",
    "file": "file's pairs",
    "study": "study's pairs",
    "both": "both",
    "jaccard": "Jaccard",
    "spearman": "Spearman",
}


def with_file(
    path: Path,
    study: Study | None,
    points: Sequence[Point],
    *,
    score: str = "",
    is_original_order: bool = False,
    out: Path | None = None,
) -> str:
    """Returns the text of a comparison with a published file; writes charts if `out` is given.

    Args:
      path: the file or folder.
      study: Study with estimates, or None to print only the counts of the file.
      points: list of Point of the study.
      score: see `comparisons.read`.
      is_original_order: see `comparisons.join`.
      out: folder for charts and comparison.json, or None.
    """
    if out:
        storage.check_writable("--out", out)
    published = comparisons.read(path, score=score)
    headlines = comparisons.headlines(published)
    layout = comparisons.LAYOUTS[published.layout]
    direction = comparisons.QUANTITIES[published.quantity]
    lines = [printable(f"{path}: {layout}; {published.quantity}, {direction}")]
    lines.append(tables.text(["quantity", "value"], [list(item) for item in headlines.items()]))
    numbers: Json = {"headlines": headlines}
    results: list[across.Compared] = []
    if study is not None:
        joined, results = across.with_file(
            study, _counted(points), published, is_original_order=is_original_order
        )
        lines += ["", _joined(joined, published, study), *_left_out(joined.num_ambiguous)]
        lines += ["", _table(results, study)]
        numbers |= {"joined": len(joined.columns), "checked": joined.num_checked}
        pairs = across.pairs_with_file(study, points, published)
        if pairs:
            cells = [[row[key] for key in _PAIR_COLUMNS] for row in pairs]
            lines += ["", tables.text(list(_PAIR_COLUMNS.values()), _plain(cells))]
            numbers["pairs"] = pairs
    return "\n".join(lines + _write(out, numbers, results, published.quantity))


def with_study(
    study: Study, other: Study, points: Sequence[tuple[Point, Point]], *, out: Path | None = None
) -> str:
    """Returns the text of a comparison with another study; writes charts if `out` is given.

    Args:
      study: Study with estimates.
      other: Study with estimates.
      points: list of (Point of `study`, Point of `other`).
      out: folder for charts and comparison.json, or None.
    """
    if out:
        storage.check_writable("--out", out)
    count, num_ambiguous, results = across.with_study(study, other, _counted(points))
    lines = [f"{count} examples with the same id and given label", *_left_out(num_ambiguous)]
    lines += ["", _table(results, study)]
    return "\n".join(lines + _write(out, {"joined": count}, results, "memorization"))


def with_fractions(
    truth: tuple[Study, Point], others: Sequence[tuple[Study, Point]], *, out: Path | None = None
) -> str:
    """Returns the text of a comparison of subset fractions with leave-one-out scores.

    Args:
      truth, others: see `across_fractions.costs`.
      out: folder for the chart and comparison.json, or None.
    """
    if out:
        storage.check_writable("--out", out)
    count, costs = across_fractions.costs(truth, others)
    lines = [across_fractions.text(count, costs)]
    if out:
        folder = storage.path(out)
        numbers = {"joined": count, "costs": to_json(tuple(costs))}
        storage.write(folder / "comparison.json", json.dumps(numbers, indent=1).encode())
        chart = across_fractions.chart(across_fractions.table(costs))
        for kind, data in charts.images(chart.to_dict(), ("png", "svg", "html")).items():
            storage.write(folder / f"subset_fractions.{kind}", data)
        lines += ["", printable(f"written to {folder}")]
    return "\n".join(lines)


def _counted(points: Sequence[T]) -> Iterator[T]:
    """Yields points, or pairs of points, and shows on the error stream how many are compared."""
    return progress.counted(points, "compare", sys.stderr)


def _joined(joined: comparisons.Joined, published: comparisons.Published, study: Study) -> str:
    checked = {True: "labels agree", False: "nothing to check them by"}[bool(joined.num_checked)]
    if joined.num_checked and published.labels is None:
        checked = f"{joined.num_checked} pairs are of equal class, as they should be"
    return (
        f"{len(joined.columns)} of {len(study.examples.train_ids)} examples joined by {joined.by}; "
        f"{checked}"
    )


def _left_out(num_ambiguous: int) -> list[str]:
    """Returns the line about ids that match several examples, if there are any."""
    if not num_ambiguous:
        return []
    return [
        f"{num_ambiguous} ids of the other side are left out: each fits several examples, or one "
        "that another id fits as well or better"
    ]


def _table(results: Sequence[across.Compared], study: Study) -> str:
    threshold = study.config["report"]["min_memorization"]
    rows = [[result.numbers[key] for key in _COLUMNS] for result in results]
    notes = (
        "stderr: standard error, over runs, of the number before it; with a file over the study's "
        "runs alone; paired where both have the same subsets",
        "ceiling: what the noise of the runs leaves of a perfect rank correlation "
        "(split-half reliability)",
        "difference: mean of other - study; Jaccard: of the sets at or above "
        f"{threshold:g}; both only between equal quantities",
    )
    return "\n".join([tables.text(list(_COLUMNS.values()), _plain(rows)), *notes])


def _plain(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Returns rows with None for every NaN."""
    return [[None if _is_nan(cell) else cell for cell in row] for row in rows]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _write(
    out: Path | None, numbers: Json, results: Sequence[across.Compared], quantity: str
) -> list[str]:
    """Writes comparison.json and charts of 0/1 outcomes; returns lines about the folder."""
    if not out:
        return []
    folder = storage.path(out)
    numbers["scores"] = [
        {key: None if _is_nan(value) else value for key, value in result.numbers.items()}
        for result in results
    ]
    text = json.dumps(numbers, indent=1, default=float)
    storage.write(folder / "comparison.json", text.encode())
    for name, data in across_charts.files(results, quantity).items():
        storage.write(folder / name, data)
    return ["", printable(f"written to {folder}")]
