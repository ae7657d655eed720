"""Making a study's folder, and growing one that is there."""

import datetime
import hashlib
import importlib.metadata
import os
from typing import Any

import numpy as np

from memkit import models, recipe, storage, subsets
from memkit.data import dataset as datasets
from memkit.data import duplicates
from memkit.data import labels as label_noise
from memkit.data.dataset import ImageDataset
from memkit.errors import InputError, expected
from memkit.printable import printable
from memkit.studies import files, pictures
from memkit.studies import points as points_lib
from memkit.studies.study import (
    DESIGN_FILE,
    DUPLICATES_FILE,
    EXAMPLES_FILE,
    STUDY_FILE,
    Examples,
    Study,
    exists,
    load,
    subsets_fingerprint,
)
from memkit.system_files import is_system_file

_MADE_FIRST = {DUPLICATES_FILE, EXAMPLES_FILE, DESIGN_FILE, pictures.FILE, pictures.FOLDER}
_PACKAGES = ("memkit", "numpy", "scipy", "scikit-learn", "keras", "altair")


def draft(config, dataset, mask=None):
    """Returns the study of a config without a folder: nothing is read from disk or written.

    Args:
      config: nested dict that passed `checks.check`.
      dataset: the ImageDataset it names.
      mask: [M, N] bool, the train mask where it is not that of the config's design.

    Raises:
      InputError: a subset is smaller than a batch, too few runs, normalization of other channels.
    """
    config = points_lib.plain(config)
    _check_normalization(config, dataset)
    given = label_noise.plant(
        dataset.train_labels,
        dataset.num_classes,
        seed=config["seed"],
        class_names=dataset.class_names,
        **config["labels"],
    )
    if mask is None:
        mask = subsets.design(
            config["subsets"]["design"],
            labels=given,
            num_runs=config["subsets"]["num_runs"],
            train_fraction=config["subsets"]["train_fraction"],
            seed=config["seed"],
        )
    fingerprint = datasets.fingerprint(dataset)
    info = {
        "data_fingerprint": fingerprint,
        "labels_fingerprint": labels_fingerprint(given),
        "model_fingerprint": models.code_fingerprint(
            {point.config["model"]["name"] for point in points_lib.points(config)}
        ),
    }
    found = points_lib.points(config, points_lib.origin(info))
    for point in found:
        recipe.steps_per_epoch(int(mask.sum(axis=1).min()), point.config["training"]["batch_size"])
    examples = Examples(
        train_ids=dataset.train_ids,
        train_labels=dataset.train_labels,
        given_labels=given,
        test_ids=dataset.test_ids,
        test_labels=dataset.test_labels,
        class_names=np.array(dataset.class_names),
    )
    return Study(None, config, info, found, examples, mask)


def open_or_create(workdir, config, dataset, *, mask=None, command=""):
    """Returns the study of a config, made or grown where needed; study.json is written last.

    Args:
      workdir: folder or object-store address.
      config: nested dict that passed `checks.check`.
      dataset: the ImageDataset it names.
      mask: see `draft`.
      command: the command line, kept so that a report can say how to make the study again.

    Raises:
      InputError: as `draft`, or the folder holds another study, other files, or cannot be
        written; nothing is written then.
    """
    workdir = storage.path(workdir)
    new = draft(config, dataset, mask)
    old = _check_workdir(workdir, new)
    if old is None:
        _write_description(workdir, new, dataset)
    if old is None or old.config != new.config:
        write_design(workdir, new, old, command)
    return load(workdir)


def _write_description(workdir: os.PathLike, new: Study, dataset: ImageDataset) -> None:
    """Writes what does not grow with a study, and keeps the hashes of the files."""
    contents = {
        DUPLICATES_FILE: files.json_bytes(_duplicates(dataset)),
        EXAMPLES_FILE: files.npz_bytes(vars(new.examples)),
    }
    for name, data in contents.items():
        storage.write(workdir / name, data, inside=workdir)
    hashes = {name: files.sha256(data) for name, data in contents.items()}
    new.info["files"] = hashes | pictures.write(workdir, dataset)


def write_design(workdir, new, old, command):
    """Writes the subsets of a study, then study.json: from now on the folder holds it.

    Args:
      workdir: path.
      new: the Study as it is to be.
      old: the Study that grows, or None where the folder holds none.
      command: see `open_or_create`.
    """
    mask = new.train_mask
    arrays = {"train_mask": np.packbits(mask), "shape": mask.shape}
    files.write_npz(workdir / DESIGN_FILE, inside=workdir, **arrays)
    files.write_json(workdir / STUDY_FILE, _study_json(new, old, command), inside=workdir)


def check_new(workdir):
    """Refuses a folder without a study that holds files of anything else."""
    names = set(storage.names(workdir)) - _MADE_FIRST
    foreign = sorted(name for name in names if not is_system_file(name))
    if foreign:
        others = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        received = f"{workdir} with {printable(foreign[0])}{others}"
        raise expected("--workdir", "a new, empty or study folder", received)


def _check_workdir(workdir, new):
    """Returns the study already there, or None; refuses anything that would mix two studies."""
    storage.check_writable("--workdir", workdir)
    if not exists(workdir):
        check_new(workdir)
        return None
    old = load(workdir, is_growing=True)
    points_lib.check_growth(old.config, new.config)
    if old.info["data_fingerprint"] != new.info["data_fingerprint"]:
        raise expected("dataset", f"the images and labels {workdir} was made with", "other data")
    if old.info["labels_fingerprint"] != new.info["labels_fingerprint"]:
        raise expected("labels", f"the given labels {workdir} was made with", "others")
    if old.info["model_fingerprint"] != new.info["model_fingerprint"]:
        raise expected("model.name", f"the code {workdir} was made with", "code that has changed")
    if not np.array_equal(old.train_mask, new.train_mask[: len(old.train_mask)]):
        raise InputError(
            f"--workdir: expected the subsets that {workdir} was made with, received those of "
            "another memkit version or of other removals; use another folder"
        )
    return old


def _check_normalization(config, dataset):
    channels = dataset.image_shape[-1]
    for name in ("mean", "std"):
        if len(config["dataset"][name]) != channels:
            raise expected(f"dataset.{name}", f"{channels} numbers", config["dataset"][name])


def labels_fingerprint(given):
    """Returns the hash of the given labels [N] int32."""
    return hashlib.sha256(given.tobytes()).hexdigest()[:16]


def _study_json(new, old, command):
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    info = {
        "config": new.config,
        "fingerprint": points_lib.study_fingerprint(new.config, points_lib.origin(new.info)),
        **new.info,
        "created": old.info["created"] if old else now,
        "changed": now,
        "command": command,
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "points": [point.name for point in new.points],
        "subsets_fingerprint": subsets_fingerprint(new.train_mask),
        "files": (old or new).info["files"],
    }
    return info


def _duplicates(dataset: ImageDataset) -> dict[str, Any]:
    """Lists images with identical pixels by their ids, and counts them."""
    found = duplicates.find(dataset)
    train, test = dataset.train_ids, dataset.test_ids
    return {
        "train_copies": found.num_train_copies,
        "groups_with_different_labels": int(found.labels_disagree.sum()),
        "test_in_train": found.num_test_in_train,
        "train_groups": [train[group].tolist() for group in found.train_groups],
        "train_test_pairs": [[str(train[i]), str(test[j])] for i, j in found.train_test_pairs],
    }
