"""Where a sweep computes: the number of worker processes, their devices and their strategy."""

import dataclasses
import json
import os
from typing import Any

from memkit.errors import expected, unknown
from memkit.machine import available_cores
from memkit.sweeps import Environment, Pool, pool
from memkit.training import devices as devices_lib
from memkit.training import engines


@dataclasses.dataclass(frozen=True)
class Placement:
    """The worker processes of a sweep.

    Attributes:
      setup: the same for all workers.
      worker_envs: for each worker the environment variables to set before it imports an engine.
      note: one human-readable line: what was chosen, and why.
      pool: starts, waits for and ends the workers.
      run_limit: seconds without a finished run after which a worker is replaced, or None.
    """

    setup: engines.Setup
    worker_envs: tuple[Environment, ...]
    note: str
    pool: Pool[Any] = pool
    run_limit: float | None = None

    @property
    def runs_at_once(self) -> int:
        """Runs that a worker may train in one program: one if its devices share each run."""
        if self.setup.strategy != "one_device":
            return 1
        return self.setup.runs_per_program * self.setup.num_devices

    @property
    def in_step(self) -> bool:
        """Whether several processes train each run together, in the same order of runs."""
        return self.setup.strategy == "multi_worker"


def place(
    *,
    data_parallel: int,
    engine: str = "tensorflow",
    strategy: str = "auto",
    devices: str = "auto",
    packing: str = "none",
    runs_per_program: int = 1,
    workers: int = 0,
    one_at_a_time: bool = False,
) -> Placement:
    """Returns the Placement that flags describe on this machine, without importing an engine.

    Args:
      data_parallel: number of devices that share one run, `training.data_parallel` of the config.
      engine: key of engines.ENGINES.
      strategy: "auto" or one of engines.STRATEGIES.
      devices: see `devices.choose`.
      packing: one of engines.PACKINGS.
      runs_per_program: runs on one device in one program.
      workers: processes on this machine; 0 = one per core, or per GPU or TPU chip.
      one_at_a_time: whether runs cannot be trained side by side, because they differ in length or
        only one is wanted; of a TPU chip with two cores, a worker then uses one.

    Raises:
      InputError: a flag does not fit the others, or this machine; the message names it.
    """
    engines.check(engine)
    choice = devices_lib.choose(devices, engine=engine)
    kind, hosts = choice.devices[0].kind, _num_hosts(engine, strategy, data_parallel)
    chosen = chosen_strategy(
        strategy, engine, kind, data_parallel, hosts=hosts, packing=(packing, runs_per_program)
    )
    per_run = data_parallel // hosts if chosen == "multi_worker" else data_parallel
    by_worker = devices_lib.deal(
        choice.devices,
        workers=1 if chosen == "multi_worker" else workers,
        per_run=per_run,
        cores=available_cores(),
    )
    num_devices = sum(device.cores for device in by_worker[0])
    if len(by_worker[0]) == 1 and (one_at_a_time or engine == "tensorflow"):
        num_devices = per_run
    elif engine == "tensorflow" and num_devices > per_run:
        least = min(len(choice.devices), len(choice.devices) * by_worker[0][0].cores // per_run)
        expectation = f"at least {least}: TensorFlow trains one run per process"
        raise expected("--workers", expectation, len(by_worker))
    setup = engines.Setup(
        engine=engine,
        strategy=chosen,
        kind=kind,
        num_devices=num_devices,
        packing=packing,
        runs_per_program=runs_per_program,
    )
    # TensorFlow reads this variable even if nothing is spread over machines.
    cluster = {} if chosen == "multi_worker" else {"TF_CONFIG": "{}"}
    worker_envs = tuple(
        devices_lib.environment(devices_of_worker, engine=engine) | cluster
        for devices_of_worker in by_worker
    )
    return Placement(setup, worker_envs, note(setup, len(by_worker), choice.note))


def chosen_strategy(
    strategy: str,
    engine: str,
    kind: str,
    data_parallel: int,
    *,
    packing: tuple[str, int],
    hosts: int = 1,
) -> str:
    """Returns the strategy, chosen automatically for "auto"; checks that the flags fit together.

    Args:
      strategy, engine, data_parallel: see `place`.
      kind: kind of the devices: "cpu", "gpu" or "tpu".
      packing: (--packing, --runs_per_program).
      hosts: number of machines that share one run.

    Raises:
      InputError: a flag does not fit the others; the message names it.
    """
    chosen = _automatic(engine, kind, data_parallel, hosts) if strategy == "auto" else strategy
    _check_strategy(chosen, engine, kind, data_parallel, hosts)
    _check_packing(engine, *packing, data_parallel)
    return chosen


def _num_hosts(engine: str, strategy: str, data_parallel: int) -> int:
    """Returns the number of worker processes that TF_CONFIG lists, 1 without it.

    Other software sets this variable, too. It counts only if TensorFlow may have to spread one run
    over machines.
    """
    may_spread = engine == "tensorflow" and strategy in ("auto", "multi_worker")
    text = os.environ.get("TF_CONFIG") or ""
    if not text.strip() or not may_spread or data_parallel == 1:
        return 1
    try:
        cluster = json.loads(text)["cluster"]
        return sum(len(cluster[job]) for job in ("chief", "worker") if job in cluster)
    except KeyError:
        return 1
    except (ValueError, TypeError):
        raise expected(
            "TF_CONFIG", "a JSON object with a cluster of processes", repr(text)
        ) from None


def _automatic(engine: str, kind: str, data_parallel: int, hosts: int) -> str:
    if engine == "tensorflow" and kind == "tpu":
        return "tpu"
    if data_parallel == 1:
        return "one_device"
    return "multi_worker" if hosts > 1 and engine == "tensorflow" else "mirrored"


def _check_strategy(strategy: str, engine: str, kind: str, data_parallel: int, hosts: int) -> None:
    """Checks that a strategy fits the engine, the devices and the config."""
    if strategy not in engines.STRATEGIES:
        raise unknown("--strategy", strategy, ("auto", *engines.STRATEGIES), kind="strategy")
    if engine == "jax" and strategy not in ("one_device", "mirrored"):
        raise expected("--strategy", "auto, one_device or mirrored with --engine=jax", strategy)
    if (strategy == "tpu") != (engine == "tensorflow" and kind == "tpu"):
        expectation = "tpu for TensorFlow on TPU chips, and for nothing else"
        raise expected("--strategy", expectation, f"{strategy} with {engine} on {kind}")
    if strategy == "one_device" and data_parallel > 1:
        received = f"one_device with training.data_parallel={data_parallel}"
        raise expected("--strategy", "auto or one that spreads a run over devices", received)
    if strategy in ("mirrored", "multi_worker") and data_parallel == 1:
        expectation = f"at least 2 devices for each run with --strategy={strategy}"
        raise expected("training.data_parallel", expectation, data_parallel)
    if strategy == "multi_worker" and (hosts == 1 or data_parallel % hosts):
        expectation = f"a number of processes in TF_CONFIG that divides {data_parallel}"
        raise expected("--strategy", f"{expectation} (training.data_parallel)", hosts)


def _check_packing(engine: str, packing: str, runs_per_program: int, data_parallel: int) -> None:
    if packing not in engines.PACKINGS:
        raise unknown("--packing", packing, engines.PACKINGS, kind="packing")
    if packing != "none" and engine != "jax":
        raise expected("--packing", "none, or --engine=jax", packing)
    if runs_per_program > 1 and (packing == "none" or data_parallel > 1):
        expectation = "1, or --packing=map or vmap without training.data_parallel"
        raise expected("--runs_per_program", expectation, runs_per_program)


def note(setup: engines.Setup, workers: int, reason: str) -> str:
    """Returns a one-line human-readable description of a number of workers and their Setup."""
    each = f"{setup.num_devices} {setup.kind}" if setup.num_devices > 1 else setup.kind
    packed = ""
    if setup.packing != "none":
        packed = f", {setup.runs_per_program} runs per program by {setup.packing}"
    text = f"{workers} workers, each {setup.engine} on {each}, {setup.strategy}{packed}"
    return f"{text} ({reason})" if reason else text
