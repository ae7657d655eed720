"""A Ray cluster of two nodes on this machine, for tests."""

import contextlib
import os

import pytest


@contextlib.contextmanager
def two_nodes():
    """Yields ray.cluster_utils.Cluster with a core on each node; `second` may be removed."""
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    nodes = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.second = nodes.add_node(num_cpus=1)
    try:
        yield nodes
    finally:
        ray.shutdown()
        nodes.shutdown()


def is_idle(cores):
    """True where all cores of the cluster that this process is connected to are free."""
    import ray

    found = ray.available_resources()
    return "CPU" in found and found["CPU"] == cores
