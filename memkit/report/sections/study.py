"""The section on what was run: runs per point, versions, and the resolved config."""

from collections.abc import Iterator, Mapping
from typing import Any

from memkit.analysis.accuracy.result import Accuracy
from memkit.report.blocks import Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import Cell, per_point

ANCHOR = "study"
RUNS = (
    "Runs per point. Diverged: the loss left the finite numbers; blocked: the teacher of the run "
    "diverged; both are left out. Collapsed: train accuracy under twice chance, or with two "
    "classes under 75%; kept. Outlying: accuracy far from that of the other runs, where such runs "
    "carry most of the spread; kept, but intervals over runs may then be too narrow."
)


def section(content: Content) -> Section:
    """Returns the section on what was run."""
    return Section(
        anchor=ANCHOR,
        title="What was run",
        blocks=(runs(content),),
        details=(_provenance(content), _config(content)),
        is_wide=True,
    )


def runs(content: Content) -> Table:
    """Returns how many runs each point has, and how many of them failed to train."""
    accuracy = content.results[Accuracy].points
    cells: dict[str, Cell] = {
        "Runs": lambda point: str(point.num_runs),
        "Diverged": lambda point: str(point.diverged),
        "Blocked": lambda point: str(point.blocked),
        "Collapsed": lambda point: str(point.collapsed),
        "Outlying": lambda point: str(len(accuracy[point.name].outlying_runs)),
    }
    if content.summary.axis is not None:
        cells = {"Point": lambda point: point.name} | cells
    return per_point(content, RUNS, cells)


def _provenance(content: Content) -> Table:
    return Table(
        caption="Versions, device and time.",
        columns=("Fact", "Value"),
        rows=tuple((str(fact), str(value)) for fact, value in content.provenance.items()),
        has_words=True,
    )


def _config(content: Content) -> Table:
    return Table(
        caption="Resolved config.",
        columns=("Field", "Value"),
        rows=tuple(_fields(content.config)),
        has_words=True,
    )


def _fields(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
