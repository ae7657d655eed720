"""Scores of runs that no study trained, from arrays of their predictions."""

import dataclasses
import io

import numpy as np
import pytest

from memkit import scores, studies
from memkit.errors import InputError
from memkit.report.known_charts import KNOWN
from memkit.scores import OwnRuns
from memkit.seeds import stream
from tests.analysis import recorded_votes

M, N, T, CLASSES = 20, 80, 30, 5


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """Arrays of made-up runs of two sizes, some of whose labels are wrong."""

    train_mask: np.ndarray
    labels: np.ndarray
    true_labels: np.ndarray
    test_labels: np.ndarray
    by_size: dict


@pytest.fixture(scope="module")
def world():
    draw = stream(0, "tests/own_runs")
    true, test_labels = draw.integers(0, CLASSES, N), draw.integers(0, CLASSES, T)
    test_labels[:5] = true[:5]
    labels = np.where(np.arange(N) < 8, (true + 1) % CLASSES, true)
    train_mask, hard = draw.random((M, N)) < 0.6, draw.random(N)

    def trained(skill):
        out = np.where(labels != true, 0, 1 - hard * (1 - skill))
        is_right = draw.random((M, N)) < np.where(train_mask, 0.98, out)
        other = np.where(labels != true, true, (labels + 2) % CLASSES)
        is_right_test = draw.random((M, T)) < 0.9
        is_right_test[:, :5] &= train_mask[:, :5]
        loss = np.exp(-np.arange(6) / 3) + 0.1 * draw.random((M, 6))
        return OwnRuns(
            predicted=np.where(is_right, labels, other),
            prob=np.where(is_right, 0.9, 0.05) + 0.02 * draw.random((M, N)),
            test_predicted=np.where(is_right_test, test_labels, (test_labels + 1) % CLASSES),
            test_prob=0.9 * is_right_test,
            curve=np.stack([loss, np.exp(-loss), np.full_like(loss, 0.1)], axis=2),
        )

    by_size = {4: trained(0.2), 16: trained(0.8)}
    return World(train_mask, labels, true, test_labels, by_size)


@pytest.fixture(scope="module")
def drawn(world):
    """The Scores of both sizes and of students."""
    return scores.of_arrays(
        world.by_size,
        world.train_mask,
        world.labels,
        axis="width",
        test_labels=world.test_labels,
        true_labels=world.true_labels,
        distilled={4: world.by_size[16], 16: world.by_size[4]},
    )


def test_every_chart_but_that_of_removal_is_drawn(drawn):
    assert {start for start in KNOWN if not any(c.startswith(start) for c in drawn.charts)} == {
        "removal_"
    }
    buffer = io.StringIO()
    drawn.chart("mean_memorization").save(buffer, format="svg")
    assert "width" in buffer.getvalue()


def test_the_numbers_are_those_of_the_arrays(drawn, world):
    table, runs, mask = drawn.table(), world.by_size[16], world.train_mask
    assert drawn.point == "one_hot_width16"
    assert "(20 runs)" in repr(drawn)
    correct = runs.predicted == world.labels
    for name, values, arm in (
        ("in_mean_correct", correct, mask),
        ("out_mean_correct", correct, ~mask),
        ("in_mean_prob", runs.prob, mask),
        ("out_mean_prob", runs.prob, ~mask),
    ):
        np.testing.assert_allclose(table[name], np.average(values, axis=0, weights=arm), rtol=1e-5)
    assert table["planted"].to_pylist() == (np.arange(N) < 8).tolist()
    wrong = [row for row in table.to_pylist() if row["kind"] == "mislabeled"]
    assert {row["row"] for row in wrong} == set(range(8))
    assert all(row["suggested_label"] == str(row["label"]) for row in wrong)


def test_one_model_without_test_images_has_scores(world):
    runs = OwnRuns(predicted=world.by_size[16].predicted, prob=world.by_size[16].prob)
    names, ids = ["ant", "bee", "cat", "dog", "elk"], [f"photo{i}" for i in range(N)]
    images = stream(0, "tests/own_images").integers(0, 256, (N, 64, 48, 3), dtype=np.uint8)
    result = scores.of_arrays(
        runs, world.train_mask, world.labels, ids=ids, class_names=names, images=images
    )
    assert result.points == ("one_hot",)
    assert result.table()["class_name"][0].as_py() == names[world.labels[0]]
    assert {"memorization_histograms", "noisy_histograms"} <= set(result.charts)
    assert result.content.thumbnails.shape == (N, 32, 24, 3)
    assert result.suspects(1)["id"][0].as_py() in result._repr_html_()
    assert "planted" not in result.table().column_names


def test_the_numbers_of_a_study_do_not_change_if_its_predictions_are_passed_as_arrays(
    tmp_path, make_config, tiny
):
    config = make_config({"axis": {"field": "", "values": []}})
    study = recorded_votes.record(studies.open_or_create(tmp_path / "study", config, tiny))
    loaded = scores.of_study(study)
    names = ("train_predicted", "train_logodds")
    arrays = studies.read_runs(study, study.points[0], names).arrays
    examples = study.examples
    runs = OwnRuns(
        predicted=arrays["train_predicted"].astype(int),
        prob=1 / (1 + np.exp(-arrays["train_logodds"].astype(float))),
    )
    of_arrays = scores.of_arrays(
        runs,
        study.train_mask,
        examples.given_labels,
        true_labels=examples.train_labels,
        ids=examples.train_ids,
        class_names=examples.class_names,
        images=tiny.train_images,
    )
    exact = ("id", "label", "kind", "suggested_label", "num_out", "memorization_correct")
    for name in exact:
        assert of_arrays.table()[name].to_pylist() == loaded.table()[name].to_pylist(), name
    np.testing.assert_allclose(
        of_arrays.table()["out_mean_prob"], loaded.table()["out_mean_prob"], atol=1e-4
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_mask": np.ones((M, N))}, "train_mask: expected a bool array"),
        ({"train_mask": np.ones((M, N - 1), bool)}, r"expected an array of shape \(79,\)"),
        ({"runs": {4: None}}, "predicted: expected an array of shape"),
        (
            {"labels": np.full(N, 0.5)},
            "labels: expected whole numbers of at least 0, received float",
        ),
        ({"class_names": ["a", "b"]}, "class_names: expected 5 names or more, received 2"),
        ({"distilled": {8: None}}, "distilled: expected sizes among 4, 16, received 8"),
        ({"images": np.zeros((N, 8, 8), np.uint8)}, "images: expected uint8 images of shape"),
        ({"ids": ["a"]}, r"train_ids: expected an array of shape \(80,\), received shape \(1,\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_line(world, changes, message):
    options = {"runs": world.by_size, "train_mask": world.train_mask, "labels": world.labels}
    if "runs" in changes:
        narrow = dataclasses.replace(world.by_size[4], predicted=world.by_size[4].predicted[:, 1:])
        changes = {"runs": narrow}
    with pytest.raises(InputError, match=message) as error:
        scores.of_arrays(**options | changes)
    assert "\n" not in str(error.value)
