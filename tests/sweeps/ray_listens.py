"""Starts the cluster that `--executor=ray` starts where there is none; prints where it listens.

As a process: python -m tests.sweeps.ray_listens. Prints a line "program address" per socket.
"""

import psutil

from memkit.sweeps import ray_connect

if __name__ == "__main__":
    here = psutil.Process()
    ray_connect.connect(None)
    for process in (here, *here.children(recursive=True)):
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                print(process.name(), connection.laddr.ip)
