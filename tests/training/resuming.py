"""Runs that are interrupted between two epochs and resumed."""

import contextlib
from unittest import mock

from memkit.training import checkpoint, engines
from memkit.training.runner import Runner


class Interrupted(Exception):
    """Stands for the end of the process."""


def train(study, point, runs, setup):
    """Returns {(run, name): array} of runs, and the epochs that were trained for them."""
    with counting() as epochs:
        done = list(Runner(setup).train_runs(study, point, list(runs)))
    return {(run, name): array for run, arrays, _ in done for name, array in arrays.items()}, epochs


def interrupt(study, point, runs, setup, *, after):
    """Trains epochs with a checkpoint after each, and fails in the middle of the next one."""
    at_once = mock.patch.object(checkpoint, "SECONDS", 0.0)
    with at_once, counting(most=after) as epochs, contextlib.suppress(Interrupted):
        list(Runner(setup).train_runs(study, point, list(runs)))
    return epochs


@contextlib.contextmanager
def counting(most=None):
    """Yields a list that grows by every epoch of a pack; the one after `most` raises an error."""
    epochs, compile_program = [], engines.compile_program

    def compiled(*args, **options):
        program = compile_program(*args, **options)

        def watched(plans):
            steps = program.train(plans)  # The interrupted epoch has changed the state.
            if most is not None and len(epochs) == most:
                raise Interrupted
            epochs.append(len(plans))
            return steps

        return engines.dataclasses.replace(program, train=watched)

    with mock.patch.object(engines, "compile_program", compiled):
        yield epochs
