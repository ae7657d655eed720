"""The section on reliability: how many runs the numbers rest on, and how precise they are."""

from memkit import subsets
from memkit.analysis.convergence.result import Convergence
from memkit.analysis.summary import Duplicates
from memkit.estimators import intervals
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Definitions, Section, Table
from memkit.report.content import Content
from memkit.typing import Json

NAME, TITLE = "reliability", "Reliability"
UNITS = (
    "{} runs with the same initial values and order of the examples form a unit: one trains on all "
    "examples, and each other one leaves one out. Memorization is the mean difference within a "
    "unit. Intervals, halves and the numbers of runs for a precision count a unit as one run."
)
EMPTY = "No run of this study is finished; `memkit run` fills this section."
INTRO = (
    "The number of runs behind every number, the width of the intervals of single examples, and "
    "the agreement between two halves of the runs (1 = perfect)."
)
TARGET = 0.1  # half width of the 95% interval
ERRORS = (
    "The intervals of means, shares and AUROC (± and bands) are 95% intervals over runs: "
    "standard errors times a quantile of Student's t. If the whole study were repeated with "
    "other subsets and seeds, about 95 of 100 such intervals would contain the value that the "
    "study converges to, unless a rare kind of run is missing from it. They count runs, not "
    "examples, because the examples of a run are not independent. They do not cover another data "
    "set, model or recipe."
)
EXAMPLES = (
    "The interval of one raw score is Newcombe's for the difference of two proportions, which is "
    "wider than necessary for the probability of the label. In studies that leave one example out, "
    "it is Bonett and Price's for pairs, and Student's for the probability. Among many examples, "
    "some intervals miss the true value, and the top of a ranking overstates memorization, because "
    "noise has helped to put examples there."
)


def section(content: Content) -> Section:
    """Returns the section on reliability."""
    if not any(point.num_runs for point in content.summary.points):
        return Section(anchor=NAME, title=TITLE, intro=INTRO, empty=EMPTY)
    facts = {
        "Runs": _runs(content),
        **_stop(content.summary.stop),
        "Subsets": _subsets(content),
        "Duplicates": _duplicates(content.summary.duplicates),
        "What ± means": ERRORS,
        "Single examples": EXAMPLES,
    }
    return Section(
        anchor=NAME,
        title=TITLE,
        intro=INTRO,
        blocks=(_table(content),),
        details=(Definitions(tuple(facts.items())),),
        is_wide=True,
    )


def _runs(content: Content) -> str:
    points = content.summary.points
    planned = content.config["subsets"]["num_runs"] * len(points)
    diverged, blocked = sum(p.diverged for p in points), sum(p.blocked for p in points)
    used, collapsed = sum(p.num_runs for p in points), sum(p.collapsed for p in points)
    unfinished = planned - used - diverged - blocked
    return (
        f"{used} of {planned} runs are used. {diverged} diverged (the loss left the finite "
        f"numbers) and {blocked} were blocked (their teacher diverged): left out. {unfinished} are "
        f"not finished. {collapsed} collapsed (train accuracy under twice chance, or with two "
        "classes under 75%): kept, because leaving runs out by their result would bias the scores."
    )


def _stop(stop: Json | None) -> dict[str, str]:
    if stop is None:
        return {}
    reached = "so" if stop["is_reached"] else "not yet so"
    text = (
        f"Blocks of {stop['block']} runs were added, at least 100 runs in all, until 95% of the "
        f"examples had a pooled interval of ±{stop['wanted']:g} or narrower at every size. "
        f"After {stop['runs']} runs that was {reached}: "
        f"±{formatting.number(stop['half_width'])}. Intervals that decide when to stop hold a "
        "little less often than 95%."
    )
    return {"Stopping rule": text}


def _subsets(content: Content) -> str:
    options = content.config["subsets"]
    if options["design"] == subsets.LEAVE_ONE_OUT:
        return UNITS.format(len(content.ids) + 1)
    share = formatting.percent(options["train_fraction"])
    return (
        f"Each run trains on {share} of the examples (subsets.train_fraction). Memorization "
        "depends on this share, so numbers from another one are not comparable."
    )


def _duplicates(duplicates: Duplicates) -> str:
    if not any(vars(duplicates).values()):
        return "No two images have identical pixels."
    return (
        f"{duplicates.train_copies} training images are exact copies of another one "
        f"({duplicates.groups_with_different_labels} groups have different labels), and "
        f"{duplicates.test_in_train} test images are in the training set. An example whose copy "
        "stays in the subset is not truly held out, so its memorization comes out too low. "
        "Copies that differ in a pixel are not counted."
    )


def _table(content: Content) -> Table:
    several = contents.several_series(content)
    split_half = content.results[Convergence].split_half
    rows = []
    for point in content.summary.points:
        half = split_half[point.name]
        rows.append(
            (
                contents.size_text(content, point),
                *((point.series,) if several else ()),
                str(point.num_runs),
                str(point.diverged + point.blocked),
                str(point.collapsed),
                formatting.cell(half.spearman),
                formatting.cell(half.spearman_brown),
                formatting.cell(_half_width(content, point.name, "correct")),
                formatting.cell(_half_width(content, point.name, "prob")),
                formatting.cell(_half_width(content, point.name, "pooled")),
                _runs_for_target(content, point.name),
            )
        )
    return Table(
        caption="Runs behind each point. Left out: diverged and blocked runs. Halves: rank "
        "correlation of memorization between two halves of the runs; all runs: what it predicts "
        "for all of them (Spearman-Brown). Half width: of the 95% interval of an example's "
        f"memorization, mean over examples. Runs for ±{TARGET}: at which half of the examples "
        "would reach that half width.",
        columns=(
            "Point",
            *(("Series",) if several else ()),
            "Runs used",
            "Left out",
            "Collapsed",
            "Halves",
            "All runs",
            "Half width",
            "Half width, label probability",
            "Half width, pooled",
            f"Runs for ±{TARGET}",
        ),
        rows=tuple(rows),
    )


def _half_width(content: Content, point: str, outcome: str) -> float | None:
    """Returns the mean half width of the defined intervals, or None if there are none."""
    if point not in content.scores:
        return None
    score = content.scores[point][outcome]
    half_widths = intervals.half_widths(score.lower, score.upper)
    return float(half_widths.mean()) if half_widths.size else None


def _runs_for_target(content: Content, point: str) -> str:
    points = content.results[Convergence].points
    if point not in points:
        return formatting.ABSENT
    runs = points[point].half_widths["correct"]["memorization"].runs_for[TARGET].median
    return f"{runs:,.0f}" if formatting.defined(runs) else formatting.ABSENT
