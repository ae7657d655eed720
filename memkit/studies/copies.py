"""Copying parts of a study into another folder; every file appears there whole or not at all."""

import dataclasses
import os

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


def copy_description(study, folder):
    """Copies what does not grow with a study: who is who, duplicates, thumbnails."""
    names = [DUPLICATES_FILE, EXAMPLES_FILE]
    if storage.exists(study.workdir / pictures.FILE):
        names.append(pictures.FILE)
    names += [f"{pictures.FOLDER}/{n}" for n in storage.names(study.workdir / pictures.FOLDER)]
    for name in names:
        _copy(study.workdir / name, folder / name, inside=folder)


def copy_run(study, folder, point, run):
    """Copies the record of a run, after its weights where it has some."""
    there = dataclasses.replace(study, workdir=folder)
    if run in weights.has_weights(study, point):
        stored = weights.weights_file(study, point, run)
        _copy(stored, weights.weights_file(there, point, run), inside=folder)
    record = runs.record_file(study, point, run)
    _copy(record, runs.record_file(there, point, run), inside=folder)


def copy_features(study: Study, folder: os.PathLike, point: Point) -> dict[str, str]:
    """Copies what the runs of a series `last_layer` learn from, unless it is there.

    Returns:
      {file: what is wrong} of features that were not copied; whoever needs them computes them.
    """
    name = features.features_name(point)
    if point.series != LAST_LAYER or storage.exists(folder / name):
        return {}
    problems = features.check_features(study, point)
    if not problems:
        _copy(study.workdir / name, folder / name, inside=folder)
    return problems


def copy_to_train(study, point, chosen, folder):
    """Copies a study with what some runs of one point need to be trained; not their records.

    Args:
      study: Study.
      point: Point.
      chosen: the runs.
      folder: an empty folder.

    Returns:
      The Study in that folder.
    """
    folder = storage.path(folder)
    copy_description(study, folder)
    copy_features(study, folder, point)
    for run in chosen:
        if point.teacher:
            copy_run(study, folder, study.point(point.teacher), run)
    for name in (DESIGN_FILE, STUDY_FILE):
        _copy(study.workdir / name, folder / name, inside=folder)
    return load(folder)


def _copy(where: os.PathLike, to: os.PathLike, *, inside: os.PathLike) -> None:
    storage.write(to, files.read_bytes(where), inside=inside)
