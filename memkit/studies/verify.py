"""Whether the files of a study are what their names say. Nothing is written, no engine imported."""

import dataclasses
import json

import numpy as np

from memkit import storage, subsets
from memkit.studies import creation, removal, results, runs, weights
from memkit.studies import points as points_lib
from memkit.studies.study import (
    DESIGN_FILE,
    DUPLICATES_FILE,
    EXAMPLES_FILE,
    STUDY_FILE,
    check_exists,
    load,
    read_npz,
)

_ARRAYS, _TEXTS = (EXAMPLES_FILE, DESIGN_FILE), (STUDY_FILE, DUPLICATES_FILE)


@dataclasses.dataclass(frozen=True)
class Verified:
    """What of a study is sound and what is not.

    Attributes:
      study: Study, or None where its own files cannot be read.
      sound: {point name: {run: info of the record}}.
      weights: number of sound files of teachers' weights.
      problems: {file relative to the workdir: what is wrong with it}.
    """

    study: object
    sound: dict
    weights: int
    problems: dict


def verify(workdir):
    """Checks every file that the numbers of a study rest on; others may be writing to it.

    Files of the study itself: readable, and consistent with its fingerprints; the design is drawn
    again. Records: checksum, study, point, run, subset and shapes. Weights: of whose run they are,
    and the sums of the archive; a teacher's record needs its weights.

    Args:
      workdir: folder or object-store address.

    Returns:
      Verified.

    Raises:
      InputError: the folder holds no study, or one of an earlier version.
    """
    workdir = storage.path(workdir)
    check_exists(workdir)
    problems = _unreadable(workdir)
    if problems:
        return Verified(None, {}, 0, problems)
    study = load(workdir)
    problems = _inconsistent(study)
    sound, num_weights = {}, 0
    for point in study.points:
        found = runs.read_runs(study, point)
        problems |= found.problems | runs.strays(study, point)
        sound[point.name] = dict(zip(found.index.tolist(), found.infos, strict=True))
        if weights.is_teacher(study, point):
            whole, broken = weights.check_weights(study, point, found)
            num_weights += len(whole)
            problems |= broken
    return Verified(study, sound, num_weights, problems)


def _unreadable(workdir):
    """Returns {file: reason} of the study's own files that cannot be read."""
    problems = {}
    for name in (*_TEXTS, *_ARRAYS):
        try:
            if name in _TEXTS:
                json.loads((workdir / name).read_text())
                continue
            with read_npz(workdir / name) as file:
                for key in file.files:
                    file[key]  # Reading checks its sum.
        except FileNotFoundError:
            problems[name] = "is missing"
        except Exception as error:  # Damaged bytes make the zip and npy readers raise anything.
            problems[name] = f"cannot be read ({type(error).__name__})"
    return problems


def _inconsistent(study):
    """Returns {file: reason} of the study's own files that contradict each other."""
    problems, examples = {}, study.examples
    config, mask = study.config, study.train_mask
    if study.info["fingerprint"] != points_lib.study_fingerprint(
        config, points_lib.origin(study.info)
    ):
        problems[STUDY_FILE] = "the fingerprint is not that of the config"
    num, wanted = len(examples.train_ids), (config["subsets"]["num_runs"], len(examples.train_ids))
    if creation.labels_fingerprint(examples.given_labels) != study.info["labels_fingerprint"]:
        problems[EXAMPLES_FILE] = "the given labels are not those the study was made with"
    elif len(set(examples.train_ids.tolist())) < num or len(examples.given_labels) != num:
        problems[EXAMPLES_FILE] = "there is not one id per example"
    if mask.shape != wanted:
        problems[DESIGN_FILE] = f"a mask of {list(mask.shape)}, the study needs {list(wanted)}"
    elif results.read_arrays(study, removal.ROWS) is None and not np.array_equal(
        mask, _design(config, examples.given_labels)
    ):
        problems[DESIGN_FILE] = "the subsets are not those that the config draws"
    return problems


def _design(config, given_labels):
    options = config["subsets"]
    return subsets.design(
        options["design"],
        labels=given_labels,
        num_runs=options["num_runs"],
        train_fraction=options["train_fraction"],
        seed=config["seed"],
    )


def text(found):
    """Returns one line of counts."""
    problems = len(found.problems)
    said = f"{problems or 'no'} problem{'' if problems == 1 else 's'}"
    if found.study is None:
        return f"the study's own files are unsound, {said}"
    total = len(found.study.train_mask) * len(found.study.points)
    parts = [f"{sum(map(len, found.sound.values()))} sound records of {total} runs"]
    if found.weights:
        parts.append(f"{found.weights} sound files of weights")
    return ", ".join([*parts, said])
