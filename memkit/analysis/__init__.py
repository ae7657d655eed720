"""From run records to the answers to questions about a study, and to its summary.

Every question is a folder of this package. `result.py` has the type of its result, a frozen
dataclass; `estimate.py` computes it; `chart.py` and `section.py` show it in the report.
"""

import dataclasses
import graphlib
import importlib
from collections.abc import Callable, Sequence
from typing import Any

from memkit import studies
from memkit.analysis import results as storage
from memkit.analysis import tables
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.agreement.result import Agreement
from memkit.analysis.audit.result import LabelAudit
from memkit.analysis.convergence.result import Convergence
from memkit.analysis.distillation.result import Distillation
from memkit.analysis.distribution.result import Distribution
from memkit.analysis.influence.result import Influence
from memkit.analysis.outcomes import PointOutcomes, image_features, read_outcomes
from memkit.analysis.planted.result import Planted
from memkit.analysis.proxies.result import Proxies
from memkit.analysis.removal.result import Removal
from memkit.analysis.similar_images.result import SimilarImages
from memkit.analysis.size_changes.result import SizeChanges
from memkit.analysis.summary import (
    Axis,
    Duplicates,
    PointSummary,
    Results,
    Summary,
    Timing,
    Training,
    table,
)
from memkit.analysis.training_curves.result import TrainingCurves
from memkit.analysis.trajectories.result import TrajectoryClasses
from memkit.errors import expected
from memkit.studies import Study
from memkit.typing import Json

__all__ = [
    "LAYOUT",
    "QUESTIONS",
    "PointOutcomes",
    "PointSummary",
    "Question",
    "Results",
    "Summary",
    "Timing",
    "estimate",
    "image_features",
    "read",
    "read_outcomes",
    "summarize",
    "table",
]

# Version of the summary. It grows when keys change, so that a report asks for new estimates.
LAYOUT = 13


@dataclasses.dataclass(frozen=True)
class Question:
    """A question about a study, answered by the folder of its name.

    Attributes:
      name: of the folder, of the entry of summary.json and of the files with arrays.
      result: type of the result that `estimate.analyze(study, outcomes, results)` returns.
      needs: types of the results of other questions that `analyze` uses.
    """

    name: str
    result: type[Any]
    needs: tuple[type[Any], ...] = ()


# In the order of the report.
QUESTIONS = (
    Question("accuracy", Accuracy),
    Question("distribution", Distribution),
    Question("trajectories", TrajectoryClasses),
    Question("planted", Planted),
    Question("size_changes", SizeChanges, needs=(TrajectoryClasses,)),
    Question("distillation", Distillation),
    Question("influence", Influence),
    Question("removal", Removal, needs=(Influence,)),
    Question("proxies", Proxies, needs=(TrajectoryClasses,)),
    Question("agreement", Agreement),
    Question("convergence", Convergence),
    Question("training_curves", TrainingCurves),
    Question("audit", LabelAudit),
    Question("similar_images", SimilarImages),
)


def in_order() -> tuple[Question, ...]:
    """Returns the questions, each after those whose results it needs."""
    by_result = {question.result: question for question in QUESTIONS}
    needs = {question.result: question.needs for question in QUESTIONS}
    return tuple(by_result[kind] for kind in graphlib.TopologicalSorter(needs).static_order())


def estimate(study: Study, *, timing: Callable[[], Timing] = Timing) -> Summary:
    """Computes all scores and the results of all questions, and replaces the derived files.

    The files appear all together when everything has been computed. Every record is read once;
    those with features are read again.

    Args:
      study: Study.
      timing: returns how long the command took; called at the end.

    Returns:
      The Summary.

    Examples:
      >>> from memkit.analysis.accuracy.result import Accuracy
      >>> summary = estimate(studies.load(workdir))
      >>> round(summary.results[Accuracy].points["one_hot_width2"].train_in.value, 2)
      0.96
    """
    features = image_features(study)
    outcomes = [
        read_outcomes(study, point, with_training=True, features=features) for point in study.points
    ]
    sources = {o.point.name: o.source for o in outcomes}
    with studies.replacing(study, sources) as staged:
        for of_point in outcomes:
            studies.write_estimates(staged, of_point.point, of_point.estimates)
        summary = summarize(staged, outcomes)
        tables.write(staged, outcomes)
        tables.write_near_duplicates(staged, summary.results[SimilarImages])
        summary = dataclasses.replace(summary, timing=timing())
        _write(staged, summary)
    return summary


