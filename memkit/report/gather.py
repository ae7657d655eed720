"""Builds the Content of a report from the files of a study."""

import itertools
from collections.abc import Iterable, Mapping

from absl import logging

from memkit import analysis, studies
from memkit.estimators import Estimate
from memkit.report.content import Content
from memkit.report.sprites import Pictures
from memkit.studies import Study
from memkit.sweeps.progress import duration

_SHOWN = 10  # the most records left out that the report names


def content(study: Study) -> Content:
    """Returns the Content of a study that has estimates; of the records only checksums are read.

    Raises:
      InputError: there are no estimates yet, they are those of another version of memkit, or runs
        have been trained since.
    """
    summary = analysis.read(study)
    studies.check_sources(study)
    scores = {p.name: studies.read_estimates(study, p) for p in study.points}
    return of_summary(study, summary, scores, studies.thumbnails(study))


def of_summary(
    study: Study,
    summary: analysis.Summary,
    scores: Mapping[str, Mapping[str, Estimate]],
    thumbnails: tuple[Pictures, Pictures],
) -> Content:
    """Returns the Content of a study.

    Args:
      study: Study.
      summary: its Summary.
      scores: {point: {score: Estimate}}.
      thumbnails: pictures of the train and of the test examples.
    """
    examples = study.examples
    return Content(
        title=study.config["report"]["title"],
        summary=summary,
        config=study.config,
        provenance=_provenance(study, summary),
        ids=examples.train_ids,
        labels=examples.train_labels,
        given_labels=examples.given_labels,
        class_names=tuple(examples.class_names),
        thumbnails=thumbnails[0],
        test_ids=examples.test_ids,
        test_labels=examples.test_labels,
        test_thumbnails=thumbnails[1],
        scores=scores,
    )


def _listed(left_out: Mapping[str, str]) -> str:
    """Lists the records that the estimates do not use, the first of them with the reason."""
    for name, reason in left_out.items():
        logging.warning("%s is left out of the report: %s", name, reason)
    shown = [f"{name} ({reason})" for name, reason in itertools.islice(left_out.items(), _SHOWN)]
    more = [f"and {len(left_out) - _SHOWN} more"] if len(left_out) > _SHOWN else []
    return ", ".join(shown + more) or "none"


def _provenance(study: Study, summary: analysis.Summary) -> dict[str, str]:
    def listed(texts: Iterable[str]) -> str:
        return ", ".join(texts) or "none yet"

    training, timing, copies = summary.training, summary.timing, summary.duplicates
    ours = f"memkit {study.info['versions']['memkit']}"
    rate, seconds = timing.runs_per_second, timing.wall_seconds
    return {
        "workdir": str(study.workdir),
        "made": study.info["created"],
        "command": study.info["command"],
        "engine": listed(training.engines),
        "versions": listed(sorted({*training.versions, ours})),
        "hosts": str(training.num_hosts),
        "training time, sum over runs": duration(training.seconds),
        "last command": "unknown" if seconds is None else duration(seconds),
        "speed of the last command": f"{rate:.2f} runs per second" if rate else "trained nothing",
        "exact copies": f"{copies.train_copies} within train "
        f"({copies.groups_with_different_labels} groups with different labels), "
        f"{copies.test_in_train} test images in train",
        "records left out": _listed(training.left_out),
        "study fingerprint": study.info["fingerprint"],
        "data fingerprint": study.info["data_fingerprint"],
    }
