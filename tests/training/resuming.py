"""Runs that are interrupted between two epochs and go on, beside the same runs undisturbed."""

import contextlib
from unittest import mock

from memkit.training import checkpoint, engines
from memkit.training.runner import Runner


class Interrupted(Exception):
    """The process would have died here."""


def train(study, point, runs, setup):
    """Returns {(run, name): array} of runs, and the epochs that were trained for them."""
    with counting() as epochs:
        done = list(Runner(setup).train_runs(study, point, list(runs)))
    return {(run, name): array for run, arrays, _ in done for name, array in arrays.items()}, epochs


def interrupt(study, point, runs, setup, *, after):
    """Trains so many epochs with a checkpoint after each, and dies in the middle of the next."""
    at_once = mock.patch.object(checkpoint, "SECONDS", 0.0)
    with at_once, counting(most=after) as epochs, contextlib.suppress(Interrupted):
        list(Runner(setup).train_runs(study, point, list(runs)))
    return epochs


@contextlib.contextmanager
def counting(most=None):
    """Gives a list that grows by every epoch of a pack; after `most` of them the next one dies."""
    epochs, compile_program = [], engines.compile_program

    def compiled(*args, **options):
        program = compile_program(*args, **options)

        def watched(plans):
            said = program.train(plans)  # What dies leaves the program changed.
            if most is not None and len(epochs) == most:
                raise Interrupted
            epochs.append(len(plans))
            return said

        return engines.dataclasses.replace(program, train=watched)

    with mock.patch.object(engines, "compile_program", compiled):
        yield epochs
