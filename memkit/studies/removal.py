"""The removal study of a point: a study of its own, in a folder inside the study it belongs to."""

import copy

import numpy as np

from memkit.errors import expected
from memkit.estimators import removal
from memkit.studies import creation, results
from memkit.studies.points import ONE_HOT
from memkit.studies.study import exists, load

ROWS = "removal_rows"  # arrays of the removal study that say what each run leaves out


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
    folder = _folder(study, point)
    if exists(folder) and not np.array_equal(
        load(folder, is_growing=True).train_mask, rows.train_mask
    ):
        wanted = f"what {folder} was made with; delete that folder to make it again"
        raise expected("--thresholds", wanted, "other removals, or new scores")
    config = copy.deepcopy(point.config)
    config["axis"], config["series"] = {"field": "", "values": []}, [ONE_HOT]
    config["subsets"]["num_runs"] = len(rows.kind)
    made = creation.open_or_create(folder, config, dataset, mask=rows.train_mask, command=command)
    arrays = {name: value for name, value in vars(rows).items() if name != "train_mask"}
    results.write_arrays(made, ROWS, arrays)
    return made


def find(study, point):
    """Returns (removal study, its removal.Rows) of a point, or None where there is none."""
    folder = _folder(study, point)
    if not exists(folder):
        return None
    made = load(folder)
    arrays = results.read_arrays(made, ROWS)
    return None if arrays is None else (made, removal.Rows(made.train_mask, **arrays))


def _folder(study, point):
    return study.workdir / "removal" / point.name
