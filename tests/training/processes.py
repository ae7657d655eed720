"""Processes that compute with one engine each, since Keras has one backend per process.

A test describes with plain values what to compute, and receives arrays.
"""

import importlib
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

from memkit.training import devices, engines


def start(jobs, *, engine, folder, num_devices=1, environment=()):
    """Starts a process that computes on CPU devices.

    Args:
      jobs: {"module:function": argument of plain values}; each function takes its argument and the
        engine's module and returns {name: array}.
      engine: "tensorflow" or "jax".
      folder: pathlib.Path for what the process writes.
      num_devices: CPU devices it gets.
      environment: further variables.

    Returns:
      Function that waits for the process and returns the {name: array} of all jobs.
    """
    cpus = tuple(devices.Device("cpu", number) for number in range(num_devices))
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TF_NUM_", "TF_CONFIG"))}
    variables = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        **devices.environment(cpus, engine=engine, inherited=inherited),
        **dict(environment),
    }
    output = folder / f"{engine}.npz"
    text = json.dumps([jobs, engine, num_devices, str(output)])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.training.processes", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
        env=inherited | variables,
    )

    def result():
        output_text, _ = process.communicate()
        assert process.returncode == 0, output_text
        with np.load(output) as arrays:
            return dict(arrays)

    return result


def main(text):
    """Executes the jobs that `start` was called with."""
    jobs, name, num_devices, output = json.loads(text)
    engine = engines.load(name)
    strategy = "mirrored" if num_devices > 1 else "one_device"
    engine.configure(engines.Setup(engine=name, strategy=strategy, num_devices=num_devices))
    arrays = {}
    for job, argument in jobs.items():
        module, _, function = job.partition(":")
        arrays |= getattr(importlib.import_module(module), function)(argument, engine)
    np.savez(output, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
