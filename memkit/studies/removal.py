"""The removal study of a point: a separate study in a folder inside the study of the point."""

import copy
import dataclasses
from collections.abc import Sequence

import numpy as np
from etils import epath

from memkit import storage, subsets
from memkit.data.dataset import ImageDataset
from memkit.errors import DamagedFileError, expected
from memkit.estimators import removal
from memkit.studies import creation, files, results
from memkit.studies.points import ONE_HOT, Point
from memkit.studies.study import STUDY_FILE, Study, exists, load

ROWS_FILE = "analyses/removal_rows.npz"  # of the removal study: what each run leaves out


def create(
    study: Study,
    point: Point,
    dataset: ImageDataset,
    *,
    thresholds: Sequence[float],
    repeats: int,
    command: str,
) -> Study:
    """Returns the removal study of a point that has estimates; creates it if it does not exist.

    Args:
      point: the Point whose memorization decides what is removed and whose model is trained.
      thresholds: floats in (-1, 1].
      repeats: runs per kind and threshold.

    Raises:
      InputError: there are no estimates, a removal leaves less than a batch, or the folder was
        created with other removals.
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
    num_left = int(rows.train_mask.sum(axis=1).min())
    batch = point.config["training"]["batch_size"]
    if num_left < batch:
        expectation = f"values that leave at least a batch of {batch} examples"
        raise expected("--thresholds", expectation, f"{min(thresholds)}, which leaves {num_left}")
    where = folder(study, point)
    storage.check_inside(where / STUDY_FILE, study.workdir)
    if exists(where) and not np.array_equal(
        load(where, is_growing=True).train_mask, rows.train_mask
    ):
        expectation = f"the removals of {where} (delete that folder to create it again)"
        raise expected("--thresholds", expectation, "other removals or new scores")
    config = copy.deepcopy(point.config)
    config["axis"], config["series"] = {"field": "", "values": []}, [ONE_HOT]
    config["subsets"]["num_runs"] = len(rows.kind)
    if config["subsets"]["design"] == subsets.LEAVE_ONE_OUT:  # These runs are not paired.
        config["subsets"]["design"] = "random"
    child = creation.open_or_create(where, config, dataset, mask=rows.train_mask, command=command)
    arrays = {name: value for name, value in vars(rows).items() if name != "train_mask"}
    files.write_checked_npz(child.workdir / ROWS_FILE, inside=child.workdir, **arrays)
    return child


def find(study: Study, point: Point) -> tuple[Study, removal.Rows] | None:
    """Returns (removal study, its removal.Rows) of a point, or None if there is none."""
    if study.workdir is None or not exists(where := folder(study, point)):
        return None
    child = load(where)
    rows = read_rows(child)
    return None if rows is None else (child, rows)


def read_rows(study: Study) -> removal.Rows | None:
    """Returns what each run of a removal study leaves out, or None if it is another study.

    Raises:
      DamagedFileError: the file with the removals is damaged.
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


def folder(study: Study, point: Point) -> epath.Path:
    """Returns the path of the removal study of a point, which may not exist."""
    return study.workdir / "removal" / point.name
