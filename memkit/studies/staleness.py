"""Whether the derived files of a study are those of the records that it has now."""

import concurrent.futures

from memkit import records
from memkit.errors import InputError, expected
from memkit.studies import manifest, removal, runs
from memkit.studies.points import Point
from memkit.studies.study import Study

_READERS = 16  # at a time, for object stores, where each read waits


def check_sources(study: Study, *, with_removals: bool = True) -> None:
    """Refuses derived files that were computed from other records, or with other options.

    A record that was used and has been damaged since changes no estimate; it is not refused here.

    Args:
      study: Study.
      with_removals: whether the records of removal studies count.

    Raises:
      InputError: the study has no estimates, or says in one line what has changed since.
    """
    present = manifest.read_manifest(study)
    sources = {name: manifest.Source.from_json(e) for name, e in present["sources"].items()}
    if not sources:
        wanted = "a study with estimates (run `memkit estimate`)"
        raise expected("--workdir", wanted, f"none in {study.workdir / manifest.MANIFEST}")
    _check_options(study, present["options"])
    for point in study.points:
        if point.name not in sources:
            reason = f"{study.workdir}: {point.name} has no estimates"
            raise InputError(f"{reason}; {manifest.REMEDY}")
        _check_records(study, study, point, point.name, sources[point.name])
        name = f"removal/{point.name}"
        made = removal.find(study, point) if with_removals else None
        if made is not None:
            child, _ = made
            source = sources[name] if name in sources else manifest.Source("", {}, {})
            _check_records(study, child, child.points[0], name, source)


def _check_options(study: Study, used: dict[str, object]) -> None:
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
      study: Study whose derived files they are.
      holder: the Study that has the records: the same, or a removal study of it.
      point: Point of the holder.
      name: of the Source.
      source: Source.
    """
    listed = runs.listed_runs(holder, point)
    manifest.check_names(study, name, source, listed)

    def checksum(run: int) -> str | None:
        """Returns that of a record, None if it cannot be read or should not be used."""
        try:
            if run in source.left_out:
                return runs.read_record(holder, point, run)[1]["checksum"]
            return runs.read_info(holder, point, run)["checksum"]
        except (records.RecordError, KeyError, TypeError):
            return None

    with concurrent.futures.ThreadPoolExecutor(_READERS) as readers:
        checksums = dict(zip(sorted(listed), readers.map(checksum, sorted(listed)), strict=True))
    for run, value in checksums.items():
        if value is not None and source.records.get(run) != value:
            raise InputError(
                f"{study.workdir}: its estimates were not computed from the present record of run "
                f"{run} of {name}; {manifest.REMEDY}"
            )
