import dataclasses

import numpy as np
import pytest
from pyarrow import csv, parquet

from memkit import analysis, estimators, studies
from memkit.analysis import Results
from memkit.analysis.accuracy import estimate as accuracy
from memkit.analysis.audit import estimate as audit
from memkit.analysis.audit import text as audit_text
from memkit.analysis.audit.result import PlantedFound
from memkit.analysis.copies import copies_of
from memkit.analysis.similar_images import estimate as similar_images
from memkit.errors import InputError
from memkit.estimators import rarity
from memkit.estimators.audit import KINDS
from memkit.studies import exports, pictures, runs
from tests.analysis import recorded_votes
from tests.info import INFO

NOTHING = similar_images.nothing("")
RUNS = {"subsets.num_runs": 60, "subsets.train_fraction": 0.5}


@pytest.fixture
def twins(tiny, register):
    """The small digits, in which rows 7, 9 and test row 2 are copies of others."""
    train, test = tiny.train_images.copy(), tiny.test_images.copy()
    train[7], train[9], test[2] = train[5], train[8], train[20]
    labels = tiny.train_labels.copy()
    labels[9] = labels[8]
    test_labels = tiny.test_labels.copy()
    test_labels[2] = labels[20]
    return register(
        dataclasses.replace(
            tiny,
            train_images=train,
            test_images=test,
            train_labels=labels,
            test_labels=test_labels,
        )
    )


@pytest.fixture
def study(tmp_path, make_config, twins):
    return recorded_votes.record(studies.open_or_create(tmp_path, make_config(RUNS), twins))


def _by_id(columns):
    return {name: dict(zip(columns, row)) for name, *row in zip(columns["id"], *columns.values())}


def test_planted_labels_are_called_mislabeled_with_the_true_label_suggested(study):
    result = audit.at_point(study)
    rows = _by_id(audit.columns(study, result))
    examples = study.examples
    called = {name for name, row in rows.items() if row["kind"] == "mislabeled"}
    assert called == set(examples.train_ids[examples.planted].tolist())
    assert result.planted == PlantedFound(count=6, judged=6, found=6, precision=1, recall=1)
    for i in np.flatnonzero(examples.planted):
        row = rows[examples.train_ids[i]]
        assert row["given_label"] == str(examples.given_labels[i])
        assert row["suggested_label"] == str(examples.train_labels[i])
        assert row["planted"] and row["score"] > 0.9
        assert row["rival_share"] > 0.9 > 0.1 > row["given_share"]


def test_copies_are_listed_with_their_ids_those_of_different_labels_first(study):
    result = audit.at_point(study)
    columns = audit.columns(study, result)
    rows, ids = _by_id(columns), study.examples.train_ids
    given = study.examples.given_labels
    assert not study.examples.planted[[5, 7, 8, 9, 20]].any() and given[5] != given[7]
    assert rows[ids[5]]["duplicate_of"] == ids[7] and rows[ids[7]]["duplicate_of"] == ids[5]
    assert rows[ids[8]]["duplicate_of"] == ids[9]
    assert rows[ids[20]]["duplicate_in_test"] == study.examples.test_ids[2]
    listed = [name for name, row in rows.items() if row["kind"] == "duplicate"]
    assert set(listed) == set(ids[[5, 7, 8, 9, 20]].tolist())
    assert set(listed[:2]) == set(ids[[5, 7]].tolist())
    assert [rows[name]["different_labels"] for name in listed] == [True] * 2 + [False] * 3
    assert result.conflicting == 2


def test_a_copy_in_test_with_another_label_is_a_conflict(tmp_path, make_config, twins, register):
    labels = twins.test_labels.copy()
    labels[2] += 1
    dataset = register(dataclasses.replace(twins, test_labels=labels))
    study = studies.open_or_create(tmp_path, make_config(RUNS), dataset)
    assert np.flatnonzero(copies_of(study).conflicting).tolist() == [5, 7, 20]
    assert audit.at_point(recorded_votes.record(study)).conflicting == 3


def test_runs_that_trained_on_a_copy_are_not_counted_as_held_out(study):
    num_out = audit.at_point(study).examples.num_out
    mask = study.train_mask
    assert num_out[5] == num_out[7] == (~mask[:, 5] & ~mask[:, 7]).sum()
    assert num_out[6] == (~mask[:, 6]).sum() > num_out[5]


def test_numbers_are_those_of_the_estimators(study):
    result = audit.at_point(study, study.points[0].name)
    features = analysis.image_features(study)
    outcomes = analysis.read_outcomes(study, study.points[0], with_training=True, features=features)
    alone = np.setdiff1d(np.arange(60), [5, 7, 8, 9])
    out_prob = estimators.consistency(outcomes.prob, study.train_mask)
    memorized = outcomes.estimates["pooled"]
    for name, expected in (
        ("out_prob", out_prob.value),
        ("out_prob_upper", out_prob.upper),
        ("memorization", memorized.value),
        ("memorization_lower", memorized.lower),
        ("memorization_raw", outcomes.estimates["correct"].value),
    ):
        np.testing.assert_array_equal(getattr(result.examples, name)[alone], expected[alone])
    np.testing.assert_array_equal(result.examples.memorization, memorized.value)
    assert sum(result.kinds.values()) == 60


