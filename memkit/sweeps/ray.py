"""Workers on the nodes of a Ray cluster, instead of processes of this machine.

`Cluster` replaces the module `pool`: each worker is an actor that owns one device, keeps its
programs compiled and trains block after block. Importing this module does not import Ray.
"""

import dataclasses
import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from memkit import models, studies
from memkit.errors import InputError, expected
from memkit.studies import Study
from memkit.sweeps import (
    Block,
    Environment,
    Message,
    Setup,
    Work,
    placement,
    ray_connect,
    worker,
)
from memkit.training import devices as devices_lib
from memkit.training import engines
from memkit.typing import Path

# kind of device -> its name in Ray; --devices=auto takes the first that the cluster has.
RESOURCES = {"tpu": "TPU", "gpu": "GPU", "cpu": "CPU"}


def place(
    *,
    address: str | None,
    data_parallel: int,
    engine: str,
    strategy: str,
    devices: str,
    packing: str,
    runs_per_program: int,
    workers: int,
) -> placement.Placement:
    """Connects to a Ray cluster; returns the Placement of one worker on each of its devices.

    Args:
      address: host:port of the head node, "auto" for the cluster of this machine, None for the
        cluster in RAY_ADDRESS or on this machine, and a new one on this machine if there is none.
      data_parallel: must be 1: a worker owns one device.
      engine, strategy, packing, runs_per_program: see `placement.place`.
      devices: "auto", "cpu", "gpu" or "tpu".
      workers: number of workers; 0 = one for each such device that the cluster has now.

    Raises:
      InputError: Ray is not installed or does not answer, or flags do not fit together.
    """
    engines.check(engine)
    if data_parallel != 1:
        raise expected("training.data_parallel", "1 with --executor=ray", data_parallel)
    if devices not in ("auto", *RESOURCES):
        raise expected("--devices", "auto, cpu, gpu or tpu with --executor=ray", repr(devices))
    resources = ray_connect.connect(address).cluster_resources()
    counts = {kind: int(resources[name]) for kind, name in RESOURCES.items() if name in resources}
    kind = next(iter(counts), "cpu") if devices == "auto" else devices
    if kind not in counts:
        raise expected("--devices", f"a {kind.upper()} in the Ray cluster", repr(devices))
    chosen = placement.chosen_strategy(
        strategy, engine, kind, data_parallel, packing=(packing, runs_per_program)
    )
    setup = engines.Setup(
        engine=engine,
        strategy=chosen,
        kind=kind,
        packing=packing,
        runs_per_program=runs_per_program,
    )
    number = workers or counts[kind]
    note = placement.note(setup, number, f"actors of Ray, nodes: {_num_nodes()}")
    return placement.Placement(setup, ({},) * number, note, Cluster(kind, engine))


def _num_nodes() -> int:
    import ray

    return sum(node["Alive"] for node in ray.nodes())


class _Actor:
    """The worker on a node, in a process of its own that Ray ends with its driver."""

    _study: Study
    _work: Work

    def begin(
        self,
        kind: str,
        engine: str,
        workdir: str,
        environment: Environment,
        functions: Iterable[str],
        setup: Setup,
        work: Work,
    ) -> Iterator[Message]:
        """Yields ("idle",) when ready for blocks; see `worker.main`."""
        # Ray has hidden the devices of other actors; these variables configure the engines alike.
        visible = devices_lib.environment((devices_lib.Device(kind, 0),), engine=engine)
        os.environ.update({**worker.ENVIRONMENT, **visible, **environment})
        models.allow(functions)
        try:
            setup()
            self._study, self._work = studies.load(workdir), work
        except Exception as error:
            if isinstance(error, InputError):
                error = InputError(f"{error} (on node {socket.gethostname()})")
            yield worker.failure_to_start(error)
            return
        yield ("idle",)

    def train(self, name: str, runs: Sequence[int]) -> Iterator[Message]:
        """Yields the messages of `worker.outcomes` about a block."""
        yield from worker.outcomes(self._study, self._study.point(name), runs, self._work)


@dataclasses.dataclass(eq=False)
class Worker:
    """One actor, as `pool.Worker` is one process.

    Attributes:
      stream: the results of its current call, None if it is idle.
      reason: why it was lost.
    """

    handle: Any
    stream: Any
    environment: Environment
    has_started: bool = False
    is_idle: bool = False
    last: str | None = None
    reason: str = ""

    def send(self, block: Block) -> None:
        """Sends it a block, (point name, runs)."""
        self.last, self.is_idle = block[0], False
        self.stream = _streamed(self.handle.train).remote(*block)

    def receive(self) -> Message | None:
        """Returns its next message, or None if it was lost."""
        import ray

        try:
            message: Message = ray.get(next(self.stream))
        except ray.exceptions.RayError as error:
            self.reason = str(error).strip().splitlines()[0]
            return None
        except StopIteration:
            self.reason = "it stopped without an error"
            return None
        if message[0] == "idle":
            self.stream = None
        return message

    def exit_reason(self) -> str:
        """Returns why the actor was lost, in one line."""
        return f"the Ray actor was lost: {self.reason}"


def _streamed(method: Any) -> Any:
    return method.options(num_returns="streaming")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Starts, waits for and ends actors, as the module `pool` does with processes.

    Actors for which the cluster has no free device start as soon as it has one.

    Attributes:
      kind: kind of the device of each actor, a key of RESOURCES.
      engine: key of engines.ENGINES.
    """

    kind: str
    engine: str

    def start(
        self,
        workers: list[Worker],
        environment: Environment,
        *,
        workdir: Path,
        setup: Setup,
        work: Work,
    ) -> None:
        """Starts an actor and appends it to a list; see `worker.main` for the arguments."""
        import ray

        owned_by_kind: dict[str, dict[str, Any]] = {
            "cpu": {"num_cpus": 1},
            "gpu": {"num_cpus": 0, "num_gpus": 1},
            "tpu": {"num_cpus": 0, "resources": {"TPU": 1}},
        }
        owned = owned_by_kind[self.kind]
        handle = ray.remote(_Actor).options(max_restarts=0, **owned).remote()
        folder = workdir if "://" in str(workdir) else os.path.abspath(workdir)
        stream = _streamed(handle.begin).remote(
            self.kind, self.engine, str(folder), environment, models.allowed(), setup, work
        )
        workers.append(Worker(handle, stream, environment))

    def wait(self, workers: Sequence[Worker], *, timeout: float) -> list[Worker]:
        """Returns the workers that have a message or were lost, within `timeout` seconds."""
        import ray

        streams = {each.stream: each for each in workers if each.stream is not None}
        if not streams:
            time.sleep(timeout)
            return []
        if ray.wait(list(streams), timeout=timeout, fetch_local=False)[0]:
            ready, _ = ray.wait(
                list(streams), num_returns=len(streams), timeout=0, fetch_local=False
            )
            return [streams[stream] for stream in ready]
        return []

    def end(self, workers: Sequence[Worker]) -> None:
        """Kills actors, even in the middle of a call."""
        import ray

        for each in workers:
            ray.kill(each.handle)
