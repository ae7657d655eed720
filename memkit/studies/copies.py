"""Copies parts of a study into another folder; each file is written atomically."""

import dataclasses
from collections.abc import Iterable

from etils import epath

from memkit import storage
from memkit.studies import features, files, pictures, runs, weights
from memkit.studies.points import LAST_LAYER, Point
from memkit.studies.study import (
    DESIGN_FILE,
    DUPLICATES_FILE,
    EXAMPLES_FILE,
    STUDY_FILE,
    Study,
    load,
)
from memkit.typing import Path


def copy_description(study: Study, folder: epath.Path) -> None:
    """Copies the files that do not grow with a study: examples, duplicates and thumbnails."""
    names = [DUPLICATES_FILE, EXAMPLES_FILE]
    if storage.exists(study.workdir / pictures.FILE):
        names.append(pictures.FILE)
    names += [f"{pictures.FOLDER}/{n}" for n in storage.names(study.workdir / pictures.FOLDER)]
    for name in names:
        _copy(study.workdir / name, folder / name, inside=folder)


def copy_run(study: Study, folder: epath.Path, point: Point, run: int) -> None:
    """Copies the record of a run, after its weights if it has any."""
    target = dataclasses.replace(study, workdir=folder)
    if run in weights.has_weights(study, point):
        stored = weights.weights_file(study, point, run)
        _copy(stored, weights.weights_file(target, point, run), inside=folder)
    record = runs.record_file(study, point, run)
    _copy(record, runs.record_file(target, point, run), inside=folder)


def copy_features(study: Study, folder: epath.Path, point: Point) -> dict[str, str]:
    """Copies the features that a series `last_layer` learns from, unless they exist already.

    Returns:
      {file: what is wrong} of features that were not copied; training computes them again.
    """
    name = features.features_name(point)
    if point.series != LAST_LAYER or storage.exists(folder / name):
        return {}
    problems = features.check_features(study, point)
    if not problems:
        _copy(study.workdir / name, folder / name, inside=folder)
    return problems


def copy_to_train(study: Study, point: Point, chosen: Iterable[int], folder: Path) -> Study:
    """Copies the part of a study that is needed to train some runs of one point.

    Args:
      chosen: the runs; their records are not copied.
    """
    target = storage.path(folder)
    copy_description(study, target)
    copy_features(study, target, point)
    for run in chosen:
        if point.teacher:
            copy_run(study, target, study.point(point.teacher), run)
    for name in (DESIGN_FILE, STUDY_FILE):
        _copy(study.workdir / name, target / name, inside=target)
    return load(target)


def _copy(source: epath.Path, target: epath.Path, *, inside: epath.Path) -> None:
    storage.write(target, files.read_bytes(source), inside=inside)