def test_rarity_is_that_of_the_thumbnails(study):
    examples, given = audit.at_point(study).examples, study.examples.given_labels
    images, _ = studies.thumbnails(study)
    trusted = examples.given_share > 0.5
    expected = rarity.rarity(images, given, examples.rival, trusted=trusted)
    np.testing.assert_array_equal(examples.rarity, expected)
    assert np.isfinite(examples.rarity).any()
    columns = audit.columns(study, audit.at_point(study))
    np.testing.assert_array_equal(columns["rarity"], expected[examples.order])


def test_no_image_is_rare_if_thumbnails_are_not_read_at_once(study, monkeypatch):
    kinds = audit.at_point(study).kinds
    blocks = pictures.Blocks(study.workdir, "train", 60)
    monkeypatch.setattr(pictures, "thumbnails", lambda _: (blocks, blocks))
    assert np.isnan(audit.at_point(study).examples.rarity).all()
    assert audit.at_point(study).kinds == kinds


def test_the_table_holds_every_listed_example_as_the_arrays_do(study, tmp_path):
    result = audit.at_point(study)
    columns = audit.columns(study, result)
    examples, order = result.examples, result.examples.order
    assert len(order) == sum(result.kinds[kind] for kind in audit.LISTED)
    for where in exports.write_audit(study, columns, tmp_path / "out"):
        read = parquet.read_table if where.suffix == ".parquet" else csv.read_csv
        table = read(where)
        assert table.column_names == list(columns)
        assert table["id"].to_pylist() == study.examples.train_ids[order].tolist()
        kinds = [KINDS.index(kind) for kind in table["kind"].to_pylist()]
        assert kinds == examples.kind[order].tolist()
        np.testing.assert_allclose(table["score"].to_numpy(), examples.score[order])
    paths = exports.write_audit(study, columns)
    assert [path.name for path in paths] == ["audit.parquet", "audit.csv"]
    assert {path.parent for path in paths} == {study.workdir / "tables"}


def test_examples_held_out_too_rarely_have_no_score_in_the_table(study):
    study.train_mask[4:, 30] = True
    result = audit.at_point(study)
    row = _by_id(audit.columns(study, result))[study.examples.train_ids[30]]
    assert row["kind"] == "not judged" and row["num_out"] <= 4
    assert row["suggested_label"] == row["rival"] == ""
    for name in ("score", "out_prob", "out_prob_upper", "given_share", "rival_share"):
        assert np.isnan(row[name]), name


def test_images_of_a_folder_have_their_path(study):
    source = study.config["dataset"]
    source |= {"name": "folder", "path": "/data/photos"}
    columns = audit.columns(study, audit.at_point(study))
    assert columns["path"].tolist() == [f"/data/photos/{name}" for name in columns["id"]]


def test_the_analysis_takes_the_last_point_of_the_first_series(study):
    options = {"with_training": True, "features": analysis.image_features(study)}
    outcomes = [analysis.read_outcomes(study, point, **options) for point in study.points]
    result, expected = audit.analyze(study, outcomes, Results({})), audit.at_point(study)
    assert result.point == study.points[-1].name != study.points[0].name
    np.testing.assert_equal(dataclasses.asdict(result), dataclasses.asdict(expected))


def test_a_point_without_runs_raises_an_error_and_has_no_numbers(tmp_path, make_config, twins):
    study = studies.open_or_create(tmp_path / "empty", make_config(RUNS), twins)
    outcomes = [analysis.read_outcomes(study, point) for point in study.points]
    result = audit.analyze(study, outcomes, Results({}))
    assert (result.point, result.num_runs, result.examples) == (study.points[-1].name, 0, None)
    with pytest.raises(InputError, match="--point: expected a point with finished runs"):
        audit.at_point(study)
    with pytest.raises(InputError, match="point: unknown point 'width3'"):
        audit.at_point(study, "width3")


def _sound(result, **changes):
    """Returns an audit that needs no caution, but for the changes."""
    sound = {"accuracy": 0.97, "chance": 0.1, "small": {}, "test_copies": 0}
    return dataclasses.replace(result, **sound | changes)


def test_an_audit_says_when_its_models_learned_little(study):
    result = audit.at_point(study)
    assert audit_text.cautions(_sound(result), NOTHING) == []
    unlearned = _sound(result, accuracy=0.35)
    (caution,) = audit_text.cautions(unlearned, NOTHING)
    assert caution.startswith("The models classify only 35.0% of the images that they trained on")
    columns = audit.columns(study, result)
    lines = audit_text.text(study, unlearned, columns, 1, similar=NOTHING).splitlines()
    assert f"caution: {caution}" in lines


