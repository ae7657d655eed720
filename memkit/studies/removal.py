"""The removal study of a point: a study of its own, in a folder inside the study it belongs to."""

import copy
import dataclasses
import os

import numpy as np

from memkit import storage
from memkit.errors import DamagedFileError, expected
from memkit.estimators import removal
from memkit.studies import creation, files, results
from memkit.studies.points import ONE_HOT, Point
from memkit.studies.study import STUDY_FILE, Study, exists, load

ROWS_FILE = "analyses/removal_rows.npz"  # of the removal study: what each run leaves out


def create(study, point, dataset, *, thresholds, repeats, command):
    """Returns the removal study of a point with estimates, made where it is not there yet.

    Args:
      study: Study.
      point: the Point whose memorization decides what is removed and whose model is trained.
      dataset: the ImageDataset of the study.
      thresholds: floats in (-1, 1].
      repeats: int, runs per kind and threshold.
      command: the command line.

    Raises:
      InputError: no estimates yet, a removal that leaves less than a batch, or a folder that was
        made with other removals.
    """
    scores = results.read_estimates(study, point)["correct"].value
    pairs = results.read_arrays(study, "influence", point=point)
    rows = removal.design(
        scores,
        thresholds=thresholds,
        repeats=repeats,
        seed=study.config["seed"],
        influential=() if pairs is None else pairs["tr_idx"],
    )
    left = int(rows.train_mask.sum(axis=1).min())
    batch = point.config["training"]["batch_size"]
    if left < batch:
        wanted = f"values that leave at least a batch of {batch} examples"
        raise expected("--thresholds", wanted, f"{min(thresholds)}, which leaves {left}")
    where = folder(study, point)
    storage.check_inside(where / STUDY_FILE, study.workdir)
    if exists(where) and not np.array_equal(
        load(where, is_growing=True).train_mask, rows.train_mask
    ):
        wanted = f"what {where} was made with; delete that folder to make it again"
        raise expected("--thresholds", wanted, "other removals, or new scores")
    config = copy.deepcopy(point.config)
    config["axis"], config["series"] = {"field": "", "values": []}, [ONE_HOT]
    config["subsets"]["num_runs"] = len(rows.kind)
    made = creation.open_or_create(where, config, dataset, mask=rows.train_mask, command=command)
    arrays = {name: value for name, value in vars(rows).items() if name != "train_mask"}
    files.write_checked_npz(made.workdir / ROWS_FILE, inside=made.workdir, **arrays)
    return made


def find(study, point):
    """Returns (removal study, its removal.Rows) of a point, or None where there is none."""
    where = folder(study, point)
    if not exists(where):
        return None
    made = load(where)
    rows = read_rows(made)
    return None if rows is None else (made, rows)


def read_rows(study: Study) -> removal.Rows | None:
    """Returns what each run of a removal study leaves out, or None if it is another study.

    Raises:
      DamagedFileError: the file that says so is damaged.
    """
    where = study.workdir / ROWS_FILE
    try:
        arrays = files.read_checked_npz(where)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        raise DamagedFileError(where, error.reason, "run `memkit removal` again") from error
    names = {field.name for field in dataclasses.fields(removal.Rows)} - {"train_mask"}
    lengths = {array.shape[:1] for array in arrays.values()}
    if arrays.keys() != names or lengths != {study.train_mask.shape[:1]}:
        raise DamagedFileError(where, "not the rows of this removal study")
    return removal.Rows(study.train_mask, **arrays)


def folder(study: Study, point: Point) -> os.PathLike:
    """Returns the path of the removal study of a point, which need not exist."""
    return study.workdir / "removal" / point.name
