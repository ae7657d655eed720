"""Workers on the nodes of a Ray cluster, instead of processes of this machine.

`Cluster` takes the place of the module `pool`: each worker is an actor that owns one device, keeps
its programs compiled and does block after block. Importing this module does not import Ray.
"""

import dataclasses
import os
import socket
import time

from memkit import models, studies
from memkit.errors import InputError, expected
from memkit.sweeps import placement, ray_connect, worker
from memkit.training import devices as devices_lib
from memkit.training import engines

# kind of device -> what Ray calls it; --devices=auto takes the first that the cluster has.
RESOURCES = {"tpu": "TPU", "gpu": "GPU", "cpu": "CPU"}


def place(*, address, data_parallel, engine, strategy, devices, packing, runs_per_program, workers):
    """Connects to a Ray cluster; returns the Placement of one worker on each of its devices.

    Args:
      address: host:port of the head node, "auto" for the cluster of this machine, None for the
        cluster in RAY_ADDRESS or on this machine, and a new one on this machine if there is none.
      data_parallel: must be 1: a worker owns one device.
      engine, strategy, packing, runs_per_program: see `placement.place`.
      devices: "auto", "cpu", "gpu" or "tpu".
      workers: how many; 0 = as many as the cluster has such devices now.

    Raises:
      InputError: Ray is not installed or does not answer, or flags that do not go together.
    """
    engines.check(engine)
    if data_parallel != 1:
        raise expected("training.data_parallel", "1 with --executor=ray", data_parallel)
    if devices not in ("auto", *RESOURCES):
        raise expected("--devices", "auto, cpu, gpu or tpu with --executor=ray", repr(devices))
    found = ray_connect.connect(address).cluster_resources()
    counts = {kind: int(found[name]) for kind, name in RESOURCES.items() if name in found}
    kind = next(iter(counts), "cpu") if devices == "auto" else devices
    if kind not in counts:
        raise expected("--devices", f"a {kind.upper()} in the Ray cluster", repr(devices))
    picked = placement.agreed(
        strategy, engine, kind, data_parallel, packing=(packing, runs_per_program)
    )
    setup = engines.Setup(
        engine=engine,
        strategy=picked,
        kind=kind,
        packing=packing,
        runs_per_program=runs_per_program,
    )
    number = workers or counts[kind]
    note = placement.note(setup, number, f"actors of Ray, nodes: {_num_nodes()}")
    return placement.Placement(setup, ({},) * number, note, Cluster(kind, engine))


def _num_nodes():
    import ray

    return sum(node["Alive"] for node in ray.nodes())


class _Actor:
    """What runs on a node, in a process of its own that Ray ends with its driver."""

    def begin(self, kind, engine, workdir, environment, functions, setup, work):
        """Yields ("idle",) when ready for blocks; see `worker.main`."""
        # Ray has hidden the devices of others; this says the same to the engines.
        own = devices_lib.environment((devices_lib.Device(kind, 0),), engine=engine)
        os.environ.update(worker.ENVIRONMENT | own | environment)
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

    def do(self, name, runs):
        """Yields the messages of `worker.outcomes` about a block."""
        yield from worker.outcomes(self._study, self._study.point(name), runs, self._work)


@dataclasses.dataclass(eq=False)
class Worker:
    """One actor, as `pool.Worker` is one process.

    Attributes:
      handle: of the actor.
      stream: what it yields of the call that it is doing, None where it is idle.
      reason: why it died.
      environment, has_begun, is_idle, last: see `pool.Worker`.
    """

    handle: object
    stream: object
    environment: dict
    has_begun: bool = False
    is_idle: bool = False
    last: str | None = None
    reason: str = ""

    def send(self, block):
        """Gives it (point name, runs) to do."""
        self.last, self.is_idle = block[0], False
        self.stream = _streamed(self.handle.do).remote(*block)

    def receive(self):
        """Returns its next message as a tuple, or None where it has died."""
        import ray

        try:
            message = ray.get(next(self.stream))
        except ray.exceptions.RayError as error:
            self.reason = str(error).strip().splitlines()[0]
            return None
        except StopIteration:
            self.reason = "it stopped without a word"
            return None
        if message[0] == "idle":
            self.stream = None
        return message

    def how_it_ended(self):
        """Returns a line that says how the actor ended."""
        return f"the Ray actor was lost: {self.reason}"


def _streamed(method):
    return method.options(num_returns="streaming")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Where actors come from; has the functions of the module `pool`.

    Actors for which the cluster has no device at the moment start when it has one again.

    Attributes:
      kind: of the device of each actor, a key of RESOURCES.
      engine: key of engines.ENGINES.
    """

    kind: str
    engine: str

    def start(self, workers, environment, *, workdir, setup, work):
        """Starts an actor and adds it to a list; see `worker.main` for the arguments."""
        import ray

        owned = {
            "cpu": {"num_cpus": 1},
            "gpu": {"num_cpus": 0, "num_gpus": 1},
            "tpu": {"num_cpus": 0, "resources": {"TPU": 1}},
        }[self.kind]
        handle = ray.remote(_Actor).options(max_restarts=0, **owned).remote()
        folder = workdir if "://" in str(workdir) else os.path.abspath(workdir)
        stream = _streamed(handle.begin).remote(
            self.kind, self.engine, str(folder), environment, models.allowed(), setup, work
        )
        workers.append(Worker(handle, stream, environment))

    def wait(self, workers, *, timeout):
        """Returns the workers that have a message or have died, perhaps none."""
        import ray

        streams = {one.stream: one for one in workers if one.stream is not None}
        if not streams:
            time.sleep(timeout)
            return []
        if ray.wait(list(streams), timeout=timeout, fetch_local=False)[0]:
            ready, _ = ray.wait(
                list(streams), num_returns=len(streams), timeout=0, fetch_local=False
            )
            return [streams[stream] for stream in ready]
        return []

    def end(self, workers):
        """Kills actors in the middle of what they do."""
        import ray

        for one in workers:
            ray.kill(one.handle)