def test_an_audit_says_how_many_images_are_not_judged(study):
    few = _sound(audit.at_point(study), kinds={**dict.fromkeys(KINDS, 10), "not judged": 1200})
    (caution,) = audit_text.cautions(few, NOTHING)
    assert caution.startswith("1,200 of 1,250 images are not judged")


def test_an_audit_says_which_runs_are_missing_and_what_would_help(study):
    (point,) = study.points[-1:]
    assert audit.at_point(study).missing == {}
    for run in (4, 5, 6):
        runs.record_file(study, point, run).unlink()
    studies.write_failure(study, point, 5, "no memory")
    arrays, info = runs.read_record(study, point, 7)
    entries = {name: value for name, value in info.items() if name in INFO}
    studies.write_record(study, point, 7, arrays, entries | {"status": "diverged"})
    result = audit.at_point(study)
    assert (result.planned, result.num_runs) == (60, 56)
    assert result.missing == {"diverged": 1, "failed": 1, "not finished": 2}
    (caution,) = audit_text.cautions(_sound(result), NOTHING)
    assert caution == (
        "4 of 60 runs are missing (1 diverged, 1 failed, 2 not finished). `memkit train` trains "
        "the missing ones. Runs that diverge need a lower learning rate (schedule.peak), in a new "
        "study."
    )


def test_an_audit_names_classes_that_are_too_small(study):
    result = audit.at_point(study)
    examples = study.examples
    counts = np.bincount(examples.given_labels)
    assert result.small == {examples.class_names[i]: n for i, n in enumerate(counts) if n < 10}
    assert list(result.small.values()) == sorted(result.small.values())
    small = {"unicorn": 2, "griffin": 7}
    (caution,) = audit_text.cautions(_sound(result, small=small), NOTHING)
    assert caution.startswith(
        "2 classes of fewer than 10 images cannot be judged well: unicorn (2), griffin (7). "
    )
    many = {f"c{i}": 3 for i in range(1007)}
    assert "c4 (3) and 1,002 more." in audit_text.small_classes(many)


def test_an_audit_says_that_test_images_are_known_from_training(study):
    result = audit.at_point(study)
    assert result.test_copies == 1
    similar = dataclasses.replace(NOTHING, space="pixels", pairs=9, across=8, test_examples=7)
    (caution,) = audit_text.cautions(_sound(result, test_copies=1), similar)
    assert caution.startswith(
        "Test images that are exact copies of train images: 1, near-duplicates: 7."
    )
    lines = audit_text.text(study, result, audit.columns(study, result), 1, similar=similar)
    assert "9 pairs of near-duplicates, 8 across train and test" in lines.splitlines()


def test_the_accuracy_of_an_audit_is_that_on_images_that_runs_trained_on(study):
    outcomes = analysis.read_outcomes(study, study.points[-1])
    result = audit.at_point(study)
    by_run = [
        correct[members] for correct, members in zip(outcomes.correct, outcomes.mask, strict=True)
    ]
    assert result.accuracy == pytest.approx(np.concatenate(by_run).mean())


def test_the_text_counts_every_kind_and_shows_the_first_rows(study):
    result = audit.at_point(study)
    text = audit_text.text(study, result, audit.columns(study, result), 3, similar=NOTHING)
    for kind in KINDS:
        assert f"\n{kind} " in text
    assert "planted labels: 6 of 6 called mislabeled (100.0%); 100.0% of all" in text
    assert "2 images have a copy with another label" in text
    assert text.endswith("\n".join(text.splitlines()[-3:])) and "first 3 of 11:" in text
    assert len(text.split("first 3 of 11:\n")[1].splitlines()) == 4


def test_held_out_runs_that_trained_on_a_copy_do_not_count_for_what_is_predicted(study):
    outcomes = analysis.read_outcomes(study, study.points[0])
    neither = np.flatnonzero(~outcomes.mask[:, 5] & ~outcomes.mask[:, 7])
    predicted = outcomes.predicted.copy()
    predicted[:, 5] = 1
    predicted[neither[: len(neither) // 2 + 1], 5] = 2  # Most of these runs, but few of all.
    assert np.count_nonzero(predicted[~outcomes.mask[:, 5], 5] == 1) > len(neither) // 2 + 1
    changed = dataclasses.replace(outcomes, predicted=predicted)
    result = accuracy.analyze(study, [changed], Results({}))
    assert result.predictions[study.points[0].name]["out_predicted"][5] == 2


def test_estimates_on_disk_are_used_while_they_are_those_of_the_records(study, monkeypatch):
    computed = audit.at_point(study)
    analysis.estimate(study)
    monkeypatch.setattr(audit, "image_features", None)  # Estimates cannot be computed any more.
    np.testing.assert_equal(dataclasses.asdict(audit.at_point(study)), dataclasses.asdict(computed))
