"""From run records to estimates, trajectories, the other analyses and the summary of a study."""

import dataclasses
import graphlib
import importlib
from collections.abc import Callable, Mapping, Sequence

from memkit import big_arrays, estimators, studies
from memkit import summary as summary_lib
from memkit.analysis import tables
from memkit.analysis.outcomes import PointOutcomes, read_outcomes
from memkit.analysis.trajectories import estimate as along_axis
from memkit.typing import Json

__all__ = ["LAYOUT", "QUESTIONS", "PointOutcomes", "Question", "estimate", "read_outcomes"]

# Version of the summary. It grows when keys change, so that a report asks for new estimates.
LAYOUT = 5


@dataclasses.dataclass(frozen=True)
class Question:
    """A question about a study, answered by the folder of its name.

    The folder holds `section.py`, which has `section(content)`, and as a rule `chart.py`.

    Attributes:
      name: of the folder.
      is_estimated: whether it has `estimate.py` with `analyze(study, outcomes)`, whose numbers
        become the summary's entry of that name and whose arrays lie in files of that name. The
        numbers of other questions are those of every point, or the trajectories.
      needs: the questions whose files `analyze` reads.
    """

    name: str
    is_estimated: bool = True
    needs: tuple[str, ...] = ()


# In the order of the report.
QUESTIONS = (
    Question("training_curves", is_estimated=False),
    Question("accuracy", is_estimated=False),
    Question("distribution", is_estimated=False),
    Question("trajectories", is_estimated=False),
    Question("planted", is_estimated=False),
    Question("size_changes"),
    Question("distillation"),
    Question("influence"),
    Question("removal", needs=("influence",)),
    Question("proxies"),
    Question("agreement"),
    Question("convergence"),
    Question("audit"),
)


def estimated() -> tuple[str, ...]:
    """Returns the names of the questions that are estimated, each after those that it needs."""
    needs = {question.name: question.needs for question in QUESTIONS if question.is_estimated}
    return tuple(graphlib.TopologicalSorter(needs).static_order())


def estimate(
    study: studies.Study, *, timings: Callable[[], Mapping[str, float | None]] = dict
) -> Json:
    """Computes all scores, trajectories and analyses of a study and replaces its derived files.

    The files appear all together when everything has been computed.

    Args:
      study: Study.
      timings: function that returns entries of the summary about the command; called at the end.

    Returns:
      The summary: points, trajectory classes, reliability, and an entry per analysis.
    """
    stop = studies.read_stop(study)
    outcomes = [read_outcomes(study, point) for point in study.points]
    sources = {o.point.name: o.source for o in outcomes}
    with studies.replacing(study, sources) as staged:
        summary = {**_estimate(staged, outcomes), "stop": stop, **timings()}
        studies.write_summary(staged, summary)
    return summary


def _estimate(study: studies.Study, outcomes: Sequence[PointOutcomes]) -> Json:
    axis = study.config["axis"]
    summary: Json = {
        "layout": LAYOUT,
        "axis": axis if axis["field"] else None,
        "points": [],
        "split_half": {},
    }
    counts = ("train_copies", "groups_with_different_labels", "test_in_train")
    summary["duplicates"] = {name: studies.duplicates(study)[name] for name in counts}
    summary["train_seconds"] = sum(i["seconds"] for o in outcomes for i in o.infos)
    for point_outcomes in outcomes:
        mask = big_arrays.take(study.train_mask, point_outcomes.index)
        estimates = {
            name: estimators.memorization(getattr(point_outcomes, name), mask)
            for name in studies.OUTCOMES
        }
        studies.write_estimates(study, point_outcomes.point, estimates)
        summary["points"].append(summary_lib.of_point(study, point_outcomes, estimates))
        half = estimators.split_half(point_outcomes.correct, mask, study.config["seed"])
        summary["split_half"][point_outcomes.point.name] = dataclasses.asdict(half)
    by_series = along_axis.analyze(study, outcomes)
    studies.write_trajectories(study, {name: arrays for name, (arrays, _) in by_series.items()})
    for key in ("", "_stderr", "_margin", "_null", "_nonconstant"):
        summary[f"trajectory_classes{key}"] = {
            name: {str(alpha): shares[alpha][key] for alpha in along_axis.ALPHAS}
            for name, (_, shares) in by_series.items()
        }
    for name in estimated():
        module = importlib.import_module(f"memkit.analysis.{name}.estimate")
        summary[name] = module.analyze(study, outcomes)
    summary["tables"] = tables.analyze(study, outcomes)
    return summary
