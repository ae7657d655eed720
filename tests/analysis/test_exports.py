import dataclasses

import numpy as np
import pytest
from pyarrow import csv, parquet

from memkit import comparisons, estimators, studies
from memkit.analysis import exports, tables
from memkit.errors import InputError
from memkit.studies.exports import export_probs, write_audit
from tests.analysis import recorded, recorded_votes


@pytest.fixture
def study(tmp_path, make_config, tiny):
    return recorded.record(studies.open_or_create(tmp_path / "study", make_config(), tiny))


def _pairs(study, memorization, mask, test_correct):
    """Finds the high-influence pairs of a study by loops."""
    result = []
    for i, given in enumerate(study.examples.given_labels):
        for j, label in enumerate(study.examples.test_labels):
            inside, outside = test_correct[mask[:, i], j], test_correct[~mask[:, i], j]
            influence = inside.mean() - outside.mean()
            if given == label and influence >= 0.15 and memorization[i] >= 0.25:
                result.append((i, j, influence, memorization[i]))
    return result


def _estimated(study):
    """Writes estimates and the influence file; returns the outcomes, scores, pairs of a point."""
    outcomes = recorded.estimate(study)[0]
    scores = studies.read_estimates(study, study.points[0])["correct"].value
    pairs = _pairs(study, scores, study.train_mask, outcomes.test_correct)
    columns = map(np.array, zip(*pairs, strict=True))
    arrays = dict(zip(("tr_idx", "tt_idx", "infl", "mem"), columns, strict=True))
    studies.write_arrays(study, "influence", arrays, point=study.points[0])
    return outcomes, scores, pairs


def test_feldman_zhang_files_are_read_back_unchanged(study, tmp_path):
    _, scores, pairs = _estimated(study)
    assert len(pairs) > 3
    written = exports.export(study, study.points[:1], "feldman_zhang", tmp_path / "out")
    index, listed, matrices = (comparisons.read(path) for path in written)
    assert [item.layout for item in (index, listed, matrices)] == ["columns", "pairs", "classwise"]
    for item in (index, matrices):
        np.testing.assert_array_equal(item.values, scores)
        np.testing.assert_array_equal(item.ids, study.examples.train_ids)
        np.testing.assert_array_equal(item.labels, study.examples.given_labels)
    for result in (listed.pairs, matrices.pairs):
        order = np.lexsort((result.test, result.train))
        columns = (result.train, result.test, result.influence, result.memorization)
        np.testing.assert_allclose(np.array(columns).T[order], pairs, atol=1e-6)
        assert result.train_ids[0] == study.examples.train_ids[result.train[0]]
        assert result.test_ids[0] == study.examples.test_ids[result.test[0]]


def test_classwise_matrices_have_the_published_keys(study, tmp_path):
    outcomes, _, _ = _estimated(study)
    written = exports.export(study, study.points[:1], "feldman_zhang", tmp_path / "out")
    with np.load(written[2]) as file:
        assert {"tr_mem", "tr_labels", "tt_labels", "tr_classidx_3"} <= set(file.files)
        train, test = file["tr_classidx_3"], file["tt_classidx_3"]
        matrix = file["infl_matrix_class3"]
        assert matrix.shape == (len(train), len(test))
        assert (study.examples.given_labels[train] == 3).all()
    i, j = train[1], test[0]
    mask, test_correct = study.train_mask[:, i], outcomes.test_correct[:, j]
    expected = test_correct[mask].mean() - test_correct[~mask].mean()
    assert matrix[1, 0] == pytest.approx(expected, abs=1e-6)
    assert written[1].name == "one_hot_width1_high_infl_pairs_infl0.15_mem0.25.npz"


def test_influence_of_an_example_in_every_run_is_nan():
    mask = np.array([[True, True, False], [True, False, False]])
    result = exports.matrix(np.array([[True], [False]]), mask)
    assert np.isnan(result[[0, 2], 0]).all() and result[1, 0] == 1


def test_a_tree_of_aux_arrays_gives_the_studys_memorization(study, tmp_path):
    recorded.estimate(study)
    (folder,) = exports.export(study, study.points[:1], "aux_arrays", tmp_path / "out")
    result = comparisons.read(folder)
    expected = studies.read_estimates(study, study.points[0])["correct"].value
    np.testing.assert_allclose(result.values, expected, atol=1e-12)
    assert result.facts["runs"] == 20
    assert (folder / "0.5" / "19" / "aux_arrays.npz").exists()


