"""Checks that derived files were computed from the present records of a study."""

import concurrent.futures

from memkit import records
from memkit.errors import InputError, missing
from memkit.studies import manifest, removal, runs
from memkit.studies.points import Point
from memkit.studies.study import Study
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
