import dataclasses
import os

import numpy as np
import pytest

from memkit import studies
from memkit.studies import verify
from memkit.sweeps import retrain
from tests.sweeps import fake_training, small_study


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(retrain, "Runner", fake_training.Runner)
    made = small_study.make(tmp_path / "study", series=("one_hot", "distilled"))
    for point in made.points:
        for run in range(6):
            for _, arrays, info in fake_training.Runner(None).train(made, point, [run]):
                studies.write_record(made, point, run, arrays, info)
    return made


def rewrite(study, point, run, *, changes=(), **info):
    """Writes another record of a run."""
    ((_, arrays, was),) = fake_training.Runner(None).train(study, point, [run])
    studies.write_record(study, point, run, arrays | dict(changes), was | info)


def again(study, *runs):
    """Returns the Retrained of (point, run) pairs."""
    chosen = {}
    for point, run in runs:
        chosen.setdefault(("tensorflow", point.name), []).append(run)
    return list(retrain.retrain(study, chosen))


def test_drawn_runs_are_sound_ones_the_seed_alone_decides_and_blocked_ones_are_left_out(study):
    sound = verify.verify(study.workdir).sound
    for infos in sound.values():
        infos[2] = infos[2] | {"status": "blocked"}
    drawn = retrain.draw(sound, 7, 1)
    assert drawn == retrain.draw(sound, 7, 1)
    assert sum(map(len, drawn.values())) == 7
    assert any(retrain.draw(sound, 7, seed) != drawn for seed in range(2, 6))
    everything = retrain.draw(sound, 1000, 1)
    assert everything == {("tensorflow", p.name): [0, 1, 3, 4, 5] for p in study.points}


def test_retrained_runs_are_equal_and_nothing_is_written_into_the_study(study):
    before = {
        os.path.join(root, name): os.stat(os.path.join(root, name)).st_mtime_ns
        for root, _, names in os.walk(study.workdir)
        for name in names
    }
    results = again(study, *((point, run) for point in study.points for run in (0, 5)))
    assert len(results) == 8
    for result in results:
        assert (result.different, result.answers, result.largest, result.is_problem) == (
            (),
            0,
            0.0,
            False,
        )
        assert retrain.text(result).endswith("is the same, bit for bit")
    assert before == {
        os.path.join(root, name): os.stat(os.path.join(root, name)).st_mtime_ns
        for root, _, names in os.walk(study.workdir)
        for name in names
    }


def test_other_answers_of_the_same_machine_and_packages_are_a_problem_with_their_size(study):
    point = study.points[0]
    ((_, arrays, _),) = fake_training.Runner(None).train(study, point, [3])
    predicted, logodds = arrays["train_predicted"].copy(), arrays["test_logodds"].copy()
    predicted[:4] = (predicted[:4] + 1) % 3
    logodds[2] += 2
    largest = float(abs(logodds[2] - arrays["test_logodds"][2]))
    rewrite(study, point, 3, changes={"train_predicted": predicted, "test_logodds": logodds})
    (result,) = again(study, (point, 3))
    assert set(result.different) == {"train_predicted", "test_logodds"}
    assert (result.answers, result.total, result.largest) == (
        4,
        40,
        pytest.approx(largest, rel=1e-3),
    )
    assert result.is_problem
    assert "4 of 40 answers differ, log-odds by up to 2" in retrain.text(result)


def test_other_answers_of_another_machine_or_accelerator_are_told_and_no_problem(study):
    point = study.points[0]
    ((_, arrays, _),) = fake_training.Runner(None).train(study, point, [3])
    changed = {"train_logodds": arrays["train_logodds"] + np.float16(0.25)}
    rewrite(study, point, 3, changes=changed, host="elsewhere", versions={"jax": "0"})
    (result,) = again(study, (point, 3))
    assert result.elsewhere == ("host", "versions")
    assert not result.is_problem
    assert "the original has another host, versions" in retrain.text(result)
    assert not dataclasses.replace(result, elsewhere=(), device="NVIDIA H200").is_problem
    assert dataclasses.replace(result, elsewhere=(), device="CPU").is_problem


def test_log_odds_that_are_finite_in_one_record_only_differ_infinitely(study):
    point = study.points[0]
    ((_, arrays, _),) = fake_training.Runner(None).train(study, point, [3])
    logodds = arrays["train_logodds"].copy()
    logodds[0] = np.nan
    rewrite(study, point, 3, changes={"train_logodds": logodds})
    (result,) = again(study, (point, 3))
    assert result.largest == np.inf


def test_a_run_that_cannot_be_retrained_is_a_problem_with_its_reason(study):
    point = study.points[1]
    arrays, info = fake_training.fake_work.arrays(study, point, 13), fake_training.INFO
    studies.write_record(study, point, 13, arrays, info)
    bad, good = sorted(again(study, (point, 13), (point, 0)), key=lambda result: -result.run)
    assert bad.is_problem and "ZeroDivisionError: thirteen" in retrain.text(bad)
    assert not good.is_problem
