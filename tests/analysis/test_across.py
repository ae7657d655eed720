import json

import numpy as np
import pytest

from memkit import comparisons, estimators, studies
from memkit.analysis import across, across_charts, across_points, across_text, exports, tables
from memkit.errors import InputError
from memkit.seeds import stream
from tests.analysis import recorded


@pytest.fixture
def study(tmp_path, make_config, tiny):
    made = recorded.record(studies.open_or_create(tmp_path / "study", make_config(), tiny))
    recorded.estimate(made)
    return made


def _csv(path, ids, labels, values, name="memorization"):
    lines = [f"{i},{label},{value}" for i, label, value in zip(ids, labels, values, strict=True)]
    path.write_text("\n".join([f"id,label,{name}", *lines]) + "\n")
    return path


def _numbers(result, **expected):
    (item,) = [c.numbers for c in result if all(c.numbers[k] == v for k, v in expected.items())]
    return item


def test_permuted_ids_give_the_same_numbers(study, tmp_path):
    e, values = study.examples, stream(0, "tests/across").random(60)
    order = stream(1, "tests/across").permutation(60)
    files = [
        _csv(tmp_path / "a.csv", e.train_ids, e.train_labels, values),
        _csv(tmp_path / "b.csv", e.train_ids[order], e.train_labels[order], values[order]),
    ]
    result = [
        across.with_file(study, study.points[:1], comparisons.read(path))[1] for path in files
    ]
    for item, other in zip(*result, strict=True):
        assert item.numbers == pytest.approx(other.numbers, nan_ok=True)
        np.testing.assert_array_equal(item.second, other.second)


def test_numbers_are_those_of_the_joined_scores(study, tmp_path):
    e, values = study.examples, stream(0, "tests/across").random(60)
    path = _csv(tmp_path / "a.csv", e.train_ids[:40], e.train_labels[:40], values[:40])
    joined, result = across.with_file(study, study.points, comparisons.read(path))
    assert (len(joined.columns), joined.num_checked) == (40, 40)
    assert len(result) == 2 * 2 * 2
    estimate = studies.read_estimates(study, study.points[1])["prob"]
    row = _numbers(result, point=study.points[1].name, outcome="prob", score="memorization")
    expected = comparisons.compare(estimate.value[:40], values[:40])
    assert {key: row[key] for key in vars(expected)} == vars(expected)
    assert row["jaccard"] == comparisons.jaccard(estimate.value[:40], values[:40], 0.25)
    assert 0 < row["ceiling"] < 1
    other = _numbers(result, point=study.points[1].name, outcome="prob", score="consistency")
    assert other["spearman"] == comparisons.compare(estimate.out_mean[:40], values[:40]).spearman
    assert np.isnan([other["mean_difference"], other["jaccard"], other["ceiling"]]).all()


def test_consistency_is_compared_in_level_with_consistency_only(study, tmp_path):
    e = study.examples
    path = _csv(tmp_path / "c.csv", e.train_ids, e.train_labels, np.ones(60), "consistency")
    _, result = across.with_file(study, study.points[:1], comparisons.read(path))
    assert [item.is_same for item in result] == [False, True, False, True]


def test_shuffled_labels_raise_an_error(study, tmp_path):
    e = study.examples
    path = _csv(tmp_path / "a.csv", e.train_ids, np.roll(e.train_labels, 1), np.ones(60))
    with pytest.raises(InputError, match="different labels"):
        across.with_file(study, study.points, comparisons.read(path))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_scores_of_an_exported_table_equal_those_of_the_study(study, tmp_path, kind):
    tables.write(study, recorded.estimate(study))
    (path,) = exports.export(study, study.points[:1], kind, tmp_path / "out")
    _, result = across.with_file(study, study.points[:1], comparisons.read(path))
    row = _numbers(result, outcome="correct", score="memorization")
    assert (row["jaccard"], row["mean_absolute_difference"]) == (1, 0)
    assert row["spearman"] == pytest.approx(1)


def test_a_study_agrees_with_itself(study):
    points = across_points.matching_points(study, study, [], [])
    assert points == [(point, point) for point in study.points]
    count, num_ambiguous, result = across.with_study(study, study, points)
    assert count == 60 and len(result) == 8
    assert all(item.numbers["spearman"] == pytest.approx(1) for item in result)
    assert all(item.numbers["jaccard"] == 1 for item in result)


