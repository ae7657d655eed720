import os
import time

import pytest

from benchmarks import interleave


def count(*, units):
    """A way whose turns do as many units of work as it is told, in no time."""
    return lambda: units


def environment(*, name):
    return lambda: os.environ[name] if name in os.environ else ""


def fail():
    raise ValueError("no such way")


def sleep(*, seconds):
    def work():
        time.sleep(seconds)
        return 1

    return work


def test_every_way_gets_every_round():
    variants = {name: interleave.Way(count, {"units": 5}, ({},)) for name in "ab"}
    rates = interleave.measure(variants, 3)
    assert [len(rates[name]) for name in "ab"] == [3, 3]
    assert min(rates["a"] + rates["b"]) > 0


def test_units_of_all_processes_count_over_the_time_of_the_slowest():
    variants = {"two": interleave.Way(sleep, {"seconds": 0.2}, ({}, {}))}
    (rate,) = interleave.measure(variants, 1)["two"]
    assert 0 < rate <= 2 / 0.2


def test_a_way_computes_with_one_thread_unless_it_asks_for_all():
    options = {"name": "OMP_NUM_THREADS"}
    assert interleave.once(interleave.Way(environment, options)) == "1"
    assert interleave.once(interleave.Way(environment, options, all_threads=True)) == ""


def test_variables_are_set_before_the_work_is_made():
    variant = interleave.Way(environment, {"name": "KIND"}, ({"KIND": "mine"},))
    assert interleave.once(variant) == "mine"


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="no such way"):
        interleave.once(interleave.Way(fail, {}))


def test_ratios_are_taken_round_by_round():
    assert interleave.ratios([2, 4, 9], [1, 1, 3]) == (3, 2, 4)


def test_workers_have_one_thread_each_whatever_the_engine():
    for engine in ("tensorflow", "jax"):
        setup, environments = interleave.workers(engine)
        assert (setup.engine, setup.kind, len(environments)) == (engine, "cpu", 2)
