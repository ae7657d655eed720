"""A Ray cluster of two nodes on this machine, for tests."""

import contextlib
import math
import os

import pytest

# Ray gives up on nodes and processes that are slow to start or to answer, as on a busy machine.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_raylet_start_wait_time_s": "3600",
    "RAY_worker_register_timeout_seconds": "3600",
    "RAY_health_check_timeout_ms": "3600000",
}


@contextlib.contextmanager
def two_nodes():
    """Yields ray.cluster_utils.Cluster with a core on each node; `second` may be removed."""
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    os.environ.update(_ENVIRONMENT)
    nodes = cluster_utils.Cluster()
    nodes.add_node(num_cpus=1, wait=False)
    nodes.second = nodes.add_node(num_cpus=1, wait=False)
    nodes.wait_for_nodes(timeout=math.inf)
    try:
        yield nodes
    finally:
        ray.shutdown()
        nodes.shutdown()


def is_idle(cores):
    """True where the cluster has as many nodes as cores, one on each, and all of them are free."""
    import ray

    resources = ray.available_resources()
    alive = sum(node["Alive"] for node in ray.nodes())
    return alive == cores and "CPU" in resources and resources["CPU"] == cores