def test_tables_hold_every_score_of_every_point(study):
    outcomes = recorded.estimate(study)
    tables.write(study, outcomes)
    folder = study.workdir / "tables"
    assert {path.stem for path in folder.iterdir()} == {point.name for point in study.points}
    for item in outcomes:
        where = folder / item.point.name
        files = parquet.read_table(f"{where}.parquet"), csv.read_csv(f"{where}.csv")
        for table in files:
            assert table.column_names == files[0].column_names
            assert table["id"].to_pylist() == study.examples.train_ids.tolist()
            assert table["planted"].to_pylist() == study.examples.planted.tolist()
            for name in studies.OUTCOMES:
                expected = studies.read_estimates(study, item.point)[name]
                result = table[f"memorization_{name}_upper"].to_numpy()
                np.testing.assert_allclose(result, expected.upper, atol=1e-15)
                consistent = estimators.consistency(getattr(item, name), study.train_mask)
                result = table[f"consistency_{name}_lower"].to_numpy()
                np.testing.assert_allclose(result, consistent.lower, atol=1e-15)


def test_undefined_scores_are_missing_in_tables(study):
    mask = study.train_mask.copy()
    mask[:, 4] = True
    outcomes = [dataclasses.replace(o, mask=mask) for o in recorded.estimate(study)]
    tables.write(study, outcomes)
    path = study.workdir / "tables" / study.points[0].name
    table = parquet.read_table(f"{path}.parquet")
    assert [i for i, v in enumerate(table["memorization_correct"].to_pylist()) if v is None] == [4]
    assert table["num_out"][4].as_py() == 0
    header, *lines = path.with_suffix(".csv").read_text().splitlines()
    column = header.split(",").index('"memorization_correct"')
    assert lines[4].split(",")[column] == ""


def test_points_without_runs_have_no_table(tmp_path, make_config, tiny):
    study = studies.open_or_create(tmp_path / "empty", make_config(), tiny)
    tables.write(study, recorded.estimate(study))
    assert not (study.workdir / "tables").exists()


@pytest.mark.parametrize("layout", ["feldman_zhang", "csv", "parquet"])
def test_missing_estimates_raise_an_error_that_names_the_command(study, tmp_path, layout):
    with pytest.raises(InputError, match="run `memkit estimate`"):
        exports.export(study, study.points, layout, tmp_path / "out")


def _with_probs(tmp_path, make_config, tiny, mask=None):
    config = make_config({"record.all_probs": True, "axis": {"field": "", "values": []}})
    study = studies.open_or_create(tmp_path / "probs", config, tiny, mask=mask)
    return recorded_votes.record(study)


def test_cleanlabs_files_hold_the_mean_probabilities_of_the_held_out_runs(
    tmp_path, make_config, tiny
):
    study = _with_probs(tmp_path, make_config, tiny)
    written = exports.export(study, study.points, "cleanlab", tmp_path / "out")
    assert [path.name for path in written] == ["labels.npy", "pred_probs.npy", "ids.txt"]
    labels, probs = np.load(written[0]), np.load(written[1])
    np.testing.assert_array_equal(labels, study.examples.given_labels)
    assert written[2].read_text().split() == study.examples.train_ids.tolist()
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-12)
    recorded_probs = studies.read_runs(study, study.points[0], ("train_probs",)).arrays[
        "train_probs"
    ]
    for i in range(study.sizes.train):
        held_out = [recorded_probs[m, i] for m in range(20) if not study.train_mask[m, i]]
        np.testing.assert_allclose(probs[i], np.mean(held_out, axis=0), atol=2e-3)


def test_cleanlabs_files_leave_out_examples_that_no_run_held_out(tmp_path, make_config, tiny):
    mask = np.random.default_rng(0).random((20, 60)) < 0.5
    mask[:, [0, 7]] = True
    study = _with_probs(tmp_path, make_config, tiny, mask)
    written = exports.export(study, study.points, "cleanlab", tmp_path / "out")
    left = np.delete(np.arange(60), [0, 7])
    np.testing.assert_array_equal(np.load(written[0]), study.examples.given_labels[left])
    assert written[2].read_text().split() == study.examples.train_ids[left].tolist()
    assert np.isfinite(np.load(written[1])).all()


