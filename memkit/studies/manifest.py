"""The manifest of derived files, and the records that they were computed from.

`derived.json` holds the hash of every file that `memkit estimate` wrote, the checksum of every
record behind them, and the options of the config's `report` section.
"""

import dataclasses
import json
from typing import TYPE_CHECKING

from memkit import storage
from memkit.errors import DamagedFileError, InputError
from memkit.studies import files
from memkit.studies.points import Point
from memkit.typing import Config, Json, Path

if TYPE_CHECKING:
    from memkit.studies.study import Study

MANIFEST = "derived.json"
SUMMARY_FILE = "summary.json"  # a derived file that every set has
PENDING = "derived.pending"  # folder of a complete set whose files have not been moved yet
REMEDY = "run `memkit estimate` again"


@dataclasses.dataclass(frozen=True)
class Source:
    """The records of one point that derived files were computed from.

    Attributes:
      fingerprint: that of the point.
      records: {run: checksum of its record}, ascending, including runs that diverged.
      left_out: {run: why its file was not used}.
    """

    fingerprint: str
    records: dict[int, str]
    left_out: dict[int, str]

    def brief(self) -> Json:
        """Returns the runs and one hash of all their records."""
        text = json.dumps(sorted(self.records.items()))
        return {"runs": sorted(self.records), "digest": files.sha256(text.encode())[:16]}

    def as_json(self) -> Json:
        """Returns the entry of `derived.json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, entry: Config) -> "Source":
        """Returns the Source of an entry of `derived.json`."""
        records, left_out = (
            {int(run): value for run, value in entry[name].items()}
            for name in ("records", "left_out")
        )
        return cls(entry["fingerprint"], records, left_out)


def options(study: "Study") -> Json:
    """Returns the fields of the config that change estimates but no record."""
    return {k: v for k, v in study.config["report"].items() if k != "title"}


def read_manifest(study: "Study") -> Json:
    """Returns the content of `derived.json`, with empty entries if there is none.

    Raises:
      DamagedFileError: its content is damaged, or that of another study.
    """
    for name in (f"{PENDING}/{MANIFEST}", MANIFEST, MANIFEST):  # It may be moved meanwhile.
        try:
            manifest = files.read_json(study.workdir / name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except DamagedFileError as error:
            raise DamagedFileError(error.where, error.reason, REMEDY) from error
        check(study.workdir / name, manifest)
        _check_points(study, study.workdir / name, manifest["sources"])
        return manifest
    return {"files": {}, "options": None, "sources": {}, "replaced": []}


def missing_manifest(study: "Study") -> str:
    """Returns what is wrong if a study has a summary but no `derived.json`, otherwise ""."""
    has = {name: storage.exists(study.workdir / name) for name in (MANIFEST, PENDING, SUMMARY_FILE)}
    is_missing = has[SUMMARY_FILE] and not has[MANIFEST] and not has[PENDING]
    return f"it is missing, although there is a {SUMMARY_FILE}" if is_missing else ""


def _check_points(study: "Study", where: Path, sources: Config) -> None:
    """Checks that sources are points of this study and not those of another one."""
    for point in study.points:
        if point.name in sources and sources[point.name]["fingerprint"] != point.fingerprint:
            reason = f"it belongs to another study, whose {point.name} is not the same"
            raise DamagedFileError(where, reason, REMEDY)


def check(where: Path, manifest: Json) -> Json:
    """Checks the content of a `derived.json` and returns it.

    Args:
      where: path of the file, for the error.
      manifest: {"files": {name: sha256}, "options": fields of `report`, "sources": {name: Source
        as JSON}, "replaced": names of files of the earlier set that this one does not have}.

    Raises:
      DamagedFileError: memkit cannot have written this content.
    """
    if manifest.keys() != {"files", "options", "sources", "replaced"}:
        raise DamagedFileError(where, "not a list of derived files", REMEDY)
    try:
        files.check_hashes(where, manifest["files"])
        files.check_hashes(where, dict.fromkeys(manifest["replaced"], ""))
        _ = [Source.from_json(entry) for entry in manifest["sources"].values()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(where, "its entries are damaged", REMEDY) from error
    return manifest


def source_of(study: "Study", point: Point | None) -> Json:
    """Returns the origin that a derived file states: {point: {"runs": [...], "digest": hash}}.

    Args:
      point: the Point that the file belongs to; None for files of the whole study.
    """
    if study.staging is not None:
        sources = study.staging.sources
    else:
        entries = read_manifest(study)["sources"]
        sources = {name: Source.from_json(entry) for name, entry in entries.items()}
    names = sources if point is None else sources.keys() & {point.name}
    return {name: sources[name].brief() for name in names}


def check_listed(study: "Study", point: Point, listed: set[int]) -> None:
    """Checks that no run of a point was added or removed since the estimates, by file names alone.

    Args:
      listed: the runs that have a record by name.

    Raises:
      InputError: states how many records there were and how many there are.
    """
    if study.staging is None:
        sources = read_manifest(study)["sources"]
        if point.name in sources:
            check_names(study, point.name, Source.from_json(sources[point.name]), listed)


def check_names(study: "Study", name: str, source: Source, listed: set[int]) -> None:
    """Checks that a Source has exactly the listed runs; see `check_listed`."""
    used = source.records.keys() | source.left_out.keys()
    if used == listed:
        return
    change = f"{len(used)} records of {name}, which now has {len(listed)}"
    if len(used) == len(listed):
        change = f"other runs of {name} than it has now"
    raise InputError(f"{study.workdir}: its estimates were computed from {change}; {REMEDY}")
