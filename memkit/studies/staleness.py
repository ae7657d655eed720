"""Compares derived files with the present records that they should have been computed from."""

import concurrent.futures

from memkit import records, storage
from memkit.errors import DamagedFileError, InputError, missing
from memkit.studies import manifest, removal, results, runs
from memkit.studies.points import ONE_HOT, Point
from memkit.studies.study import STUDY_FILE, Study
from memkit.typing import Config

_NUM_READERS = 16  # threads; reads from object stores have a high latency


def check_sources(study: Study, *, with_removals: bool = True) -> None:
    """Checks that derived files were computed from the present records, with the present options.

    A record that was used and has been damaged since is no error, because it changes no estimate.

    Args:
      with_removals: whether to check the records of removal studies, too.

    Raises:
      InputError: the study has no estimates, or names what has changed since.
    """
    present = manifest.read_manifest(study)
    sources = {name: manifest.Source.from_json(e) for name, e in present["sources"].items()}
    if not sources:
        raise missing("--workdir", f"estimates in {study.workdir}", "run `memkit estimate` first")
    _check_options(study, present["options"])
    for point in study.points:
        if point.name not in sources:
            reason = f"{study.workdir}: {point.name} has no estimates"
            raise InputError(f"{reason}; {manifest.REMEDY}")
        _check_records(study, study, point, point.name, sources[point.name])
        name = f"removal/{point.name}"
        removals = removal.find(study, point) if with_removals else None
        if removals is not None:
            child, _ = removals
            source = sources[name] if name in sources else manifest.Source("", {}, {})
            _check_records(study, child, child.points[0], name, source)


def _check_options(study: Study, used: Config) -> None:
    for name, value in manifest.options(study).items():
        if used.get(name) != value:
            raise InputError(
                f"{study.workdir}: its estimates were computed with report.{name}={used.get(name)},"
                f" the study now has {value}; {manifest.REMEDY}"
            )


def _check_records(
    study: Study, holder: Study, point: Point, name: str, source: manifest.Source
) -> None:
    """Compares the records of a point with those that its estimates were computed from.

    Args:
      holder: Study that the records belong to: the same, or a removal study of it.
      point: Point of the holder.
    """
    listed = runs.listed_runs(holder, point)
    manifest.check_names(study, name, source, listed)

    def checksum(run: int) -> str | None:
        """Returns the checksum of a record, or None if the record is damaged."""
        try:
            if run in source.left_out:
                return str(runs.read_record(holder, point, run)[1]["checksum"])
            return str(runs.read_info(holder, point, run)["checksum"])
        except (records.RecordError, KeyError, TypeError):
            return None

    with concurrent.futures.ThreadPoolExecutor(_NUM_READERS) as readers:
        checksums = dict(zip(sorted(listed), readers.map(checksum, sorted(listed)), strict=True))
    for run, value in checksums.items():
        if value is not None and source.records.get(run) != value:
            raise InputError(
                f"{study.workdir}: its estimates were not computed from the present record of run "
                f"{run} of {name}; {manifest.REMEDY}"
            )


def vanished(study: Study) -> list[str]:
    """Returns the files that the last estimates used and that no longer exist.

    Args:
      study: Study.

    Returns:
      Names relative to the workdir, of records, of files of removal studies and of stop.json. There
      are none without estimates, and none if `derived.json` is damaged.
    """
    try:
        sources = manifest.read_manifest(study)["sources"]
    except DamagedFileError:
        return []
    vanished_files: list[str] = []
    for point in study.points:
        if point.name in sources:
            folder = f"points/{point.name}"
            vanished_files += _vanished_records(study, folder, sources[point.name])
        if (name := f"removal/{point.name}") in sources:
            needed = (f"{name}/{STUDY_FILE}", f"{name}/{removal.ROWS_FILE}")
            vanished_files += [n for n in needed if not storage.exists(study.workdir / n)]
            vanished_files += _vanished_records(study, f"{name}/points/{ONE_HOT}", sources[name])
    return [*vanished_files, *_vanished_stop(study, sources)]


def _vanished_records(study: Study, folder: str, source: Config) -> list[str]:
    """Returns the records of a Source, as JSON, that are no longer in the folder of their point."""
    present = set(storage.names(study.workdir / folder / "runs"))
    names = [f"{run}.npz" for run in manifest.Source.from_json(source).records]
    return [f"{folder}/runs/{name}" for name in names if name not in present]


def _vanished_stop(study: Study, sources: Config) -> list[str]:
    """Returns stop.json if the summary mentions it and no training has removed it."""
    try:
        for point in study.points:
            source = manifest.Source.from_json(sources[point.name])
            manifest.check_names(study, point.name, source, runs.listed_runs(study, point))
        is_mentioned = results.read_summary(study)["stop"] is not None
    except (InputError, KeyError):  # There are other runs now, or no sound summary.
        return []
    is_present = storage.exists(study.workdir / results.STOP_FILE)
    return [results.STOP_FILE] if is_mentioned and not is_present else []
