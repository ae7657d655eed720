"""Joining a Ray cluster, or starting one that only this machine can reach."""

import ipaddress
import os
import signal
import socket
import types
from typing import Any

from memkit.errors import InputError, expected, install

_TIMEOUT = 10.0  # seconds for the head node to answer


def connect(address: str | None) -> types.ModuleType:
    """Returns the module ray, connected.

    Args:
      address: host:port of the head node, "auto" for the cluster of this machine, None for the
        cluster in RAY_ADDRESS or on this machine, and a new one if there is none.

    Raises:
      InputError: Ray is not installed, does not answer or does not start.
    """
    try:
        import ray
    except ImportError:
        expectation = f"local, or the extra ray ({install('ray')})"
        raise expected("--executor", expectation, "ray, which is not installed") from None
    if ray.is_initialized():
        return ray
    _check_address(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(address=address or "auto", **quiet)
    except Exception as error:  # Ray has no exception class for failed connections.
        is_alone = isinstance(error, ConnectionError) and not os.environ.get("RAY_ADDRESS")
        if address or not is_alone:
            raise _unreachable(address, _first_line(error)) from None
        _start(ray, **quiet)
    for number, handler in handlers.items():  # Those of Ray would end this process at once.
        signal.signal(number, handler)
    return ray


def _start(ray: types.ModuleType, **options: Any) -> None:
    """Starts a cluster that only this machine can reach, since a cluster runs whatever it gets."""
    # Without this, Ray replaces 127.0.0.1 by an address that other machines reach.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
        ray.init(address="local", include_dashboard=False, **options)
        if not ipaddress.ip_address(ray.util.get_node_ip_address()).is_loopback:
            ray.shutdown()
            raise RuntimeError("this version listens on more than the loopback interface")
    except Exception as error:  # As in `connect`.
        expectation = "a Ray that starts here, or --ray_address of a running cluster"
        received = f"ray, whose error is: {_first_line(error)}"
        raise expected("--executor", expectation, received) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _check_address(address: str | None) -> None:
    """Checks that something listens at an address: Ray itself would retry for minutes."""
    if address is None or address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise expected("--ray_address", "host:port or auto", repr(address))
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, error) from None


def _unreachable(address: str | None, reason: str | Exception) -> InputError:
    expectation = "host:port of the head of a running Ray cluster"
    return expected("--ray_address", expectation, f"{address or 'none'} ({reason})")