def summarize(study: Study, outcomes: Sequence[PointOutcomes]) -> Summary:
    """Returns the Summary of the outcomes of every point; writes no file."""
    results: dict[type[Any], Any] = {}
    for question in in_order():
        module = importlib.import_module(f"{__name__}.{question.name}.estimate")
        needed = Results({kind: results[kind] for kind in question.needs})
        results[question.result] = module.analyze(study, outcomes, needed)
    return Summary(
        layout=LAYOUT,
        axis=_axis(study),
        points=tuple(map(_point, outcomes)),
        duplicates=_duplicates(study),
        training=_training(outcomes),
        timing=Timing(),
        stop=studies.read_stop(study),
        results=Results(results),
    )


def read(study: Study) -> Summary:
    """Returns the Summary that `estimate` computed last.

    Raises:
      InputError: there are no estimates yet, or they are those of another version of memkit.
      DamagedFileError: a file is not the one that `memkit estimate` wrote.

    Examples:
      >>> from memkit.analysis.trajectories.result import TrajectoryClasses
      >>> summary = read(studies.load(workdir))
      >>> [point.name for point in summary.points]
      ['one_hot_width1', 'one_hot_width2']
      >>> sorted(summary.results[TrajectoryClasses].series["one_hot"])
      [0.1, 0.2, 0.3]
    """
    stored = studies.read_summary(study)
    if "layout" not in stored or stored["layout"] != LAYOUT:
        expectation = "estimates of this version (run `memkit estimate` again)"
        raise expected("--workdir", expectation, f"those of another version in {study.workdir}")
    results = {
        question.result: storage.read(study, question.name, question.result, stored[question.name])
        for question in QUESTIONS
    }
    fields = {field.name: field.type for field in dataclasses.fields(Summary)}
    del fields["results"]
    values = {name: storage.from_json(stored[name], kind) for name, kind in fields.items()}
    return Summary(**values, results=Results(results))


def _write(study: Study, summary: Summary) -> None:
    fields = [field.name for field in dataclasses.fields(Summary) if field.name != "results"]
    entries: Json = {name: storage.to_json(getattr(summary, name)) for name in fields}
    for question in QUESTIONS:
        result = summary.results[question.result]
        entries[question.name] = storage.write(study, question.name, result)
    studies.write_summary(study, entries)


def _axis(study: Study) -> Axis | None:
    axis = study.config["axis"]
    return Axis(axis["field"], tuple(axis["values"])) if axis["field"] else None


def _point(outcomes: PointOutcomes) -> PointSummary:
    return PointSummary(
        name=outcomes.point.name,
        series=outcomes.point.series,
        axis_value=outcomes.point.axis_value,
        num_runs=len(outcomes.runs),
        diverged=outcomes.count("diverged"),
        blocked=outcomes.count("blocked"),
        collapsed=outcomes.count("collapsed"),
    )


def _duplicates(study: Study) -> Duplicates:
    counts = studies.duplicates(study)
    return Duplicates(
        **{field.name: counts[field.name] for field in dataclasses.fields(Duplicates)}
    )


def _training(outcomes: Sequence[PointOutcomes]) -> Training:
    infos = [info for of_point in outcomes for info in of_point.infos]
    mixed = {o.point.name: studies.mixture(o.infos) for o in outcomes}
    versions = {f"{name} {number}" for info in infos for name, number in info["versions"].items()}
    return Training(
        seconds=sum(info["seconds"] for info in infos),
        engines=tuple(sorted({f"{info['engine']} on {info['device']}" for info in infos})),
        versions=tuple(sorted(versions)),
        num_hosts=len({info["host"] for info in infos}),
        left_out={
            f"points/{o.point.name}/runs/{run}.npz": why
            for o in outcomes
            for run, why in o.left_out.items()
        },
        mixed={name: text for name, text in mixed.items() if text},
    )
