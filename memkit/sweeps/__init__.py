"""Sweeps: executing the missing runs of a study.

An executor knows a study and a work function; it knows nothing of training.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from memkit.studies import Point, Study
from memkit.typing import Array, Epochs

# (run, arrays, info) as `studies.write_record` takes them.
Record: TypeAlias = tuple[int, dict[str, Array], dict[str, Any]]
# Yields the records of runs of a point, one at a time, and in between how far the runs are that it
# trains; a run that raises ends the iterator. The function is pickled into worker processes, so it
# is a module-level function or a functools.partial of one.
Work: TypeAlias = Callable[[Study, Point, Sequence[int]], Iterator[Record | Epochs]]
Setup: TypeAlias = Callable[[], None]
# (point name, runs): what a worker is given at a time.
Block: TypeAlias = tuple[str, tuple[int, ...]]
# What a worker sends to its executor, see `worker.main`.
Message: TypeAlias = tuple[Any, ...]
Environment: TypeAlias = Mapping[str, str]


class Worker(Protocol):
    """A worker as its executor sees it.

    Attributes:
      environment: the variables that it was started with.
      has_started: whether it has been ready for a block.
      is_idle: whether it waits for a block.
      last: name of the point of its last block.
    """

    environment: Environment
    has_started: bool
    is_idle: bool
    last: str | None

    def send(self, block: Block) -> None:
        """Sends a block to the worker."""

    def receive(self) -> Message | None:
        """Returns the next message of the worker, None if it has exited."""

    def exit_reason(self) -> str:
        """Returns why the worker exited; the last line is a summary."""


W = TypeVar("W", bound=Worker)


class Pool(Protocol[W]):
    """Where an executor gets its workers: the module `pool` or a `ray.Cluster`."""

    def start(
        self, workers: list[W], environment: Environment, *, workdir: Any, setup: Setup, work: Work
    ) -> None:
        """Starts a worker and appends it to a list."""

    def wait(self, workers: Sequence[W], *, timeout: float) -> list[W]:
        """Returns the workers that have a message or have exited, within `timeout` seconds."""

    def end(self, workers: Sequence[W]) -> None:
        """Kills workers."""
