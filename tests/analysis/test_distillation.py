import numpy as np
import pytest

from memkit import estimators, trajectories
from memkit.analysis import Results
from memkit.analysis.distillation import estimate as distillation
from memkit.analysis.trajectories.result import ALPHAS
from tests.analysis import worlds

SIZES = (1, 2, 4)


def _study(folder, series=("one_hot", "distilled"), **options):
    return worlds.study(folder, series=series, **options)


def _world(study, *, effect, seed=0):
    """Increasing and flat examples; distillation lowers the in-rate of the increasing ones."""
    rng = np.random.default_rng(seed)
    num = study.train_mask.shape[1]
    increasing = np.arange(num) < num // 3
    result = []
    for series in study.config["series"]:
        for position, size in enumerate(SIZES):
            in_rate = np.where(increasing, 0.2 + 0.35 * position, 0.5)
            if series != "one_hot":
                in_rate = in_rate - effect * increasing * position / 2
            out_rate = np.where(increasing, 0.1, 0.4)
            correct = worlds.bernoulli(rng, study.train_mask, in_rate, out_rate)
            teacher = "" if series == "one_hot" else "one_hot-width4"
            result.append(
                worlds.outcomes(study, correct, series=series, size=size, teacher=teacher)
            )
    return result


def _analyze(study, result):
    return distillation.analyze(study, result, Results({}))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    study = _study(tmp_path_factory.mktemp("distillation"), num_runs=60, num_examples=90)
    result = _world(study, effect=0.4)
    return study, result, _analyze(study, result)


def test_changes_per_size_are_differences_of_the_points(world):
    study, result, changes = world
    sizes = changes.series["distilled"].sizes
    assert [row.name for row in sizes] == [f"distilled-width{size}" for size in SIZES]
    for row, one_hot, student in zip(sizes, result[:3], result[3:], strict=True):
        means = [estimators.jackknife_mean(o.correct, study.train_mask) for o in (one_hot, student)]
        change = means[1].memorization.value - means[0].memorization.value
        assert row.memorization.value == pytest.approx(change)
        change = means[1].in_mean.value - means[0].in_mean.value
        assert row.in_mean.value == pytest.approx(change)
        tests = [o.test_correct.mean() for o in (one_hot, student)]
        assert row.test_accuracy.value == pytest.approx(tests[1] - tests[0])
        shares = [np.mean(o.noise_free.draws < 0.1) for o in (one_hot, student)]
        assert row.shape.share_below_01.value == pytest.approx(shares[1] - shares[0])


def test_class_changes_equal_averaging_the_members_by_hand(world):
    study, result, changes = world
    mask, one_hot = study.train_mask, np.stack([o.correct for o in result[:3]])
    values = [estimators.memorization(o.correct, mask).value for o in result]
    value = np.stack(values[:3], axis=1)
    p = trajectories.change_test(one_hot, mask, seed=study.config["seed"]).p
    for alpha in ALPHAS:
        classes = trajectories.classify(value, alpha, p)
        for code, name in enumerate(trajectories.CLASSES):
            row, members = changes.series["distilled"].classes[alpha][name], classes == code
            assert row.count == members.sum()
            if members.any():
                changes_by_size = [
                    values[3 + k][members].mean() - values[k][members].mean() for k in range(3)
                ]
                assert row.change.value == pytest.approx(np.mean(changes_by_size), abs=1e-7)
                by_size = [change.value for change in row.by_size]
                assert by_size == pytest.approx(changes_by_size, abs=1e-7)


def test_contributions_sum_to_the_change_of_the_mean(world):
    _, _, changes = world
    distilled = changes.series["distilled"]
    whole = np.mean([row.memorization.value for row in distilled.sizes])
    for by_class in distilled.classes.values():
        assert sum(row.contribution for row in by_class.values()) == pytest.approx(whole)
        assert sum(row.share for row in by_class.values()) == pytest.approx(1)


