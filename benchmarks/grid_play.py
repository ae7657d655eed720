"""How long workers take for a study, by playing what `sweeps.queue` does."""

import heapq
import math

from memkit.sweeps import queue


def played(seconds, num_runs, *, workers, start, compile_seconds):
    """Returns the seconds until a study is done.

    Args:
      seconds: {point: seconds of a run}, in the order of the study.
      num_runs: runs of each point.
      workers: how many there are, each with a chip.
      start: seconds until a worker is ready.
      compile_seconds: of a point that the worker has not just been at.
    """
    block = queue.block_size(num_runs * len(seconds), workers)
    left = dict.fromkeys(seconds, math.ceil(num_runs / block))
    ready = [(start, worker, None) for worker in range(workers)]
    busy, ended = {}, start
    while left:
        now, worker, last = heapq.heappop(ready)
        busy.pop(worker, None)
        taken = set(busy.values())
        fresh = next((name for name in left if name not in taken), next(iter(left)))
        name = last if last in left else fresh
        left[name] -= 1
        if not left[name]:
            del left[name]
        taking = block * seconds[name] + (compile_seconds if name != last else 0)
        busy[worker] = name
        ended = max(ended, now + taking)
        heapq.heappush(ready, (now + taking, worker, name))
    return ended
