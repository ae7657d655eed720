"""Checks a study's own files, those it was created with: readable and consistent."""

import functools
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from etils import epath

from memkit import storage, subsets, temporary_files
from memkit.errors import DamagedFileError
from memkit.studies import creation, files, pictures, removal
from memkit.studies import points as points_lib
from memkit.studies.study import DESIGN_FILE, EXAMPLES_FILE, STUDY_FILE, Study
from memkit.typing import BoolArray, Config, IntArray, Path

READERS: dict[str, Callable[[Path], Any]] = {
    ".json": files.read_json,
    ".npz": files.read_npz,
}


def unreadable(
    workdir: epath.Path, names: Iterable[str], *, is_optional: bool = False
) -> dict[str, str]:
    """Returns {file: reason} of files that cannot be read in the format of their names."""
    problems = {}
    for name in names:
        read = READERS[pathlib.PurePath(name).suffix]
        why = files.problem(functools.partial(read, workdir / name))
        if why and not (is_optional and why == files.MISSING):
            problems[name] = why
    return problems


def all_files(workdir: epath.Path) -> list[str]:
    """Returns the npz and JSON files of a local study, for one whose own files are damaged."""
    if not storage.is_local(workdir):
        return []
    return sorted(
        os.path.relpath(os.path.join(folder, name), workdir)
        for folder, _, names in os.walk(workdir)
        for name in names
        if pathlib.PurePath(name).suffix in READERS and not temporary_files.is_temporary(name)
    )


def inconsistent(study: Study) -> dict[str, str]:
    """Returns {file: reason} of the study's own files that contradict each other."""
    problems: dict[str, str] = {}
    examples = study.examples
    config, mask = study.config, study.train_mask
    fingerprint = points_lib.study_fingerprint(config, points_lib.origin(study.info))
    if study.info["fingerprint"] != fingerprint:
        problems[STUDY_FILE] = "the fingerprint is not that of the config"
    num = len(examples.train_ids)
    if creation.labels_fingerprint(examples.given_labels) != study.info["labels_fingerprint"]:
        problems[EXAMPLES_FILE] = "the given labels are not those that the study was created with"
    elif len(set(examples.train_ids.tolist())) < num or len(examples.given_labels) != num:
        problems[EXAMPLES_FILE] = "there is not one id per example"
    if why := files.problem(lambda: removal.read_rows(study)):
        problems[removal.ROWS_FILE] = why
    is_drawn = not storage.exists(study.workdir / removal.ROWS_FILE)
    if is_drawn and not np.array_equal(mask, _design(config, examples.given_labels)):
        problems[DESIGN_FILE] = "the subsets are not those that the config draws"
    return problems


def changed(study: Study) -> dict[str, str]:
    """Returns {file: reason} of the files that differ from the hashes in study.json."""
    reasons = {
        name: files.problem(functools.partial(_check_hash, study.workdir / name, expected_hash))
        for name, expected_hash in study.info["files"].items()
    }
    problems = {name: why for name, why in reasons.items() if why}
    if not problems and study.sizes.train + study.sizes.test <= pictures.MANY:
        return unreadable(study.workdir, [pictures.FILE])
    return problems


def _check_hash(where: epath.Path, expected_hash: str) -> None:
    if files.sha256(files.read_bytes(where)) != expected_hash:
        raise DamagedFileError(where, "it is not the file that study.json names")


def _design(config: Config, given_labels: IntArray) -> BoolArray:
    options = config["subsets"]
    return subsets.design(
        options["design"],
        labels=given_labels,
        num_runs=options["num_runs"],
        train_fraction=options["train_fraction"],
        seed=config["seed"],
    )
