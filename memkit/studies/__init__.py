"""A study on disk: its files, what exists, what is missing.

`studies.load(path)` and the readers here are for notebooks too; none of them imports an engine.
"""

from memkit.studies.creation import draft, open_or_create
from memkit.studies.points import Point
from memkit.studies.results import (
    OUTCOMES,
    read_estimates,
    read_summary,
    read_trajectories,
    write_estimates,
    write_report,
    write_summary,
    write_trajectories,
)
from memkit.studies.runs import (
    Runs,
    read_runs,
    remove_temporaries,
    write_failure,
    write_record,
)
from memkit.studies.study import Examples, Study, exists, load, thumbnails

__all__ = [
    "OUTCOMES",
    "Examples",
    "Point",
    "Runs",
    "Study",
    "draft",
    "exists",
    "load",
    "open_or_create",
    "read_estimates",
    "read_runs",
    "read_summary",
    "read_trajectories",
    "remove_temporaries",
    "thumbnails",
    "write_estimates",
    "write_failure",
    "write_record",
    "write_report",
    "write_summary",
    "write_trajectories",
]