def test_without_class_probabilities_cleanlab_gets_the_labels_and_the_votes(
    study, tmp_path, caplog
):
    labels = study.examples.given_labels
    point, rows = study.points[0], np.arange(len(labels))
    with caplog.at_level("INFO"):
        written = exports.export(study, [point], "cleanlab", tmp_path / "out")
    assert "record.all_probs was off" in caplog.text
    probs = np.load(written[1])
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-12)
    arrays = studies.read_runs(study, point, ("train_logodds", "train_predicted")).arrays
    of_label = 1 / (1 + np.exp(-arrays["train_logodds"].astype(float)))
    held_out = ~study.train_mask
    mean = np.where(held_out, of_label, 0).sum(axis=0) / held_out.sum(axis=0)
    np.testing.assert_allclose(probs[rows, labels], mean, atol=1e-12)
    for label in range(study.sizes.classes):
        is_vote = held_out & (arrays["train_predicted"] == label) & (labels != label)
        least = np.where(is_vote, 1 - of_label, 0).sum(axis=0) / held_out.sum(axis=0)
        assert np.all(probs[labels != label, label] >= least[labels != label] - 1e-12)


def test_what_a_label_leaves_goes_to_the_vote_or_evenly_to_all_others():
    logodds = np.array([0.0, np.log(3), -np.inf], np.float16)
    probs = exports.label_and_vote(logodds, np.array([0, 2, 1]), np.array([0, 1, 3]), 4)
    expected = [[1 / 2, 1 / 6, 1 / 6, 1 / 6], [0, 3 / 4, 1 / 4, 0], [0, 1, 0, 0]]
    np.testing.assert_allclose(probs, expected, atol=1e-3)


def test_only_csv_escapes_formulas_and_compare_removes_the_escapes(study, tmp_path):
    ids = np.array(["=cmd|' /C calc'!A0", "@x", "'-1", "plain", "two\nlines", "\udcff.png"])
    names = ["csv", "parquet"]
    columns = {"id": ids, "memorization": np.array([-0.5, 0, 1, 0.5, 0.25, 0.125])}
    written = [str(path) for path in write_audit(study, columns, tmp_path)]
    by_kind = dict(zip(names, sorted(written), strict=True))
    cells = csv.read_csv(
        by_kind["csv"], parse_options=csv.ParseOptions(newlines_in_values=True)
    ).to_pydict()
    assert cells["id"][:5] == ["'" + ids[0], "'@x", "''-1", "plain", "two\nlines"]
    assert cells["memorization"] == columns["memorization"].tolist()
    stored = parquet.read_table(by_kind["parquet"]).to_pydict()["id"]
    assert stored == [*ids[:5].tolist(), "\\udcff.png"]
    for path in written:
        assert comparisons.read(path).ids.tolist() == stored


def test_an_exported_table_has_no_formulas(study, tmp_path):
    recorded.estimate(study)
    tables.write(study, recorded.estimate(study))
    path = study.workdir / "tables" / f"{study.points[0].name}.csv"
    safe = path.read_bytes()
    path.write_text("id\n=1+1\n")
    (written,) = exports.export(study, study.points[:1], "csv", tmp_path / "out")
    assert written.read_bytes() == safe


def test_a_damaged_table_is_named(study, tmp_path):
    tables.write(study, recorded.estimate(study))
    path = study.workdir / "tables" / f"{study.points[0].name}.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=f"{path.name}: .*run `memkit estimate` again"):
        exports.export(study, study.points[:1], "csv", tmp_path / "out")


def test_ids_have_a_line_each_even_if_they_contain_line_breaks(study, tmp_path):
    ids = np.array(["a\nb", "plain", "c\u2028d", "", "\udcff"])
    examples = dataclasses.replace(
        study.examples, train_ids=ids, given_labels=np.zeros(len(ids), int)
    )
    changed = dataclasses.replace(study, examples=examples)
    rows, probs = np.arange(len(ids)), np.ones((len(ids), 1))
    written = export_probs(changed, study.points[0], rows, probs, tmp_path / "out")
    lines = written[-1].read_text().splitlines()
    assert lines == ["a\\nb", "plain", "c\\u2028d", "", "\\udcff"]
