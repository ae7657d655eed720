import numpy as np
import pytest

from memkit import recipe
from memkit.errors import InputError

STEP = {"name": "step", "peak": 0.8, "warmup_epochs": 0, "milestones": (2, 3), "factor": 0.1}
COSINE = {"name": "cosine", "peak": 0.4, "warmup_epochs": 1.0}


def _rates(schedule, epochs=4, steps_per_epoch=5):
    return recipe.rates(schedule, epochs=epochs, steps_per_epoch=steps_per_epoch)


@pytest.mark.parametrize("schedule", [STEP, COSINE])
def test_rates_have_a_value_per_step(schedule):
    rates = _rates(schedule)
    assert rates.shape == (4, 5)
    assert rates.dtype == np.float32


def test_milestones_drop_the_rate_from_their_first_step_on():
    expected = np.repeat([0.8, 0.8, 0.08, 0.008], 5).reshape(4, 5)
    np.testing.assert_allclose(_rates(STEP), expected, rtol=1e-6)


def test_milestone_within_an_epoch():
    rates = _rates(STEP | {"milestones": (0.5,)}, epochs=1, steps_per_epoch=4)
    np.testing.assert_allclose(rates, [[0.8, 0.8, 0.08, 0.08]], rtol=1e-6)


def test_no_milestones_keep_the_peak():
    np.testing.assert_allclose(_rates(STEP | {"milestones": ()}), 0.8, rtol=1e-6)


@pytest.mark.parametrize("schedule", [STEP, COSINE])
def test_warmup_rises_linearly_to_the_peak(schedule):
    rates = _rates(schedule | {"warmup_epochs": 2.0}, epochs=4).ravel()
    peak = schedule["peak"]
    np.testing.assert_allclose(rates[:10], peak * np.arange(1, 11) / 10, rtol=1e-6)
    assert rates[9] == np.float32(peak)


@pytest.mark.parametrize("warmup, steps", [(0.2, 1), (0.5, 2), (1.4, 7)])
def test_warmup_of_part_of_an_epoch_is_rounded_to_steps(warmup, steps):
    rates = _rates(STEP | {"warmup_epochs": warmup, "milestones": ()}).ravel()
    np.testing.assert_allclose(rates[:steps], 0.8 * np.arange(1, steps + 1) / steps, rtol=1e-6)
    np.testing.assert_allclose(rates[steps:], 0.8, rtol=1e-6)


@pytest.mark.parametrize("warmup, epochs, steps", [(0.5, 1, 1), (0.5, 4, 5)])
def test_cosine_starts_at_the_peak_after_a_rounded_warmup(warmup, epochs, steps):
    schedule = COSINE | {"warmup_epochs": warmup}
    rates = _rates(schedule, epochs=epochs, steps_per_epoch=steps).ravel()
    assert rates[round(warmup * steps)] == pytest.approx(0.4)


def test_cosine_falls_from_the_peak_to_almost_0():
    rates = _rates(COSINE | {"warmup_epochs": 0}, epochs=10, steps_per_epoch=100).ravel()
    assert rates[0] == np.float32(0.4)
    assert rates[500] == pytest.approx(0.2)
    assert 0 < rates[-1] < 1e-5
    assert (np.diff(rates) < 0).all()


def test_cosine_worked_example():
    # 3 epochs of 4 steps, one of warm-up: step s >= 4 has 0.4 (1 + cos(pi (s - 4) / 8)) / 2.
    expected = [0.1, 0.2, 0.3, 0.4]
    expected += [0.2 * (1 + np.cos(np.pi * s / 8)) for s in range(8)]
    rates = _rates(COSINE, epochs=3, steps_per_epoch=4)
    np.testing.assert_allclose(rates.ravel(), expected, rtol=1e-6)


def test_the_published_recipe_of_resnets():
    # He et al. 2016: 0.1, divided by 10 at 50% and 75% of 164 epochs.
    schedule = STEP | {"peak": 0.1, "milestones": (82, 123)}
    rates = _rates(schedule, epochs=164, steps_per_epoch=3)
    assert rates[81, 2] == np.float32(0.1)
    assert rates[82, 0] == rates[122, 2] == pytest.approx(0.01)
    assert rates[123, 0] == rates[163, 2] == pytest.approx(0.001)


@pytest.mark.parametrize(
    "schedule, named",
    [
        (
            COSINE | {"name": "exponential"},
            "schedule.name: unknown schedule .* Known: constant, cosine, linear, step, cosinedecay",
        ),
        (COSINE | {"factor": 1}, "schedule.factor: unknown field. Known: peak, warmup_epochs"),
        ({"name": "cosine", "peak": 1.0}, "schedule.warmup_epochs: missing value"),
        ({"name": "cosine", "warmup_epochs": 1}, "schedule.peak: missing value"),
        (COSINE | {"peak": 0}, "schedule.peak: expected a rate above 0"),
        (COSINE | {"peak": -1}, "schedule.peak: expected a rate above 0"),
        (COSINE | {"peak": float("nan")}, "schedule.peak: expected a rate above 0"),
        (COSINE | {"warmup_epochs": 4}, "schedule.warmup_epochs: .*4 epochs"),
        (COSINE | {"warmup_epochs": -1}, "schedule.warmup_epochs: "),
    ],
    ids=str,
)
def test_bad_schedule_is_refused_by_name(schedule, named):
    with pytest.raises(InputError, match=f"^{named}"):
        _rates(schedule)


def test_linear_rises_over_the_warmup_and_falls_to_zero():
    """Feldman and Zhang's CIFAR-100 recipe: 15% of 160 epochs up, the rest down."""
    schedule = {"name": "linear", "peak": 0.4, "warmup_epochs": 24.0}
    rates = recipe.rates(schedule, epochs=160, steps_per_epoch=10).ravel()
    np.testing.assert_allclose(rates[239], 0.4, rtol=1e-6)
    np.testing.assert_allclose(rates[:240], 0.4 * np.arange(1, 241) / 240, rtol=1e-5)
    np.testing.assert_allclose(rates[240:], 0.4 * np.arange(1360, 0, -1) / 1360, rtol=1e-5)


def test_constant_stays_at_the_peak_after_the_warmup():
    rates = _rates({"name": "constant", "peak": 0.3, "warmup_epochs": 1.0}, epochs=3).ravel()
    np.testing.assert_allclose(rates[:5], 0.3 * np.arange(1, 6) / 5, rtol=1e-6)
    np.testing.assert_array_equal(rates[5:], np.float32(0.3))


KERAS = {"name": "exponentialdecay", "initial_learning_rate": 0.4, "decay_steps": 5}


def test_schedules_of_keras_count_steps():
    rates = _rates(KERAS | {"decay_rate": 0.5}, epochs=2, steps_per_epoch=5)
    np.testing.assert_allclose(rates.ravel(), 0.4 * 0.5 ** (np.arange(10) / 5), rtol=1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, r"^schedule\.decay_rate: missing value"),
        ({"decay_rate": 0.5, "peak": 1}, r"^schedule\.peak: unknown field"),
        ({"decay_rate": -2.0}, r"^schedule: expected rates of at least 0"),
    ],
)
def test_options_that_a_schedule_of_keras_cannot_have_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        _rates(KERAS | options)


def test_a_stored_schedule_of_keras_is_checked_without_keras():
    recipe.check_schedule({"name": "anything", "steps": [1, 2]}, epochs=2, is_stored=True)
    with pytest.raises(InputError, match=r"^schedule\.name: expected the name of a class"):
        recipe.check_schedule({"name": "os.system"}, epochs=2, is_stored=True)
