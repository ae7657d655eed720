"""How many runs narrow intervals take, and what they cost: what `memkit plan` prints."""

import math
from collections.abc import Callable, Mapping, Sequence

from memkit import studies, subsets, tables
from memkit.estimators import precision
from memkit.estimators.precision import Needed
from memkit.studies import Study
from memkit.sweeps import stopping
from memkit.sweeps.progress import duration
from memkit.sweeps.stopping import PointWidth

_BLOCKS = (1, 2, 5, 10, 20)  # numbers of blocks of runs in the table
MOST_RUNS = 4000  # of a point; the largest published studies have as many


def table(
    study: Study,
    widths: Mapping[str, PointWidth],
    seconds: Callable[[int], float | None],
    wanted: float | None = None,
) -> str:
    """Returns a table of numbers of runs with their time and the half width of their intervals.

    Args:
      study: Study of random subsets, possibly a draft.
      widths: see `recorded`.
      seconds: function of the runs per point that returns the seconds of training, None if they
        are not known.
      wanted: half width whose number of runs is added; None for none.
    """
    block, num_points = _block(study), len(study.points)
    counts = {block * blocks for blocks in _BLOCKS} | {len(study.train_mask)}
    if wanted is not None:
        _, likely, _ = _in_blocks(study, _every(study, wanted, widths))
        counts |= {likely} if likely <= MOST_RUNS else set()
    fraction = study.config["subsets"]["train_fraction"]
    worths = [
        precision.worth(width.half_width, num_runs=width.runs, train_fraction=fraction)
        for width in widths.values()
    ]
    if len(widths) < num_points:
        worths.append(precision.worth_before(study.sizes.train, train_fraction=fraction))
    rows: list[list[tables.Cell]] = []
    for count in sorted(counts):
        half_width = precision.half_width(count, train_fraction=fraction, worth=min(worths))
        time = seconds(count)
        cells: list[tables.Cell] = [] if time is None else [duration(time)]
        rows.append([count, count * num_points, *cells, half_width])
    header = ["runs per point", "in all", *(["time"] if len(rows[0]) > 3 else []), "half width"]
    source = "the records in the workdir" if len(widths) == num_points else "a reference"
    note = (
        "half width: the pooled intervals of 95% of the examples are plus or minus this or "
        f"narrower at every point, according to {source}"
    )
    hint = "" if wanted else "; --halfwidth=0.1 says how many runs that half width takes"
    return f"{tables.text(header, rows)}\n{note}{hint}"


def text(study: Study, wanted: float, widths: Mapping[str, PointWidth]) -> str:
    """Returns how many runs make pooled intervals as narrow as wanted, and how this is known.

    Args:
      study: Study, possibly a draft.
      wanted: half width above 0 and below 1.
      widths: see `recorded`; {} if there are no records.
    """
    by_point = _needed(study, wanted, widths)
    if len(widths) == len(study.points) and all(w.half_width <= wanted for w in widths.values()):
        return f"half width: {_goal(wanted)} at every point with the runs that there are"
    lines = [*_numbers(study, wanted, _every(study, wanted, widths)), *_source(study, widths)]
    if widths:
        rows: list[list[tables.Cell]] = [
            [name, width.runs, width.half_width, by_point[name].likely]
            for name, width in widths.items()
        ]
        lines.append(tables.text(["point", "runs now", "half width", "runs needed"], rows))
    return "\n".join(lines)


def _needed(study: Study, wanted: float, widths: Mapping[str, PointWidth]) -> dict[str, Needed]:
    """Returns {name: Needed} of the points with records."""
    fraction = study.config["subsets"]["train_fraction"]
    return {
        name: precision.needed(wanted, w.half_width, num_runs=w.runs, train_fraction=fraction)
        for name, w in widths.items()
    }


def _every(study: Study, wanted: float, widths: Mapping[str, PointWidth]) -> list[Needed]:
    """Returns what points with records need, and, if some have none, what the reference says."""
    every = list(_needed(study, wanted, widths).values())
    if len(widths) < len(study.points):
        fraction, num_examples = study.config["subsets"]["train_fraction"], study.sizes.train
        every.append(precision.needed_before(wanted, num_examples, train_fraction=fraction))
    return every


def _in_blocks(study: Study, every: Sequence[Needed]) -> tuple[int, int, int]:
    """Returns the least, the likely and the largest number of runs per point, in whole blocks."""
    block = _block(study)
    least, likely, most = (
        block * max(1, math.ceil(max(getattr(needed, name) for needed in every) / block))
        for name in ("least", "likely", "most")
    )
    return least, likely, most


def recorded(study: Study, stored: Study) -> dict[str, PointWidth]:
    """Returns {name: PointWidth} of the points of a study that have a block of runs or more.

    Args:
      study: Study, possibly a draft.
      stored: Study whose records are used for the points that both have.
    """
    shared = {point.fingerprint for point in study.points}
    block = _block(study)
    begun = [
        point
        for point in stored.points
        if point.fingerprint in shared and len(studies.listed_runs(stored, point)) >= block
    ]
    widths = stopping.half_widths(stored, begun) if begun else {}
    return {
        name: width
        for name, width in widths.items()
        if width.runs >= block and 0 < width.half_width < math.inf
    }


def _block(study: Study) -> int:
    return subsets.block_size(study.config["subsets"]["train_fraction"])


def _goal(wanted: float) -> str:
    return f"the pooled intervals of 95% of the examples are +/- {wanted:g} or narrower"


def _numbers(study: Study, wanted: float, every: Sequence[Needed]) -> list[str]:
    """Returns lines with the runs per point and in all, in whole blocks, and their range."""
    block, num_points = _block(study), len(study.points)
    least, likely, most = _in_blocks(study, every)
    if likely > MOST_RUNS:
        return [
            f"half width: +/- {wanted:g} is not reachable within reason: it takes about "
            f"{likely:,} runs per point (between {least:,} and {most:,})",
            f"The largest published studies have {MOST_RUNS:,}.",
        ]
    return [
        f"half width: {_goal(wanted)} after about {likely:,} runs per point, "
        f"{likely * num_points:,} in all",
        f"The number may lie between {least:,} and {most:,} per point. `memkit run "
        f"--until_halfwidth={wanted:g}` checks the intervals after every {block} runs, from "
        f"{stopping.LEAST_RUNS} runs on.",
    ]


def _source(study: Study, widths: Mapping[str, PointWidth]) -> list[str]:
    """Returns lines about where the numbers come from."""
    block, num_points = _block(study), len(study.points)
    if len(widths) == num_points:
        return ["The number comes from the records in the workdir."]
    reference = (
        "a reference, perceptrons on 200 to 1,400 digits with 8% flipped labels, scaled to "
        f"{study.sizes.train:,} examples and subsets of "
        f"{study.config['subsets']['train_fraction']:.0%}."
    )
    hardness = "Data with few hard examples take fewer runs, data with many take more."
    if widths:
        return [
            f"{len(widths)} of {num_points} points have {block} runs or more in the workdir, from "
            f"which their numbers come. The others have the number of {reference}",
            hardness,
        ]
    return [
        f"The number comes from {reference}",
        f"{hardness} Once every point has {block} runs, the same command with --workdir computes "
        "the number from the records.",
    ]
