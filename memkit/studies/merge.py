"""Joining studies of one fingerprint that were made apart, such as by machines without a folder
that they share.
"""

import dataclasses

import numpy as np

from memkit import records, storage
from memkit.errors import DamagedFileError, expected
from memkit.studies import copies, creation, own_files, runs, weights
from memkit.studies import points as points_lib
from memkit.studies.study import exists, load

_SAME = {
    "data_fingerprint": "the same images and labels",
    "labels_fingerprint": "the same given labels",
    "model_fingerprint": "the same code of the model",
}


@dataclasses.dataclass(frozen=True)
class Merged:
    """What one study gave to the merged one.

    Attributes:
      source: its folder.
      copied: number of runs that were copied.
      same: number of runs that were there already, with the same arrays.
      different: (point name, run) of runs that were there already with other arrays; those stay.
      problems: {file of the source: why it was left out}.
    """

    source: object
    copied: int
    same: int
    different: tuple
    problems: dict


def merge(workdir, sources, *, command=""):
    """Copies the sound runs of studies into a folder where they are missing.

    A run of a teacher is its record and its weights, from one study. Estimates, reports and removal
    studies are not copied: they follow from the runs that a study has. Interrupted, the folder
    holds a study with fewer runs; the same call goes on.

    Args:
      workdir: folder of the merged study: one of the same fingerprint, or a new one.
      sources: folders of studies, the first ones preferred. They may differ by growth alone, and
        one of all studies must hold the runs, axis values and series of all others.
      command: the command line, kept in study.json.

    Returns:
      (Study, [Merged of each source]).

    Raises:
      InputError: a study differs, by name of the first difference; nothing is written then.
    """
    workdir = storage.path(workdir)
    found = [load(source) for source in sources]
    _check_places(workdir, sources)
    storage.check_writable("--workdir", workdir)
    old = load(workdir) if exists(workdir) else None
    everything = found if old is None else [old, *found]
    for other in everything[1:]:
        _check_same(everything[0], other)
    target = _make(workdir, old, _largest(everything), command)
    return target, [_take(target, source) for source in found]


def _check_places(workdir, sources):
    places = [storage.resolved(folder) for folder in (workdir, *sources)]
    if len(set(places)) < len(places):
        raise expected("--with", "folders that differ, also from --workdir", ", ".join(places))


def _check_same(first, other):
    """Refuses a study that differs from another by more than growth."""
    for field, was, now in points_lib.differences(first.config, other.config):
        if field not in points_lib.GROWS:
            wanted = f"studies with {field}={was}, as in {first.workdir}"
            raise expected("--with", wanted, f"{field}={now} in {other.workdir}")
    for part, what in _SAME.items():
        if first.info[part] != other.info[part]:
            raise expected("--with", f"{what} as in {first.workdir}", f"others in {other.workdir}")
    num = min(len(first.train_mask), len(other.train_mask))
    if not np.array_equal(first.train_mask[:num], other.train_mask[:num]):
        wanted = f"the same subsets as in {first.workdir}"
        raise expected("--with", wanted, f"others in {other.workdir}")


def _largest(found):
    """Returns the first study that holds the runs, axis values and series of all others."""
    for study in found:
        if all(_holds(study.config, other.config) for other in found):
            return study
    sizes = [
        f"{len(s.train_mask)} runs, axis {s.config['axis']['values']}, series {s.config['series']}"
        for s in found
    ]
    wanted = "one study that holds the runs, axis values and series of all others (grow one first)"
    raise expected("--with", wanted, "; ".join(sizes))


def _holds(large, small):
    """True where a config has at least the runs, axis values and series of another."""
    if large["subsets"]["num_runs"] < small["subsets"]["num_runs"]:
        return False
    pairs = ((large["axis"]["values"], small["axis"]["values"]), (large["series"], small["series"]))
    return all(set(map(str, few)) <= set(map(str, many)) for many, few in pairs)


def _make(workdir, old, largest, command):
    """Makes or grows the study of a folder; returns it."""
    if old is None:
        creation.check_new(workdir)
        for name, reason in own_files.changed(largest).items():
            remedy = "name a study first whose files are whole"
            raise DamagedFileError(largest.workdir / name, reason, remedy)
        copies.copy_description(largest, workdir)
        creation.write_design(workdir, largest, None, command)
    elif not _holds(old.config, largest.config):
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


def _take(target, source):
    """Copies the runs of one study that another lacks; returns the Merged."""
    copied, same, different, problems = 0, 0, [], {}
    for point in source.points:
        here, _ = _whole(target, point)
        there, broken = _whole(source, point)
        problems |= broken
        if there:  # Features are made with the first run.
            problems |= copies.copy_features(source, target.workdir, point)
        for run in sorted(there):
            if run not in here:
                copies.copy_run(source, target.workdir, point, run)
                copied += 1
            elif _arrays(source, point, run) == _arrays(target, point, run):
                same += 1
            else:
                different.append((point.name, run))
    return Merged(source.workdir, copied, same, tuple(different), problems)


def _whole(study, point):
    """Returns (runs whose record, and weights where they teach, are sound; {file: why not})."""
    present = runs.read_runs(study, point)
    complete, problems = weights.complete_runs(study, point, present)
    return complete, present.problems | problems


def _arrays(study, point, run):
    """Returns {name: bytes} of a record."""
    arrays, _ = records.read(runs.record_file(study, point, run), study.sizes_at(point, run))
    return {name: array.tobytes() for name, array in arrays.items()}
