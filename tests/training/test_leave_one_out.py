"""Runs that leave out one example, paired with a run on all examples."""

import numpy as np
import pytest

from memkit import studies, subsets
from memkit.training import engines, loop, measure
from memkit.training.runner import Runner

SIZE = 61  # runs of a unit: one on all 60 examples, and one without each


@pytest.fixture
def study(tmp_path, mlp_config, tiny):
    config = mlp_config(
        {
            "subsets.design": "leave_one_out",
            "subsets.num_runs": 2 * SIZE,
            "training.batch_size": 10,
            "record.history_runs": 1,
        }
    )
    return studies.open_or_create(tmp_path / "study", config, tiny)


def _indices(study, run):
    return np.stack([plan.index for plan in loop.epoch_plans(study, study.points[0], run)])


def test_runs_of_a_unit_differ_in_the_place_of_the_left_out_example(study):
    whole = _indices(study, SIZE)
    for example in (0, 31, 59):
        without = _indices(study, SIZE + 1 + example)
        np.testing.assert_array_equal(whole != without, whole == example)
    assert (_indices(study, 0) != whole).mean() > 0.9


def test_runs_of_a_unit_have_as_many_steps_as_fit_without_an_example(study):
    assert {_indices(study, run).shape for run in (0, 1, SIZE, SIZE + 1)} == {(3, 5, 10)}
    assert measure.arithmetic(study, study.points[0]).steps == 15


def test_runs_of_a_unit_start_from_the_same_values(study, monkeypatch):
    numbers = []
    monkeypatch.setattr(
        loop, "initial_values", lambda model, **options: numbers.append(options["run"])
    )

    class Stopped(Exception):
        pass

    class Program:
        size = 4

        def reset(self, draws, teachers):
            for draw in draws:
                draw(None)
            raise Stopped

    with pytest.raises(Stopped):
        loop.train_pack(Program(), study, study.points[0], [0, 1, SIZE - 1, SIZE])
    assert numbers == [0, 0, 0, 1]


def test_only_the_run_on_all_examples_records_its_history(study):
    point = study.points[0]
    recorded = [run for run in range(2 * SIZE) if study.sizes_at(point, run).asked]
    assert recorded == [0]
    runner = Runner(engines.Setup())
    for run, arrays, info in runner.train_runs(study, point, [0, 1]):
        studies.write_record(study, point, run, arrays, info)
    assert studies.read_runs(study, point).index.tolist() == [0, 1]


def test_runs_of_other_designs_are_units_of_their_own(mlp_config, tiny):
    draft = studies.draft(mlp_config(), tiny)
    np.testing.assert_array_equal(draft.unit, np.arange(20))
    assert subsets.LEAVE_ONE_OUT in subsets.DESIGNS
