"""Joining a Ray cluster, or starting one that only this machine can reach."""

import ipaddress
import os
import signal
import socket
import types

from memkit.errors import InputError, expected

_PATIENCE = 10.0  # seconds for the head node to answer


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
        wanted = "local, or the extra ray: pip install 'memkit[ray]'"
        raise expected("--executor", wanted, "ray, which is not installed") from None
    if ray.is_initialized():
        return ray
    _check_address(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(address=address or "auto", **quiet)
    except Exception as error:  # Ray has no class of its own for what can go wrong here.
        is_alone = isinstance(error, ConnectionError) and not os.environ.get("RAY_ADDRESS")
        if address or not is_alone:
            raise _unreachable(address, _first_line(error)) from None
        _start(ray, **quiet)
    for number, handler in handlers.items():  # Ray's would end this process at once.
        signal.signal(number, handler)
    return ray


def _start(ray: types.ModuleType, **options: object) -> None:
    """Starts a cluster that only this machine can reach: who reaches one can run code on it."""
    # Ray replaces 127.0.0.1 by an address that others reach, unless this says that it is alone.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
        ray.init(address="local", include_dashboard=False, **options)
        if not ipaddress.ip_address(ray.util.get_node_ip_address()).is_loopback:
            ray.shutdown()
            raise RuntimeError("this version listens on more than the loopback interface")
    except Exception as error:  # As in `connect`.
        wanted = "a Ray that starts here, or --ray_address of a running cluster"
        raise expected("--executor", wanted, f"ray, which says: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _check_address(address: str | None) -> None:
    """Refuses an address where nothing listens; Ray would go on trying for minutes."""
    if address in (None, "auto"):
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise expected("--ray_address", "host:port or auto", repr(address))
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, error) from None


def _unreachable(address: str | None, reason: object) -> InputError:
    wanted = "host:port of the head of a running Ray cluster"
    return expected("--ray_address", wanted, f"{address or 'none'} ({reason})")
