"""How many runs narrow intervals take: what `memkit plan --halfwidth` prints."""

import math
from collections.abc import Mapping, Sequence

from memkit import studies, subsets, tables
from memkit.estimators import precision
from memkit.estimators.precision import Needed
from memkit.studies import Study
from memkit.sweeps import stopping
from memkit.sweeps.stopping import PointWidth

MOST_RUNS = 4000  # of a point; the largest published studies have as many


def text(study: Study, wanted: float, stored: Study | None) -> str:
    """Returns how many runs make pooled intervals as narrow as wanted, and how this is known.

    Args:
      study: Study, possibly a draft.
      wanted: half width above 0 and below 1.
      stored: the Study in the workdir, whose records are used; None if there is none.
    """
    fraction = study.config["subsets"]["train_fraction"]
    widths = {} if stored is None else recorded(study, stored)
    by_point = {
        name: precision.needed(wanted, w.half_width, num_runs=w.runs, train_fraction=fraction)
        for name, w in widths.items()
    }
    every = list(by_point.values())
    if len(widths) < len(study.points):
        num_examples = study.sizes.train
        every.append(precision.needed_before(wanted, num_examples, train_fraction=fraction))
    elif all(width.half_width <= wanted for width in widths.values()):
        return f"half width: {_goal(wanted)} at every point with the runs that there are"
    lines = [*_numbers(study, wanted, every), *_source(study, widths)]
    if widths:
        rows: list[list[tables.Cell]] = [
            [name, width.runs, width.half_width, by_point[name].likely]
            for name, width in widths.items()
        ]
        lines.append(tables.text(["point", "runs now", "half width", "runs needed"], rows))
    return "\n".join(lines)


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
    least, likely, most = (
        block * max(1, math.ceil(max(getattr(needed, name) for needed in every) / block))
        for name in ("least", "likely", "most")
    )
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
