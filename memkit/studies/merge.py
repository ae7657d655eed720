"""Merges studies of one fingerprint that were trained separately, such as on different machines."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from etils import epath

from memkit import records, storage
from memkit.errors import DamagedFileError, expected
from memkit.studies import copies, creation, own_files, runs, weights
from memkit.studies import points as points_lib
from memkit.studies.points import Point
from memkit.studies.study import Study, exists, load
from memkit.typing import Config, Path

_SAME = {
    "data_fingerprint": "the same images and labels",
    "labels_fingerprint": "the same given labels",
    "model_fingerprint": "the same code of the model",
}


@dataclasses.dataclass(frozen=True)
class Merged:
    """What the merged study took from one of its sources.

    Attributes:
      source: folder of the source.
      copied: number of runs that were copied.
      same: number of runs that existed already, with the same arrays.
      different: (point name, run) of runs that existed already with other arrays, which stay.
      problems: {file of the source: why it was left out}.
    """

    source: epath.Path
    copied: int
    same: int
    different: tuple[tuple[str, int], ...]
    problems: dict[str, str]


def merge(
    workdir: Path, sources: Sequence[Path], *, command: str = ""
) -> tuple[Study, list[Merged]]:
    """Copies the sound runs of studies into a folder where these runs are missing.

    The record and the weights of a teacher's run come from the same source. Estimates, reports and
    removal studies are not copied, because they can be computed from the runs. After an
    interruption the folder holds a study with fewer runs; the same call continues.

    Args:
      workdir: folder of the merged study: one of the same fingerprint, or a new one.
      sources: folders of studies, in order of preference. They may differ only by growth, and one
        study must have the runs, axis values and series of all others.
      command: the command line, stored in study.json.

    Raises:
      InputError: names the first difference between studies; nothing has been written.
    """
    folder = storage.path(workdir)
    studies = [load(source) for source in sources]
    _check_folders(folder, sources)
    storage.check_writable("--workdir", folder)
    old = load(folder) if exists(folder) else None
    everything = studies if old is None else [old, *studies]
    for other in everything[1:]:
        _check_same(everything[0], other)
    target = _make(folder, old, _largest(everything), command)
    return target, [_take(target, study) for study in studies]


def _check_folders(workdir: Path, sources: Sequence[Path]) -> None:
    folders = [storage.resolved(folder) for folder in (workdir, *sources)]
    if len(set(folders)) < len(folders):
        raise expected("--with", "folders that differ, also from --workdir", ", ".join(folders))


def _check_same(first: Study, other: Study) -> None:
    """Checks that a study differs from another only by growth."""
    for field, value, other_value in points_lib.differences(first.config, other.config):
        if field not in points_lib.GROWS:
            expectation = f"studies with {field}={value}, as in {first.workdir}"
            raise expected("--with", expectation, f"{field}={other_value} in {other.workdir}")
    for entry, description in _SAME.items():
        if first.info[entry] != other.info[entry]:
            expectation = f"{description} as in {first.workdir}"
            raise expected("--with", expectation, f"others in {other.workdir}")
    num = min(len(first.train_mask), len(other.train_mask))
    if not np.array_equal(first.train_mask[:num], other.train_mask[:num]):
        expectation = f"the same subsets as in {first.workdir}"
        raise expected("--with", expectation, f"others in {other.workdir}")


def _largest(studies: Sequence[Study]) -> Study:
    """Returns the first study that has the runs, axis values and series of all others."""
    for study in studies:
        if all(_contains(study.config, other.config) for other in studies):
            return study
    sizes = [
        f"{len(s.train_mask)} runs, axis {s.config['axis']['values']}, series {s.config['series']}"
        for s in studies
    ]
    expectation = (
        "one study that holds the runs, axis values and series of all others (grow one first)"
    )
    raise expected("--with", expectation, "; ".join(sizes))


def _contains(large: Config, small: Config) -> bool:
    """Returns whether a config has at least the runs, axis values and series of another."""
    if large["subsets"]["num_runs"] < small["subsets"]["num_runs"]:
        return False
    pairs = ((large["axis"]["values"], small["axis"]["values"]), (large["series"], small["series"]))
    return all(set(map(str, few)) <= set(map(str, many)) for many, few in pairs)


def _make(workdir: epath.Path, old: Study | None, largest: Study, command: str) -> Study:
    """Creates or grows the study of a folder; returns it."""
    if old is None:
        creation.check_new(workdir)
        for name, reason in own_files.changed(largest).items():
            remedy = "list a study with sound files first"
            raise DamagedFileError(largest.workdir / name, reason, remedy)
        copies.copy_description(largest, workdir)
        creation.write_design(workdir, largest, None, command)
    elif not _contains(old.config, largest.config):
        config = points_lib.plain(old.config)
        for field in points_lib.GROWS:
            section, _, name = field.partition(".")
            if name:
                config[section][name] = largest.config[section][name]
            else:
                config[section] = largest.config[section]
        grown = dataclasses.replace(largest, config=config)
        creation.write_design(workdir, grown, old, command)
    return load(workdir)


def _take(target: Study, source: Study) -> Merged:
    """Copies the runs of a source that the target does not have."""
    copied, same, different = 0, 0, []
    problems: dict[str, str] = {}
    for point in source.points:
        in_target, _ = _sound(target, point)
        in_source, broken = _sound(source, point)
        problems |= broken
        if in_source:  # Features are computed with the first run.
            problems |= copies.copy_features(source, target.workdir, point)
        for run in sorted(in_source):
            if run not in in_target:
                copies.copy_run(source, target.workdir, point, run)
                copied += 1
            elif _arrays(source, point, run) == _arrays(target, point, run):
                same += 1
            else:
                different.append((point.name, run))
    return Merged(source.workdir, copied, same, tuple(different), problems)


def _sound(study: Study, point: Point) -> tuple[set[int], dict[str, str]]:
    """Returns (runs with a sound record, and sound weights if they teach; {file: why not})."""
    present = runs.read_runs(study, point)
    complete, problems = weights.complete_runs(study, point, present)
    return complete, present.problems | problems


def _arrays(study: Study, point: Point, run: int) -> dict[str, bytes]:
    """Returns {name: bytes} of a record."""
    arrays, _ = records.read(runs.record_file(study, point, run), study.sizes_at(point, run))
    return {name: array.tobytes() for name, array in arrays.items()}
