import csv
import dataclasses
import re

import numpy as np
import pytest

from memkit import analysis, records, studies
from memkit.analysis import Results
from memkit.analysis.similar_images import estimate, section
from memkit.analysis.similar_images.result import (
    FEATURES,
    PIXELS,
    SimilarExamples,
    SimilarImages,
)
from memkit.seeds import stream
from tests import simulated
from tests.estimators.test_near_duplicates import COPIES, textures
from tests.info import INFO
from tests.report import rendering

RUNS = {"axis": {"field": "", "values": []}, "subsets.num_runs": 20}
TWINS = ((3, 8, "shifted"), (5, 11, "mirrored"), (20, 40, "identical"))  # of train examples
_RESULT = SimilarImages(
    point="one_hot",
    space=PIXELS,
    num_runs=0,
    pairs=2,
    different_labels=1,
    across=1,
    test_examples=1,
    examples=SimilarExamples(
        neighbors=np.zeros((40, 8), int),
        similarity=np.zeros((40, 8), np.float32),
        test_neighbors=np.zeros((5, 8), int),
        test_similarity=np.zeros((5, 8), np.float32),
        first=np.array([5, 7]),
        second=np.array([11, 2]),
        in_test=np.array([False, True]),
        likeness=np.array([0.97, 0.99], np.float32),
        different_labels=np.array([True, False]),
    ),
)
TEST_TWINS = ((7, 2, "compressed"), (30, 4, "identical"))  # (train, test)


@pytest.fixture
def similar(tiny, register):
    """The small digits with pictures of textures, some of them near-duplicates of others."""
    train, test = textures(60, channels=1), textures(21, seed=1, channels=1)
    labels, test_labels = tiny.train_labels.copy(), tiny.test_labels.copy()
    for first, second, change in TWINS:
        train[second] = COPIES[change](train[first])
        labels[second] = labels[first]
    labels[11] = (labels[5] + 1) % 10
    for first, second, change in TEST_TWINS:
        test[second] = COPIES[change](train[first])
        test_labels[second] = labels[first]
    return register(
        dataclasses.replace(
            tiny,
            train_images=train,
            train_labels=labels,
            test_images=test,
            test_labels=test_labels,
        )
    )


@pytest.fixture
def make_study(tmp_path, make_config, similar):
    """Returns a function that makes a study, whose first runs record features if it says so."""

    def make(features_runs=0, each=None):
        changes = {"record.features_runs": features_runs, "labels.planted_fraction": 0.0}
        config = make_config(RUNS | changes)
        study = studies.open_or_create(tmp_path / "study", config, similar)
        (point,) = study.points
        for run in range(len(study.train_mask)):
            sizes = study.sizes_at(point, run)
            arrays = {
                name: np.zeros(shape, dtype)
                for name, (dtype, shape) in records.array_specs(sizes).items()
            }
            if "train_features" in arrays:
                arrays |= each(run)
            studies.write_record(study, point, run, arrays, INFO)
        return study

    return make


def _features(run):
    draw = stream(0, "tests/features", run)
    return {
        "train_features": draw.normal(size=(60, records.FEATURES)).astype(np.float16),
        "test_features": draw.normal(size=(21, records.FEATURES)).astype(np.float16),
    }


def _of(study):
    return estimate.analyze(study, (), Results({}))


def test_near_duplicates_are_listed_with_different_labels_first_and_exact_copies_are_not(
    make_study,
):
    result = _of(make_study())
    listed = list(
        zip(*(getattr(result.examples, name).tolist() for name in ("first", "second", "in_test")))
    )
    assert listed[0] == (5, 11, False)
    assert sorted(listed[1:]) == [(3, 8, False), (7, 2, True)]
    assert result.examples.different_labels.tolist() == [True, False, False]
    assert (result.pairs, result.different_labels) == (3, 1)
    assert (result.across, result.test_examples) == (1, 1)


def test_without_features_neighbors_are_those_in_pixels(make_study):
    result = _of(make_study())
    assert (result.space, result.num_runs) == (PIXELS, 0)
    examples = result.examples
    assert examples.neighbors.shape == (60, estimate.NEIGHBORS)
    assert examples.test_neighbors.shape == (21, estimate.NEIGHBORS)
    assert not (examples.neighbors == np.arange(60)[:, None]).any()
    for first, second in ((3, 8), (20, 40)):
        assert second in examples.neighbors[first, :3] and first in examples.neighbors[second, :3]
    for first, second, _ in TEST_TWINS:
        assert first in examples.test_neighbors[second, :2]
    assert (np.diff(examples.similarity, axis=1) <= 1e-6).all()