def test_examples_with_different_given_labels_are_left_out(study, tmp_path, make_config, tiny):
    config = make_config({"labels.planted_fraction": 0.0, "seed": 4})
    other = recorded.record(studies.open_or_create(tmp_path / "other", config, tiny), seed=1)
    recorded.estimate(other)
    planted = study.examples.planted
    assert planted.sum() == 6
    count, num_ambiguous, result = across.with_study(
        study, other, [(study.points[0], other.points[1])]
    )
    assert count == 54
    first = studies.read_estimates(study, study.points[0])["correct"].value[~planted]
    second = studies.read_estimates(other, other.points[1])["correct"].value[~planted]
    row = _numbers(result, outcome="correct", score="memorization")
    assert row["spearman"] == comparisons.compare(first, second).spearman
    assert (row["point"], row["other"]) == (study.points[0].name, other.points[1].name)


def test_points_are_paired_by_name_or_as_requested(study):
    first, second = study.points
    chosen = across_points.matching_points(study, study, [first.name], [second.name])
    assert chosen == [(first, second)]
    assert across_points.chosen_points(study, [second.name]) == [second]
    assert across_points.chosen_points(study, []) == [first, second]
    with pytest.raises(InputError, match="--with_points: expected 1 of"):
        across_points.matching_points(study, study, [first.name], [first.name, second.name])
    with pytest.raises(InputError, match="point: unknown point"):
        across_points.matching_points(study, study, ["one_hot_width3"], [])


def test_pairs_of_a_file_are_compared_with_those_of_the_study(study, tmp_path):
    point = study.points[0]
    pairs = {"tr_idx": [0, 1, 5], "tt_idx": [2, 0, 3], "infl": [0.2, 0.3, 0.5], "mem": [1.0] * 3}
    pairs = {key: np.array(values) for key, values in pairs.items()}
    studies.write_arrays(study, "influence", pairs, point=point)
    e = study.examples
    np.savez(
        tmp_path / "pairs.npz",
        tr_idx=[9, 8, 7, 6],
        tt_idx=[0, 0, 0, 0],
        infl=[0.3, 0.4, 0.6, 0.9],
        mem=[0.5, 0.5, 0.5, 0.5],
        tr_ids=e.train_ids[[0, 1, 5, 40]],
        tt_ids=e.test_ids[[2, 0, 3, 3]],
    )
    published = comparisons.read(tmp_path / "pairs.npz")
    (row,) = across.pairs_with_file(study, study.points, published)
    assert (row["point"], row["file"], row["study"], row["both"]) == (point.name, 4, 3, 3)
    assert row["jaccard"] == 3 / 4 and row["spearman"] == pytest.approx(1)


def test_text_and_files_of_a_comparison(study, tmp_path):
    e = study.examples
    path = _csv(tmp_path / "a.csv", e.train_ids, e.train_labels, np.linspace(-0.1, 1, 60))
    text = across_text.with_file(path, study, list(study.points), out=tmp_path / "out")
    assert "60 of 60 examples joined by id; labels agree" in text
    assert text.count("one_hot_width1") == 4 and "nan" not in text
    numbers = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert (numbers["joined"], len(numbers["scores"])) == (60, 8)
    assert numbers["scores"][1]["jaccard"] is None
    for name in ("histogram", "joint", "agreement"):
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (tmp_path / "out" / f"{name}.svg").read_text()
        page = (tmp_path / "out" / f"{name}.html").read_text()
        assert "<script src=" not in page and "vega" in page


def test_bins_of_charts_hold_as_many_multiples_of_one_by_the_number_of_runs(study):
    pairs = list(zip(study.points, study.points, strict=True))
    _, _, result = across.with_study(study, study, pairs)
    assert {each.num_out for each in result} == {(10, 10)}
    drawn = across_charts.charts_of(result, "memorization")
    for name, fields in {"histogram": ("start", "end"), "joint": ("x", "x_end", "y")}.items():
        rows = drawn[name].to_dict()["data"]["values"]
        edges = np.unique([row[field] for row in rows for field in fields])
        assert len(edges) > 5 and np.allclose(10 * edges % 1, 0.5)


