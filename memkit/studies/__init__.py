"""A study on disk: its files, what exists, what is missing.

`studies.load(path)` and the readers here are for notebooks too; none of them imports an engine.
"""

from memkit.studies import checkpoints, executors, removal
from memkit.studies.creation import draft, open_or_create
from memkit.studies.derived import replacing
from memkit.studies.features import check_features, read_features, write_features
from memkit.studies.manifest import Source
from memkit.studies.mixtures import mixture
from memkit.studies.pictures import read_thumbnails, shrunk, thumbnails
from memkit.studies.points import Point
from memkit.studies.results import (
    OUTCOMES,
    SCORES,
    read_arrays,
    read_estimates,
    read_stop,
    read_summary,
    read_trajectories,
    remove_stop,
    write_arrays,
    write_estimates,
    write_report,
    write_stop,
    write_summary,
)
from memkit.studies.runs import (
    Runs,
    failed_runs,
    forget_failures,
    listed_runs,
    read_failure,
    read_info,
    read_runs,
    remove_temporaries,
    teacher_diverged,
    write_failure,
    write_record,
)
from memkit.studies.staleness import check_sources, vanished
from memkit.studies.study import Examples, Study, duplicates, exists, load
from memkit.studies.weights import (
    complete_runs,
    has_weights,
    is_teacher,
    read_weights,
    write_weights,
)

__all__ = [
    "OUTCOMES",
    "SCORES",
    "Examples",
    "Point",
    "Runs",
    "Source",
    "Study",
    "check_features",
    "check_sources",
    "checkpoints",
    "complete_runs",
    "draft",
    "duplicates",
    "executors",
    "exists",
    "failed_runs",
    "forget_failures",
    "has_weights",
    "is_teacher",
    "listed_runs",
    "mixture",
    "load",
    "open_or_create",
    "read_arrays",
    "read_estimates",
    "read_failure",
    "read_features",
    "read_info",
    "read_runs",
    "read_stop",
    "read_summary",
    "read_thumbnails",
    "read_trajectories",
    "read_weights",
    "removal",
    "remove_stop",
    "remove_temporaries",
    "replacing",
    "shrunk",
    "teacher_diverged",
    "thumbnails",
    "vanished",
    "write_arrays",
    "write_estimates",
    "write_failure",
    "write_features",
    "write_record",
    "write_report",
    "write_stop",
    "write_summary",
    "write_weights",
]