def test_neighbors_are_the_most_similar_in_runs_that_held_the_example_out(make_study):
    study = make_study(6, _features)
    result = _of(study)
    assert (result.space, result.num_runs) == (FEATURES, 6)
    cosines = []
    for run in range(6):
        features = np.concatenate(list(_features(run).values())).astype(float)
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        cosines.append(unit @ unit[:60].T)
    for i in range(81):
        held_out = ~study.train_mask[:6, i] if i < 60 else np.ones(6, bool)
        if not held_out.any():
            held_out[:] = True
        mean = np.mean([cosines[run][i] for run in np.flatnonzero(held_out)], axis=0)
        if i < 60:
            mean[i] = -np.inf
        neighbors, similarity = (
            getattr(result.examples, f"{'' if i < 60 else 'test_'}{name}")[i % 60]
            for name in ("neighbors", "similarity")
        )
        np.testing.assert_array_equal(neighbors, np.argsort(-mean)[: estimate.NEIGHBORS])
        np.testing.assert_allclose(similarity, -np.sort(-mean)[: estimate.NEIGHBORS], atol=1e-4)


def test_near_duplicates_are_found_with_features_as_well(make_study):
    result = _of(make_study(6, _features))
    assert result.pairs == 3


def test_runs_without_finite_features_are_not_used(make_study):
    def features(run):
        return {name: array * (np.nan if run == 1 else 1) for name, array in _features(run).items()}

    assert _of(make_study(3, features)).num_runs == 2


def test_features_are_used_of_a_limited_number_of_runs(make_study):
    assert _of(make_study(20, _features)).num_runs == estimate.MOST_RUNS


def test_many_examples_are_not_compared(make_study, monkeypatch):
    study = make_study()
    blocks = (studies.pictures.Blocks(study.workdir, "train", 60),) * 2
    monkeypatch.setattr(studies.pictures, "thumbnails", lambda _: blocks)
    result = _of(study)
    assert (result.space, result.pairs, result.examples) == ("", 0, None)


def test_examples_that_are_no_images_are_not_compared(make_study, monkeypatch):
    study = make_study()
    gray = (np.full((60, 8, 8, 1), 200, np.uint8), np.full((21, 8, 8, 1), 200, np.uint8))
    monkeypatch.setattr(studies.pictures, "thumbnails", lambda _: gray)
    assert _of(study).space == ""


def test_estimate_stores_the_result_and_the_table(make_study, few_splits):
    study = make_study(3, _features)
    analysis.estimate(study)
    stored = analysis.read(study).results[SimilarImages]
    assert vars(estimate.of_study(study)).keys() == vars(stored).keys()
    np.testing.assert_array_equal(stored.examples.neighbors, _of(study).examples.neighbors)
    with open(study.workdir / "tables" / "near_duplicates.csv") as file:
        rows = list(csv.DictReader(file))
    ids = study.examples.train_ids
    assert [row["train_id"] for row in rows][0] == ids[5]
    assert {(row["train_id"], row["other_id"], row["other_part"]) for row in rows} == {
        (ids[5], ids[11], "train"),
        (ids[3], ids[8], "train"),
        (ids[7], study.examples.test_ids[2], "test"),
    }
    assert [row["different_labels"] for row in rows] == ["true", "false", "false"]


def test_an_old_summary_is_not_read(make_study, monkeypatch):
    study = make_study()
    monkeypatch.setattr(studies, "check_sources", lambda *_, **__: None)
    monkeypatch.setattr(studies, "read_summary", lambda _: {"layout": 1})
    assert estimate.of_study(study).pairs == 3


def test_a_study_without_near_duplicates_has_no_section():
    content = simulated.build()
    assert section.section(content).empty
    none = dataclasses.replace(_RESULT, pairs=0)
    assert section.section(simulated.with_results(content, none)).empty


def test_the_section_shows_each_pair_with_its_pictures():
    built = section.section(simulated.with_results(simulated.build(), _RESULT))
    assert built.finding == (
        "2 pairs of near-duplicates, 1 with different labels, 1 across train and test"
    )
    assert built.pictures == {"train": [5, 11, 7], "test": [2]}
    html = rendering.html(built)
    assert html.count('<li class="card">') == 2
    assert re.findall(r'data-sheet="(\w+)"\s+data-example="(\d+)"', html) == [
        ("train", "5"),
        ("train", "11"),
        ("train", "7"),
        ("test", "2"),
    ]