def test_the_simulated_reduction_is_found_in_its_class(world):
    _, _, changes = world
    row = changes.series["distilled"].classes[0.3]["increasing"]
    truth = -0.4 * (0 + 0.5 + 1) / 3
    for change in (row.change, row.disjoint):
        assert change.value == pytest.approx(truth, abs=4 * change.stderr)
        assert change.value < -4 * change.stderr


def test_classes_from_other_runs_show_no_change_if_there_is_none(tmp_path):
    changes, disjoint_changes, errors = [], [], []
    for seed in range(5):
        study = _study(tmp_path, num_runs=40, num_examples=150)
        rng = np.random.default_rng(100 + seed)
        draws = [worlds.bernoulli(rng, study.train_mask, 0.6, 0.4) for _ in range(6)]
        result = [
            worlds.outcomes(study, draw, series=series, size=size)
            for draw, (series, size) in zip(
                draws, [(s, z) for s in study.config["series"] for z in (1, 4, 2)], strict=True
            )
        ]
        row = _analyze(study, result).series["distilled"].classes[0.1]["cap_shaped"]
        changes.append(row.by_size[1].value)
        if row.disjoint_count:
            disjoint_changes.append(row.disjoint.value)
            errors.append(row.disjoint.stderr)
    # A cap is a middle score that came out high: the student's, drawn anew, is lower by chance.
    assert np.nanmean(changes) < -0.2
    assert abs(np.mean(disjoint_changes)) < 4 * np.sqrt(np.sum(np.square(errors))) / len(errors)


def test_joint_histograms_hold_every_example_once_with_the_distilled_score_first(world):
    study, result, changes = world
    counts = changes.histograms["distilled/correct"]
    assert counts.shape == (3, 20, 20) and (counts.sum(axis=(1, 2)) == 90).all()
    scores = estimators.memorization(result[5].correct, study.train_mask).value
    by_hand, _ = np.histogram(np.clip(scores + 1e-9, 0, 1), changes.histograms["edges"])
    np.testing.assert_array_equal(counts[2].sum(axis=1), by_hand)


def test_each_distilled_series_has_its_own_entry(tmp_path):
    study = _study(tmp_path, ("one_hot", "distilled", "distilled_from_2"))
    changes = _analyze(study, _world(study, effect=0.3))
    assert list(changes.series) == ["distilled", "distilled_from_2"]
    assert {"distilled/prob", "distilled_from_2/correct", "edges"} <= set(changes.histograms)


def test_only_runs_of_both_points_are_used(tmp_path):
    study = _study(tmp_path, num_runs=40)
    result = _world(study, effect=0.3)
    whole = _analyze(study, result).series["distilled"]
    late = worlds.outcomes(
        study,
        result[3].correct[10:],
        series="distilled",
        index=range(10, 40),
        teacher="one_hot-width4",
    )
    part = _analyze(study, [*result[:3], late, *result[4:]]).series["distilled"]
    assert [row.num_runs for row in part.sizes] == [30, 40, 40]
    assert part.num_runs == 30 and whole.num_runs == 40
    assert part.sizes[1] == whole.sizes[1]
    means = [
        estimators.jackknife_mean(o, study.train_mask[10:])
        for o in (result[0].correct[10:], late.correct)
    ]
    change = means[1].memorization.value - means[0].memorization.value
    assert part.sizes[0].memorization.value == pytest.approx(change)


def test_a_study_without_students_has_no_distillation(tmp_path):
    study = _study(tmp_path, ("one_hot",))
    changes = _analyze(study, _world(study, effect=0))
    assert (changes.series, changes.histograms) == ({}, {})


def test_series_that_learn_from_no_teacher_are_not_compared(tmp_path):
    study = _study(tmp_path, ("one_hot", "last_layer"))
    assert _analyze(study, _world(study, effect=0)).series == {}


def test_one_size_has_changes_but_no_classes(tmp_path):
    study = _study(tmp_path)
    result = _world(study, effect=0.3)
    distilled = _analyze(study, [result[2], result[5]]).series["distilled"]
    assert len(distilled.sizes) == 1 and distilled.classes == {}
