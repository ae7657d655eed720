import numpy as np
import pytest

from memkit import studies
from memkit.estimators import spearman
from memkit.studies import runs
from memkit.training import engines, images, tangent_features
from memkit.training.runner import Runner
from tests.training import processes, tangent_jobs

ENGINES = ("tensorflow", "jax")


@pytest.fixture(scope="module")
def gradients(tmp_path_factory):
    """{engine: {name: array}} of `tangent_jobs.gradients`."""
    jobs = {"tests.training.tangent_jobs:gradients": None}
    folder = tmp_path_factory.mktemp("tangent")
    started = {name: processes.start(jobs, engine=name, folder=folder) for name in ENGINES}
    return {name: result() for name, result in started.items()}


def test_both_engines_give_the_same_gradients(gradients):
    for name, array in gradients["tensorflow"].items():
        scale = np.abs(array).max()
        np.testing.assert_allclose(gradients["jax"][name], array, rtol=0, atol=1e-5 * scale)
        assert array.std() > 0


def test_gradients_are_the_slopes_of_the_logits(gradients):
    model, x = tangent_jobs.network(), tangent_jobs.images()[:3]
    rng = np.random.default_rng(2)
    weights = [variable.numpy() for variable in model.trainable_variables]
    changes = [rng.normal(size=weight.shape) for weight in weights]
    logits = []
    for size in (-1e-2, 1e-2):
        for variable, weight, change in zip(
            model.trainable_variables, weights, changes, strict=True
        ):
            variable.assign(weight + size * change)
        logits.append(np.asarray(model(x, training=False), float))
    slopes = (logits[1] - logits[0]) / 2e-2
    direction = np.concatenate([change.ravel() for change in changes])
    actual = gradients["tensorflow"]["rows"][:3] @ direction
    np.testing.assert_allclose(actual, slopes, rtol=0, atol=0.02 * np.abs(slopes).max())


def test_folding_keeps_inner_products(gradients):
    rows = gradients["tensorflow"]["rows"].reshape(30, -1)
    features = gradients["tensorflow"]["features"]
    assert features.shape == (30, tangent_features.LENGTH)
    lengths = np.linalg.norm(rows, axis=1)
    errors = (features @ features.T - rows @ rows.T) / np.outer(lengths, lengths)
    assert np.abs(errors).max() < 6 / np.sqrt(tangent_features.LENGTH)


def test_folding_is_right_on_average():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2, 3, 4000)).astype(np.float32)
    products = []
    for seed in range(200):
        positions, signs = tangent_features.fold_plan(12_000, np.random.default_rng(seed))
        first, second = (np.asarray(tangent_features.fold(row, positions, signs)) for row in rows)
        products.append([first @ second, first @ first])
    expected = [np.vdot(*rows), np.vdot(rows[0], rows[0])]
    error = np.std(products, axis=0) / np.sqrt(len(products))
    assert (np.abs(np.mean(products, axis=0) - expected) < 4 * error).all()


def test_mixed_logits_stand_for_all_of_them():
    np.testing.assert_array_equal(
        tangent_features.directions(7, np.random.default_rng(0)), np.eye(7)
    )
    several = [tangent_features.directions(40, np.random.default_rng(i)) for i in range(300)]
    assert several[0].shape == (tangent_features.MOST_DIRECTIONS, 40)
    mean = np.mean([mixed.T @ mixed for mixed in several], axis=0)
    np.testing.assert_allclose(mean, np.eye(40), atol=0.1)


@pytest.fixture
def make_study(tmp_path, mlp_config, register, tiny):
    """Returns a function that makes a study whose first two runs record the score."""
    register(tiny)

    def make(name="study", **changes):
        changes = {"record.history_runs": 2, "record.ntk": True, **changes}
        return studies.open_or_create(tmp_path / name, mlp_config(changes), tiny)

    return make


def _train(study, numbers, point=0):
    done = Runner(engines.Setup()).train_runs(study, study.points[point], numbers)
    return {run: arrays for run, arrays, _ in done}


def test_the_runs_with_a_history_record_the_score_of_their_training_examples(make_study):
    study = make_study()
    records = _train(study, [0, 1, 2])
    assert "ntk_memorization" not in records[2]
    for run in (0, 1):
        scores = records[run]["ntk_memorization"]
        np.testing.assert_array_equal(np.isfinite(scores), study.train_mask[run])
        assert (np.abs(scores[study.train_mask[run]]) <= 1).all()
        assert np.nanstd(scores) > 0.01


def test_the_score_changes_no_other_array(make_study):
    with_score, without = (
        _train(make_study(name, **{"record.ntk": is_on}), [0, 1, 2])
        for name, is_on in (("with", True), ("without", False))
    )
    for run, arrays in without.items():
        assert with_score[run].keys() - arrays.keys() <= {"ntk_memorization"}
        for name, array in arrays.items():
            np.testing.assert_array_equal(with_score[run][name], array)


def test_a_run_computes_the_same_score_again_beside_other_runs(make_study):
    study = make_study()
    alone, beside = _train(study, [1])[1], _train(study, [0, 1])[1]
    np.testing.assert_array_equal(alone["ntk_memorization"], beside["ntk_memorization"])


@pytest.mark.slow
def test_a_pack_of_jax_gives_the_scores_of_tensorflow(tmp_path, mlp_config):
    digits = {"name": "digits", "mean": [0.3], "std": [0.37], "resident": True}
    selection = {"classes": [], "train_per_class": 5, "test_per_class": 2}
    changes = {"dataset": digits | selection, "record.history_runs": 2, "record.ntk": True}
    config = mlp_config(changes)
    study = studies.open_or_create(tmp_path / "study", config, images.load_dataset(config))
    job = {
        "workdir": str(study.workdir),
        "setup": {"packing": "vmap", "runs_per_program": 3},
        "points": [study.points[0].name],
        "runs": [0, 1, 2],
        "diverging": 2,
    }
    processes.start({"tests.training.jax_jobs:records": [job]}, engine="jax", folder=tmp_path)()
    for run, expected in _train(study, [0, 1]).items():
        arrays, _ = runs.read_record(study, study.points[0], run)
        members = study.train_mask[run]
        scores, expected_scores = (a["ntk_memorization"][members] for a in (arrays, expected))
        np.testing.assert_allclose(scores, expected_scores, atol=0.02)
        assert spearman(scores, expected_scores) > 0.99


def test_a_diverged_run_has_no_scores(make_study):
    arrays = _train(make_study(**{"schedule.peak": 1e30}), [0])[0]
    assert np.isnan(arrays["ntk_memorization"]).all()


def test_the_last_layer_alone_has_no_scores(make_study):
    study = make_study(series=["one_hot", "last_layer"])
    arrays = _train(study, [0], point=1)[0]
    assert np.isnan(arrays["ntk_memorization"]).all()
