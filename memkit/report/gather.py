"""Builds the Content of a report from the files of a study."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from memkit import analysis, big_arrays, records, studies
from memkit.analysis.audit import estimate as audit
from memkit.errors import expected
from memkit.estimators import audit as auditing
from memkit.report.content import Content
from memkit.studies import Runs, Study
from memkit.sweeps.progress import duration
from memkit.typing import Array, BoolArray, IntArray, Json

_ARRAYS = ("curve", "train_predicted")
_SHOWN = 10  # the most records left out that the report names


def content(study: Study) -> Content:
    """Returns the Content of a study that has estimates.

    Raises:
      InputError: there are no estimates yet, or they are those of another version of memkit.
    """
    summary = studies.read_summary(study)
    if summary.get("layout") != analysis.LAYOUT:
        expectation = "estimates of this version (run `memkit estimate` again)"
        raise expected("--workdir", expectation, f"those of another version in {study.workdir}")
    studies.check_sources(study)
    curves, predicted = {}, {}
    infos: list[Json] = []
    left_out: dict[str, str] = {}
    copies = audit.copies_of(study).groups
    for point in study.points:
        runs = studies.read_runs(study, point, _ARRAYS)
        infos += runs.infos
        left_out |= runs.problems
        if not len(runs.index):
            predicted[point.name] = np.full(study.sizes.train, -1)
            continue
        usable = np.array([info["status"] in records.USABLE for info in runs.infos])
        curves[point.name] = runs.arrays["curve"][usable]
        predicted[point.name] = _most_votes(study, runs, usable, copies)
    examples = study.examples
    thumbnails, test_thumbnails = studies.thumbnails(study)
    return Content(
        title=study.config["report"]["title"],
        summary=summary,
        config=study.config,
        provenance=_provenance(study, summary, infos, left_out),
        ids=examples.train_ids,
        labels=examples.train_labels,
        given_labels=examples.given_labels,
        class_names=tuple(examples.class_names),
        thumbnails=thumbnails,
        test_ids=examples.test_ids,
        test_labels=examples.test_labels,
        test_thumbnails=test_thumbnails,
        curves=curves,
        scores={p.name: studies.read_estimates(study, p) for p in study.points},
        out_predicted=predicted,
        trajectories={
            name: _with_alphas(arrays) for name, arrays in studies.read_trajectories(study).items()
        },
        arrays={name: studies.read_arrays(study, name) or {} for name in analysis.estimated()},
        point_arrays={name: _by_point(study, name) for name in analysis.estimated()},
    )


def _most_votes(
    study: Study, runs: Runs, usable: BoolArray, copies: Sequence[IntArray]
) -> IntArray:
    """Returns the class [N] with the most votes, see `estimators.audit.Votes.most`."""
    in_subset = auditing.with_copies(big_arrays.take(study.train_mask, runs.index[usable]), copies)
    predicted = big_arrays.take(runs.arrays["train_predicted"], usable)
    labels, num_classes = study.examples.given_labels, study.sizes.classes
    return auditing.votes(predicted, in_subset, labels, num_classes).most(labels)


def _by_point(study: Study, name: str) -> dict[str, dict[str, Array]]:
    by_point = {p.name: studies.read_arrays(study, name, point=p) for p in study.points}
    return {point: arrays for point, arrays in by_point.items() if arrays is not None}


def _with_alphas(arrays: Mapping[str, Array]) -> dict[str, Any]:
    plain = {k: v for k, v in arrays.items() if not k.startswith("classes_")}
    classes = {
        float(k.removeprefix("classes_")): v for k, v in arrays.items() if k.startswith("classes_")
    }
    return plain | {"classes": classes}


def _listed(left_out: dict[str, str]) -> str:
    """Lists the records that the report does not use, the first of them with the reason."""
    for name, reason in left_out.items():
        logging.warning("%s is left out of the report: %s", name, reason)
    shown = [f"{name} ({reason})" for name, reason in itertools.islice(left_out.items(), _SHOWN)]
    more = [f"and {len(left_out) - _SHOWN} more"] if len(left_out) > _SHOWN else []
    return ", ".join(shown + more) or "none"


def _provenance(
    study: Study,
    summary: Json,
    infos: list[Json],
    left_out: dict[str, str],
) -> dict[str, str]:
    def distinct(values: Iterable[str]) -> str:
        return ", ".join(sorted(set(values))) or "none yet"

    versions = [f"{k} {v}" for info in infos for k, v in info["versions"].items()]
    versions += [f"memkit {study.info['versions']['memkit']}"]
    rate = summary["runs_per_second"]
    copies = studies.duplicates(study)
    return {
        "workdir": str(study.workdir),
        "made": study.info["created"],
        "command": study.info["command"],
        "engine": distinct(f"{info['engine']} on {info['device']}" for info in infos),
        "versions": distinct(versions),
        "hosts": f"{len({info['host'] for info in infos})}",
        "training time, sum over runs": duration(summary["train_seconds"]),
        "last command": duration(summary["wall_seconds"]),
        "speed of the last command": f"{rate:.2f} runs per second" if rate else "trained nothing",
        "exact copies": f"{copies['train_copies']} within train "
        f"({copies['groups_with_different_labels']} groups with different labels), "
        f"{copies['test_in_train']} test images in train",
        "records left out": _listed(left_out),
        "study fingerprint": study.info["fingerprint"],
        "data fingerprint": study.info["data_fingerprint"],
    }
