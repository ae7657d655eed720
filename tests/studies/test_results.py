import json

import numpy as np
import pytest

from memkit import estimators, studies
from memkit.errors import InputError


@pytest.fixture
def study(tmp_path, make_config, tiny):
    return studies.open_or_create(tmp_path / "study", make_config(), tiny)


def _estimates(study):
    rng = np.random.default_rng(0)
    correct = rng.random(study.train_mask.shape) < 0.5
    prob = rng.random(study.train_mask.shape).astype(np.float32)
    return {
        "correct": estimators.memorization(correct, study.train_mask),
        "prob": estimators.memorization(prob, study.train_mask),
        "pooled": estimators.pooled(correct, prob - 0.5, study.train_mask),
    }


def test_estimates_come_back(study):
    written = _estimates(study)
    studies.write_estimates(study, study.points[0], written)
    for point in (study.points[0], "one_hot_width1"):
        estimates = studies.read_estimates(study, point)
        assert set(estimates) == set(studies.SCORES)
        for outcome, estimate in written.items():
            assert set(vars(estimates[outcome])) == set(vars(estimate))
            for name, value in vars(estimate).items():
                np.testing.assert_array_equal(getattr(estimates[outcome], name), value)


def test_estimates_have_the_documented_names(study):
    studies.write_estimates(study, study.points[0], _estimates(study))
    with np.load(study.workdir / "points" / "one_hot_width1" / "estimates.npz") as file:
        names = set(file.files)
    shared = ("memorization", "in_mean", "out_mean", "stderr", "lower", "upper")
    expected = {f"{score}_{name}" for score in studies.SCORES for name in shared}
    assert names >= expected | {"num_in", "num_out"}


def test_undefined_estimates_come_back_as_nan(study):
    mask = study.train_mask.copy()
    mask[:, 0] = True
    correct = np.ones(mask.shape, bool)
    written = {name: estimators.memorization(correct, mask) for name in studies.SCORES}
    studies.write_estimates(study, study.points[0], written)
    estimate = studies.read_estimates(study, study.points[0])["correct"]
    assert np.isnan(estimate.value[0]) and not np.isnan(estimate.value[1:]).any()
    assert estimate.num_out[0] == 0


def test_trajectories_come_back_by_series(study):
    written = {
        "one_hot/value": np.array([[0.5, np.nan]]),
        "one_hot/points": np.array(["a", "b"]),
        "one_hot/runs": 3,
        "distilled/value": np.zeros((0, 2)),
    }
    studies.write_arrays(study, "trajectories", written)
    assert (study.workdir / "trajectories.npz").exists()
    trajectories = studies.read_trajectories(study)
    read = {
        f"{series}/{name}": a
        for series, arrays in trajectories.items()
        for name, a in arrays.items()
    }
    np.testing.assert_equal(read, written)


def test_a_study_without_trajectories_has_none(study):
    studies.write_summary(study, {})
    assert studies.read_trajectories(study) == {}


def test_a_stopping_rule_comes_back_and_undefined_numbers_are_null(study):
    studies.write_stop(
        study,
        {
            "python": float("nan"),
            "numpy": np.float32("nan"),
            "endless": [np.inf, -np.inf, (1.5, np.float64("nan"))],
            "nested": {1: {"mean": np.float32(0.5), "count": np.int64(3), "flag": np.bool_(True)}},
            "none": None,
        },
    )
    text = (study.workdir / "stop.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert studies.read_stop(study) == {
        "python": None,
        "numpy": None,
        "endless": [None, None, [1.5, None]],
        "nested": {"1": {"mean": 0.5, "count": 3, "flag": True}},
        "none": None,
    }


def test_a_summary_comes_back(study):
    summary = {"layout": 1, "accuracy": {"points": {"one_hot": {"value": 0.5, "stderr": None}}}}
    studies.write_summary(study, summary)
    assert studies.read_summary(study) == summary


@pytest.mark.parametrize(
    "read",
    [
        lambda study: studies.read_estimates(study, "one_hot_width1"),
        studies.read_trajectories,
        studies.read_summary,
    ],
)
def test_study_without_estimates_says_what_to_run(study, read):
    with pytest.raises(InputError, match="^--workdir: .*memkit estimate"):
        read(study)


def test_estimates_of_an_unknown_point_are_refused(study):
    with pytest.raises(
        InputError, match="^point: unknown point 'width3'.* Known: one_hot_width1, "
    ):
        studies.read_estimates(study, "width3")


def test_report_files_are_written_and_the_page_last(study, monkeypatch):
    from memkit import storage

    written = []
    real = storage.write

    def write(where, content, **options):
        written.append(str(where.relative_to(study.workdir)))
        real(where, content, **options)

    monkeypatch.setattr(storage, "write", write)
    files = {"index.html": b"<html>", "a/picture.svg": b"<svg>", "z.json": b"{}"}
    path = studies.write_report(study, files)
    assert written[-1] == "report/index.html"
    assert path == study.workdir / "report" / "index.html"
    for name, content in files.items():
        assert (study.workdir / "report" / name).read_bytes() == content