def test_without_a_study_only_headlines_are_printed(tmp_path):
    np.savez(tmp_path / "c.npz", labels=[0, 1], scores=[0.25, 0.75])
    text = across_text.with_file(tmp_path / "c.npz", None, [])
    assert "C-scores" in text and "0.500" in text and "joined" not in text


def _slow_errors(first, second):
    """Returns standard deviations of Spearman, Jaccard at 0.25 and the curve's value there."""
    rows = []
    for a, b in zip(first, second, strict=True):
        defined = ~np.isnan(a) & ~np.isnan(b)
        result = comparisons.compare(a[defined], b[defined])
        memorized = [set(np.flatnonzero(score[defined] >= 0.25)) for score in (a, b)]
        union = sorted(memorized[0] | memorized[1])
        difference = (b - a)[defined][union].mean()
        rows.append([result.spearman, len(memorized[0] & memorized[1]) / len(union), difference])
    return np.std(rows, axis=0, ddof=1)


def _replicates(study, point, runs=slice(None)):
    outcomes = across.read_outcomes(study, point)
    weights = estimators.run_weights(20, study.config["seed"], 100)[runs]
    return estimators.replicate_memorization(outcomes.prob, study.train_mask, weights)


def _errors(item):
    curves = comparisons.threshold_curves(item.first, item.second)
    (index,) = np.flatnonzero(curves.thresholds == 0.25)
    assert item.curve_errors["jaccard_stderr"][index] == item.numbers["jaccard_stderr"]
    difference = item.curve_errors["difference_stderr"][index]
    return item.numbers["spearman_stderr"], item.numbers["jaccard_stderr"], difference


def _of(result, outcome="prob", score="memorization"):
    expected = outcome, score
    (item,) = [c for c in result if (c.numbers["outcome"], c.numbers["score"]) == expected]
    return item


def test_errors_of_a_comparison_with_a_file_cover_the_runs_of_the_study(study, tmp_path):
    e, values = study.examples, stream(0, "tests/across").random(60)
    path = _csv(tmp_path / "a.csv", e.train_ids, e.train_labels, values)
    point = study.points[1]
    _, result = across.with_file(study, [point], comparisons.read(path))
    expected = _slow_errors(_replicates(study, point), [values] * 100)
    assert _errors(_of(result)) == pytest.approx(tuple(expected))


def test_errors_of_two_points_of_a_study_are_paired(study):
    first, second = study.points
    *_, result = across.with_study(study, study, [(first, second)])
    expected = _slow_errors(*(_replicates(study, point) for point in (first, second)))
    assert _errors(_of(result)) == pytest.approx(tuple(expected))


def test_errors_of_studies_with_other_subsets_are_not_paired(study, tmp_path, make_config, tiny):
    config = make_config({"subsets.train_fraction": 0.6})
    other = recorded.record(studies.open_or_create(tmp_path / "other", config, tiny))
    recorded.estimate(other)
    first, second = study.points[0], other.points[0]
    *_, result = across.with_study(study, other, [(first, second)])
    turned = _replicates(other, second, slice(None, None, -1))
    expected = _slow_errors(_replicates(study, first), turned)
    assert _errors(_of(result)) == pytest.approx(tuple(expected))


def test_a_score_compared_with_itself_has_no_error_of_agreement(study):
    point = study.points[0]
    *_, result = across.with_study(study, study, [(point, point)])
    for item in result:
        assert item.numbers["spearman"] == pytest.approx(1)
        assert item.numbers["spearman_stderr"] == pytest.approx(0, abs=1e-9)
        assert item.numbers["mean_difference_stderr"] == 0


def test_the_printed_difference_is_followed_by_its_error(study):
    pair = study.points[0], study.points[1]
    *_, result = across.with_study(study, study, [pair])
    numbers = _of(result).numbers
    text = across_text.with_study(study, study, [pair])
    (row,) = [line for line in text.splitlines() if "prob " in line and "memorization" in line]
    printed = [f"{numbers[key]:.3f}" for key in ("mean_difference", "mean_difference_stderr")]
    assert row.split()[-3:-1] == printed and float(printed[1]) > 0
