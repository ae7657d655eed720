"""Processes that share one device: each has an engine and flags of its own, and ends in time."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import sys
import time

# What XLA records into command buffers (CUDA graphs) and launches in one call: its default, also
# convolutions and loops, or nothing.
BUFFERS = {"default": None, "all": "+CONVOLUTION,+WHILE", "off": ""}

_LONG = 1e6  # seconds; no timeout may be infinite


def environment(buffers):
    """Returns the variables of a process on a device that may be shared, by a key of BUFFERS."""
    flags = [os.environ["XLA_FLAGS"]] if "XLA_FLAGS" in os.environ else []
    if BUFFERS[buffers] is not None:
        flags.append(f"--xla_gpu_enable_command_buffer={BUFFERS[buffers]}")
    return {"XLA_FLAGS": " ".join(flags), "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def outcomes(function, *arguments, count=1, variables=(), end=float("inf")):
    """Yields what the generators of some processes yield, in the order in which it arrives.

    The processes are forks of this one, which therefore must not have used the device, and whose
    modules and arrays they need not load again. Those that still compute at the end are killed, as
    is a compilation, which no process can interrupt itself.

    Args:
      function: called as function(number of the process, barrier of all processes, *arguments).
      count: number of processes.
      variables: environment variables to set in them.
      end: `time.monotonic()` at which they are killed.

    Raises:
      TimeoutError: one had not ended by then.
      RuntimeError: one raised an error or died.
    """
    if time.monotonic() >= end:
        raise TimeoutError("no time was left")
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(count)
    connections, processes = [], []
    with contextlib.ExitStack() as stack:
        for number in range(count):
            ours, theirs = context.Pipe(duplex=False)
            call = (theirs, dict(variables), function, number, barrier, *arguments)
            process = context.Process(target=_main, args=call, daemon=True)
            process.start()
            theirs.close()
            connections.append(ours)
            processes.append(process)
            stack.callback(process.join)
            stack.callback(process.kill)
        while connections:
            left = min(max(0, end - time.monotonic()), _LONG)
            ready = multiprocessing.connection.wait(connections, left)
            if not ready:
                raise TimeoutError("no time was left")
            for connection in ready:
                try:
                    kind, value = connection.recv()
                except EOFError:
                    raise RuntimeError("a process died") from None
                if kind == "failed":
                    raise RuntimeError(value)
                if kind == "done":
                    connections.remove(connection)
                else:
                    yield value


def _main(connection, variables, function, *arguments):
    os.environ.update(variables)
    try:
        for value in function(*arguments):
            connection.send(("value", value))
        connection.send(("done", None))
    except Exception as error:
        connection.send(("failed", f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"))
    sys.stdout.flush()
    os._exit(0)  # What the parent would do at its exit is not for its forks.
