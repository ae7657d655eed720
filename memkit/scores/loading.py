"""Scores of a finished study, from its files."""

from typing import TYPE_CHECKING

from absl import logging
from etils import epy

from memkit import analysis, storage, studies
from memkit.analysis.audit import estimate as auditing
from memkit.analysis.audit.result import LabelAudit
from memkit.errors import InputError, expected, missing
from memkit.scores.point_scores import Scores, of_content
from memkit.studies import Point, Study
from memkit.typing import Path

with epy.lazy_imports():  # Charts are slow to import.
    from memkit.report import gather

if TYPE_CHECKING:
    from memkit.report.content import Content


def load(workdir: Path, *, point: str | None = None) -> Scores:
    """Returns the scores of a finished study.

    Estimates that are missing, or that were computed from other records than the present ones, are
    computed and written first, as `memkit estimate` does.

    Args:
      workdir: folder or object-store address of the study.
      point: name of the point, such as "one_hot_width16". By default it is the last point of the
        first series: the largest model in a study of sizes.

    Raises:
      InputError: the folder holds no study, the study has no such point, or the point has no
        finished run.

    Examples:
      >>> print(str(load(workdir)).partition(":")[0])
      Scores of 60 images at one_hot_width2, the last of 2 points of series one_hot.
      Mean memorization is 0.29 ± 0.04
      >>> load(workdir, point="one_hot_width1").point
      'one_hot_width1'
    """
    return of_study(studies.load(workdir), point=point)


def of_study(study: Study, *, point: str | None = None) -> Scores:
    """Returns the scores of a study, see `load`.

    Everything is read here, so the Scores do not need the study's folder afterwards, except for the
    pictures of studies of more than 100,000 examples.
    """
    chosen = auditing.default_point(study) if point is None else study.point(point)
    _check_has_runs(study, chosen)
    content = _content(study)
    of_point = next(entry for entry in content.summary.points if entry.name == chosen.name)
    if not of_point.num_runs:
        received = f"{chosen.name}, whose runs all failed (see `memkit status`)"
        raise expected("point", "a point with runs that did not diverge", received)
    audit = content.results[LabelAudit]
    if audit.point != chosen.name:
        estimates = content.scores[chosen.name]
        audit = auditing.at_point(study, chosen.name, estimates=estimates)
    return of_content(study, chosen.name, content, audit)


def _check_has_runs(study: Study, point: Point) -> None:
    if studies.listed_runs(study, point):
        return
    others = [other.name for other in study.points if studies.listed_runs(study, other)]
    if others:
        raise expected("point", f"a point with finished runs ({', '.join(others)})", point.name)
    raise missing("workdir", f"finished runs in {study.workdir}", "train them with `memkit train`")


def _content(study: Study) -> "Content":
    """Returns the Content of a study, whose estimates are computed if they are not up to date."""
    try:
        return gather.content(study)
    except InputError as error:
        log = logging.warning if studies.vanished(study) else logging.info
        log("the estimates are computed: %s", error)
    storage.check_writable("workdir", study.workdir)
    analysis.estimate(study)
    return gather.content(study)
