"""Creates the folder of a study, or grows an existing one."""

import datetime
import hashlib
import importlib.metadata

import numpy as np
from etils import epath

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
from memkit.typing import BoolArray, Config, IntArray, Json, Path

# Written before study.json: a folder with these files alone is a creation that was interrupted.
_WRITTEN_FIRST = {DUPLICATES_FILE, EXAMPLES_FILE, DESIGN_FILE, pictures.FILE, pictures.FOLDER}
_PACKAGES = ("memkit", "numpy", "scipy", "scikit-learn", "keras", "altair")


def draft(config: Config, dataset: ImageDataset, mask: BoolArray | None = None) -> Study:
    """Returns the study of a config without a folder; no file is read or written.

    Args:
      config: nested dict that passed `checks.check`.
      dataset: the ImageDataset that the config names.
      mask: [M, N] bool, a train mask that replaces the design of the config.

    Raises:
      InputError: a subset is smaller than a batch, there are too few runs, or the normalization has
        another number of channels.
    """
    plain: Json = points_lib.plain(config)
    _check_normalization(plain, dataset)
    given_labels = label_noise.plant(
        dataset.train_labels,
        dataset.num_classes,
        seed=plain["seed"],
        class_names=dataset.class_names,
        ids=dataset.train_ids,
        **plain["labels"],
    )
    if mask is None:
        mask = subsets.design(
            plain["subsets"]["design"],
            labels=given_labels,
            num_runs=plain["subsets"]["num_runs"],
            train_fraction=plain["subsets"]["train_fraction"],
            seed=plain["seed"],
        )
    fingerprint = datasets.fingerprint(dataset)
    info = {
        "data_fingerprint": fingerprint,
        "labels_fingerprint": labels_fingerprint(given_labels),
        "model_fingerprint": models.code_fingerprint(
            {point.config["model"]["name"] for point in points_lib.points(plain)}
        ),
    }
    points = points_lib.points(plain, points_lib.origin(info))
    for point in points:
        recipe.steps_per_epoch(int(mask.sum(axis=1).min()), point.config["training"]["batch_size"])
    examples = Examples(
        train_ids=dataset.train_ids,
        train_labels=dataset.train_labels,
        given_labels=given_labels,
        test_ids=dataset.test_ids,
        test_labels=dataset.test_labels,
        class_names=np.array(dataset.class_names),
    )
    return Study(None, plain, info, points, examples, mask)


def open_or_create(
    workdir: Path,
    config: Config,
    dataset: ImageDataset,
    *,
    mask: BoolArray | None = None,
    command: str = "",
) -> Study:
    """Opens, creates or grows the study of a config; study.json is written last.

    Args:
      workdir: folder or object-store address.
      config: nested dict that passed `checks.check`.
      dataset: the ImageDataset that the config names.
      mask: see `draft`.
      command: the command line, stored so that a report can show how to reproduce the study.

    Raises:
      InputError: as `draft`, or the folder holds another study or other files, or cannot be
        written. Nothing has been written then.
    """
    folder = storage.path(workdir)
    new = draft(config, dataset, mask)
    old = _check_workdir(folder, new)
    if old is None:
        _write_description(folder, new, dataset)
    if old is None or old.config != new.config:
        write_design(folder, new, old, command)
    return load(folder)


def _write_description(workdir: epath.Path, new: Study, dataset: ImageDataset) -> None:
    """Writes the files that do not grow with a study, and adds their hashes to its info."""
    contents = {
        DUPLICATES_FILE: files.json_bytes(_duplicates(dataset)),
        EXAMPLES_FILE: files.npz_bytes(vars(new.examples)),
    }
    for name, data in contents.items():
        storage.write(workdir / name, data, inside=workdir)
    hashes = {name: files.sha256(data) for name, data in contents.items()}
    new.info["files"] = hashes | pictures.write(workdir, dataset)


def write_design(workdir: epath.Path, new: Study, old: Study | None, command: str) -> None:
    """Writes the subsets of a study, then study.json, which completes the study.

    Args:
      old: the Study that grows, or None if the folder holds none.
      command: see `open_or_create`.
    """
    mask = new.train_mask
    arrays = {"train_mask": np.packbits(mask), "shape": mask.shape}
    files.write_npz(workdir / DESIGN_FILE, inside=workdir, **arrays)
    files.write_json(workdir / STUDY_FILE, _study_json(new, old, command), inside=workdir)


def check_new(workdir: epath.Path) -> None:
    """Raises an InputError if a folder without a study holds other files."""
    names = set(storage.names(workdir)) - _WRITTEN_FIRST
    foreign = sorted(name for name in names if not is_system_file(name))
    if foreign:
        others = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        received = f"{workdir} with {printable(foreign[0])}{others}"
        raise expected("--workdir", "a new, empty or study folder", received)


def _check_workdir(workdir: epath.Path, new: Study) -> Study | None:
    """Returns the existing study, or None; raises an InputError if the two must not be mixed."""
    storage.check_writable("--workdir", workdir)
    if not exists(workdir):
        check_new(workdir)
        return None
    old = load(workdir, is_growing=True)
    points_lib.check_growth(old.config, new.config)
    if old.info["data_fingerprint"] != new.info["data_fingerprint"]:
        raise expected("dataset", f"the images and labels of {workdir}", "other data")
    if old.info["labels_fingerprint"] != new.info["labels_fingerprint"]:
        raise expected("labels", f"the given labels of {workdir}", "other labels")
    if old.info["model_fingerprint"] != new.info["model_fingerprint"]:
        raise expected("model.name", f"the code of the model of {workdir}", "code that has changed")
    if not np.array_equal(old.train_mask, new.train_mask[: len(old.train_mask)]):
        raise InputError(
            f"--workdir: expected the subsets of {workdir}, received those of another memkit "
            "version or of other removals; use another folder"
        )
    return old


def _check_normalization(config: Config, dataset: ImageDataset) -> None:
    channels = dataset.image_shape[-1]
    for name in ("mean", "std"):
        if len(config["dataset"][name]) != channels:
            kind = "gray" if channels == 1 else "color"
            expectation = f"one number per channel, {channels} for these {kind} images"
            raise expected(f"dataset.{name}", expectation, len(config["dataset"][name]))


def labels_fingerprint(given_labels: IntArray) -> str:
    """Returns the hash of the given labels [N] int32."""
    return hashlib.sha256(given_labels.tobytes()).hexdigest()[:16]


def _study_json(new: Study, old: Study | None, command: str) -> Json:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {
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


def _duplicates(dataset: ImageDataset) -> Json:
    """Returns the content of duplicates.json: counts and ids of images with identical pixels."""
    groups = duplicates.find(dataset)
    train, test = dataset.train_ids, dataset.test_ids
    return {
        "train_copies": groups.num_train_copies,
        "groups_with_different_labels": int(groups.labels_disagree.sum()),
        "test_in_train": groups.num_test_in_train,
        "train_groups": [train[group].tolist() for group in groups.train_groups],
        "train_test_pairs": [[str(train[i]), str(test[j])] for i, j in groups.train_test_pairs],
    }
