"""Sweeps: executing the missing runs of a study.

An executor knows a study and a work function, not training.
"""

import collections.abc

# (study, point, runs) -> iterator of (run, arrays, info), one record at a time, as
# `studies.write_record` takes them. It is pickled into worker processes, so it is a module-level
# function or a functools.partial of one. A run that raises ends the iterator.
Work = collections.abc.Callable
