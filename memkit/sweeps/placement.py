"""Where a sweep computes: how many worker processes, the devices of each, and their strategy."""

import dataclasses
import json
import os

from memkit.errors import expected
from memkit.machine import available_cores
from memkit.sweeps import pool
from memkit.training import devices as devices_lib
from memkit.training import engines


@dataclasses.dataclass(frozen=True)
class Placement:
    """The worker processes of a sweep.

    Attributes:
      setup: engines.Setup, the same for all workers.
      environments: for each worker the environment variables to set before it imports an engine.
      note: one line for a person: what was picked, and why.
      pool: where they run, see `local.execute`.
      run_limit: seconds without a finished run after which a worker is replaced, or None.
    """

    setup: engines.Setup
    environments: tuple
    note: str
    pool: object = pool
    run_limit: float | None = None

    @property
    def runs_at_once(self):
        """Runs that a worker may train in one program."""
        return self.setup.runs_per_program * self.setup.num_devices

    @property
    def in_step(self):
        """True where several processes train each run together."""
        return self.setup.strategy == "multi_worker"


def place(
    *,
    data_parallel,
    engine="tensorflow",
    strategy="auto",
    devices="auto",
    packing="none",
    runs_per_program=1,
    workers=0,
):
    """Returns the Placement that flags stand for on this machine, without importing an engine.

    Args:
      data_parallel: devices that share one run, `training.data_parallel` of the config.
      engine: key of engines.ENGINES.
      strategy: "auto" or one of engines.STRATEGIES.
      devices: see `devices.choose`.
      packing: one of engines.PACKINGS.
      runs_per_program: runs on one device in one program.
      workers: processes on this machine; 0 = one per core, or per GPU or TPU chip.

    Raises:
      InputError: names the flag that does not go with the others, or with this machine.
    """
    engines.check(engine)
    choice = devices_lib.choose(devices, engine=engine)
    kind, hosts = choice.devices[0].kind, _num_hosts(engine, strategy, data_parallel)
    picked = agreed(
        strategy, engine, kind, data_parallel, hosts=hosts, packing=(packing, runs_per_program)
    )
    here = data_parallel // hosts if picked == "multi_worker" else data_parallel
    dealt = devices_lib.deal(
        choice.devices,
        workers=1 if picked == "multi_worker" else workers,
        per_run=here,
        cores=available_cores(),
    )
    num_devices = len(dealt[0])
    if engine == "tensorflow" and num_devices > here:
        wanted = f"at least {len(choice.devices) // here}: TensorFlow trains one run per process"
        raise expected("--workers", wanted, len(dealt))
    setup = engines.Setup(
        engine=engine,
        strategy=picked,
        kind=kind,
        num_devices=num_devices,
        packing=packing,
        runs_per_program=runs_per_program,
    )
    # TensorFlow reads this variable also where nothing is spread over machines.
    apart = {} if picked == "multi_worker" else {"TF_CONFIG": "{}"}
    environments = tuple(devices_lib.environment(one, engine=engine) | apart for one in dealt)
    return Placement(setup, environments, note(setup, len(dealt), choice.note))


def agreed(strategy, engine, kind, data_parallel, *, packing, hosts=1):
    """Returns the strategy that --strategy stands for; refuses flags that do not go together.

    Args:
      strategy, engine, data_parallel: see `place`.
      kind: of the devices: "cpu", "gpu" or "tpu".
      packing: (--packing, --runs_per_program).
      hosts: machines that one run is spread over.
    """
    picked = _automatic(engine, kind, data_parallel, hosts) if strategy == "auto" else strategy
    _check_strategy(picked, engine, kind, data_parallel, hosts)
    _check_packing(engine, *packing, data_parallel)
    return picked


def _num_hosts(engine: str, strategy: str, data_parallel: int) -> int:
    """Returns the worker processes that TF_CONFIG lists, 1 without it.

    Other software sets this variable, too. It counts only where TensorFlow may have to spread one
    run over machines.
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


def _automatic(engine, kind, data_parallel, hosts):
    if engine == "tensorflow" and kind == "tpu":
        return "tpu"
    if data_parallel == 1:
        return "one_device"
    return "multi_worker" if hosts > 1 and engine == "tensorflow" else "mirrored"


def _check_strategy(strategy, engine, kind, data_parallel, hosts):
    """Refuses a strategy that does not go with the engine, the devices or the config."""
    if strategy not in engines.STRATEGIES:
        names = ", ".join(("auto", *engines.STRATEGIES))
        raise expected("--strategy", f"one of {names}", repr(strategy))
    if engine == "jax" and strategy not in ("one_device", "mirrored"):
        raise expected("--strategy", "auto, one_device or mirrored with --engine=jax", strategy)
    if (strategy == "tpu") != (engine == "tensorflow" and kind == "tpu"):
        wanted = "tpu for TensorFlow on TPU chips, and for nothing else"
        raise expected("--strategy", wanted, f"{strategy} with {engine} on {kind}")
    if strategy == "one_device" and data_parallel > 1:
        received = f"one_device with training.data_parallel={data_parallel}"
        raise expected("--strategy", "auto or one that spreads a run over devices", received)
    if strategy in ("mirrored", "multi_worker") and data_parallel == 1:
        wanted = f"the devices that share a run, above 1, with --strategy={strategy}"
        raise expected("training.data_parallel", wanted, data_parallel)
    if strategy == "multi_worker" and (hosts == 1 or data_parallel % hosts):
        wanted = f"TF_CONFIG with processes that training.data_parallel={data_parallel} divides by"
        raise expected("--strategy", wanted, f"{hosts}")


def _check_packing(engine, packing, runs_per_program, data_parallel):
    if packing not in engines.PACKINGS:
        raise expected("--packing", f"one of {', '.join(engines.PACKINGS)}", repr(packing))
    if packing != "none" and engine != "jax":
        raise expected("--packing", "none, or --engine=jax", packing)
    if runs_per_program > 1 and (packing == "none" or data_parallel > 1):
        wanted = "1, or --packing=map or vmap without training.data_parallel"
        raise expected("--runs_per_program", wanted, runs_per_program)


def note(setup, workers, reason):
    """Returns one line for a person about so many workers of a Setup."""
    each = f"{setup.num_devices} {setup.kind}" if setup.num_devices > 1 else setup.kind
    packed = ""
    if setup.packing != "none":
        packed = f", {setup.runs_per_program} runs per program by {setup.packing}"
    text = f"{workers} workers, each {setup.engine} on {each}, {setup.strategy}{packed}"
    return f"{text} ({reason})" if reason else text
