"""Starts the cluster that `--executor=ray` starts where there is none; prints where it listens.

As a process: python -m tests.sweeps.ray_listens. Prints a line "program address" per socket.
"""

import functools

import psutil
import ray._private.services

from memkit.sweeps import ray_connect

if __name__ == "__main__":
    here = psutil.Process()
    # Clusters that run on this machine already, such as those of other tests, are not found.
    ray._private.services.find_gcs_addresses = functools.cache(set)
    ray_connect.connect(None)
    for process in (here, *here.children(recursive=True)):
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                print(process.name(), connection.laddr.ip)
