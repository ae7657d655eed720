import numpy as np
import pytest

from memkit import comparisons
from memkit.comparisons import feldman_zhang
from memkit.errors import InputError


def _as_pairs(pairs):
    rows = zip(pairs.train, pairs.test, pairs.influence, pairs.memorization, strict=True)
    return sorted((int(i), int(j), float(a), float(b)) for i, j, a, b in rows)


def _close(result, expected, **tolerance):
    assert len(expected) > 3
    assert [row[:2] for row in result] == [row[:2] for row in sorted(expected)]
    np.testing.assert_allclose(result, sorted(expected), **tolerance)


def test_pairs_are_read_with_the_scores_of_distinct_train_examples(world, tmp_path):
    world.write_pairs(tmp_path / "pairs.npz")
    result = comparisons.read(tmp_path / "pairs.npz")
    expected = world.pairs(same_class=True)
    assert (result.layout, result.quantity) == ("pairs", "memorization")
    _close(_as_pairs(result.pairs), expected)
    assert result.rows.tolist() == sorted({row[0] for row in expected})
    np.testing.assert_allclose(result.values, [world.memorization(i) for i in result.rows])


def test_headlines_of_pairs_equal_a_slow_loop(world, tmp_path):
    world.write_pairs(tmp_path / "pairs.npz")
    result = comparisons.headlines(comparisons.read(tmp_path / "pairs.npz"))
    pairs = world.pairs(same_class=True)
    tests = [row[1] for row in pairs]
    assert result["pairs"] == len(pairs)
    assert result["distinct train examples"] == len({row[0] for row in pairs})
    assert result["distinct test examples"] == len(set(tests))
    assert result["test examples with one influencer"] == sum(
        tests.count(j) == 1 for j in set(tests)
    )
    influence = sorted(row[2] for row in pairs)
    assert result["largest influence"] == influence[-1]
    assert result["mean influence"] == pytest.approx(sum(influence) / len(influence))
    assert result["median influence"] == pytest.approx(np.median(influence))
    assert result["pairs with influence > 0.4"] == sum(a > 0.4 for a in influence)


def test_classwise_matrices_give_scores_labels_and_pairs(world, tmp_path):
    world.write_classwise(tmp_path / "matrix.npz")
    result = comparisons.read(tmp_path / "matrix.npz")
    assert result.layout == "classwise"
    np.testing.assert_array_equal(result.values, world.memorizations())
    np.testing.assert_array_equal(result.labels, world.train_labels)
    _close(_as_pairs(result.pairs), world.pairs(same_class=True))


def test_classwise_matrices_without_memorization_select_by_influence_alone(world, tmp_path):
    world.write_classwise(tmp_path / "all.npz")
    with np.load(tmp_path / "all.npz") as file:
        selected = {key: file[key] for key in file.files if "class" in key}
    np.savez(tmp_path / "imagenet.npz", **selected)
    result = comparisons.read(tmp_path / "imagenet.npz")
    assert np.isnan(result.values).all() and len(result.values) == len(world.train_labels)
    assert result.labels is None
    expected = sum(
        world.influence(i, j) >= 0.15
        for i in range(len(world.train_labels))
        for j in range(len(world.test_labels))
        if world.train_labels[i] == world.test_labels[j]
    )
    assert len(result.pairs.train) == expected


def test_a_matrix_that_does_not_fit_its_indices_raises_an_error(tmp_path):
    np.savez(
        tmp_path / "bad.npz", tr_classidx_4=[0, 1], tt_classidx_4=[0], infl_matrix_class4=[[0.1]]
    )
    with pytest.raises(InputError, match=r"infl_matrix_class4: expected shape \[2, 1\]"):
        comparisons.read(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tr_classidx_4": None}, "tr_classidx_4: missing array"),
        ({"tr_classidx_4": [0, 7]}, r"tr_classidx_4: expected row numbers in \[0, 2\), received 7"),
        ({"tr_classidx_4": [-1, 0]}, r"tr_classidx_4: expected row numbers in .*, received -1"),
        ({"tt_classidx_4": [-1]}, "tt_classidx_4: expected row numbers of at least 0, received -1"),
        ({"tt_classidx_4": [0.0]}, "tt_classidx_4: expected integers, received float64"),
    ],
)
def test_row_numbers_that_a_matrix_cannot_have_raise_an_error(tmp_path, changes, message):
    arrays = {"tr_mem": [0.5, 0.1], "infl_matrix_class4": [[0.2], [0.1]]}
    arrays |= {"tr_classidx_4": [0, 1], "tt_classidx_4": [0]} | changes
    np.savez(tmp_path / "bad.npz", **{name: a for name, a in arrays.items() if a is not None})
    with pytest.raises(InputError, match=message):
        comparisons.read(tmp_path / "bad.npz")


def test_a_class_without_train_examples_has_no_pairs(tmp_path):
    arrays = {"infl_matrix_class4": [[0.2], [0.1]], "infl_matrix_class5": np.empty((0, 1))}
    arrays |= {"tr_classidx_4": [0, 1], "tr_classidx_5": np.empty(0, int)}
    np.savez(tmp_path / "a.npz", **arrays, tt_classidx_4=[0], tt_classidx_5=[1])
    result = comparisons.read(tmp_path / "a.npz")
    assert (result.pairs.train.tolist(), len(result.values)) == ([0], 2)


def test_the_imagenet_index_is_read_with_file_names_as_ids(world, tmp_path):
    world.write_index(tmp_path / "index.npz")
    result = comparisons.read(tmp_path / "index.npz")
    assert (result.layout, result.quantity) == ("columns", "memorization")
    np.testing.assert_array_equal(result.labels, world.train_labels)
    assert result.ids[4] == f"n0{world.train_labels[4]}/n0{world.train_labels[4]}_4.JPEG"
    np.testing.assert_array_equal(result.values, world.memorizations())


def test_memorization_from_a_tree_of_runs_equals_a_slow_loop(world, tmp_path):
    world.mask[:, 5], world.mask[:, 6] = True, False
    folder = world.write_tree(tmp_path)
    for path in (folder, folder / "0.7"):
        result = comparisons.read(path)
        np.testing.assert_allclose(result.values, world.memorizations())
        assert np.flatnonzero(np.isnan(result.values)).tolist() == [5, 6]
        assert result.facts["runs"] == 25
        assert result.facts["trained on"] == pytest.approx(world.mask.mean())
        assert result.facts["mean test accuracy"] == pytest.approx(world.test_correct.mean())


def test_runs_of_different_ratios_are_never_mixed(world, tmp_path):
    folder = world.write_tree(tmp_path)
    world.write_tree(tmp_path, ratio="0.5")
    with pytest.raises(InputError, match="the folder of one ratio"):
        comparisons.read(folder)
    assert comparisons.read(folder / "0.5").facts["runs"] == 25


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index_train": [0, 1, 2]}, "every example once"),
        ({"subsample_idx": [0, 2]}, "subsample_idx equal to index_train"),
        ({"correctness_removed": [True]}, "correctness_removed: expected 2 entries"),
        ({"index_removed": None}, "missing array index_removed"),
    ],
)
def test_the_error_for_an_inconsistent_run_names_its_file(tmp_path, changes, message):
    arrays = {
        "subsample_idx": [0, 1],
        "index_train": [0, 1],
        "correctness_train": [True, False],
        "index_removed": [2, 3],
        "correctness_removed": [True, False],
    } | changes
    if "index_train" in changes:
        arrays |= {"correctness_train": [True] * 3, "subsample_idx": [0, 1, 2]}
    (tmp_path / "0").mkdir()
    selected = {key: array for key, array in arrays.items() if array is not None}
    np.savez(tmp_path / "0" / "aux_arrays.npz", **selected)
    with pytest.raises(InputError, match=message):
        comparisons.read(tmp_path)


def test_cscores_are_consistency_with_labels(tmp_path):
    np.savez(tmp_path / "c.npz", labels=[2, 0, 1], scores=[0.5, 1.0, 0.25])
    result = comparisons.read(tmp_path / "c.npz")
    assert (result.layout, result.quantity) == ("cscores", "consistency")
    assert result.labels.tolist() == [2, 0, 1] and result.values.tolist() == [0.5, 1.0, 0.25]


def test_npz_csv_and_parquet_give_the_same_columns(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    ids, labels, values = ["b", "a"], [1, 0], [0.25, float("nan")]
    np.savez(tmp_path / "t.npz", id=ids, label=labels, memorization=values)
    (tmp_path / "t.csv").write_text("id,label,memorization\nb,1,0.25\na,0,\n")
    table = pyarrow.table({"id": ids, "label": labels, "memorization": [0.25, None]})
    parquet.write_table(table, tmp_path / "t.parquet")
    for kind in ("npz", "csv", "parquet"):
        result = comparisons.read(tmp_path / f"t.{kind}")
        assert result.quantity == "memorization"
        assert result.ids.tolist() == ids and result.labels.tolist() == labels
        np.testing.assert_array_equal(result.values, values)


def test_the_score_column_can_be_chosen(tmp_path):
    (tmp_path / "t.csv").write_text("row,el2n,consistency_prob\n4,0.5,0.125\n2,0.75,1\n")
    assert comparisons.read(tmp_path / "t.csv", score="el2n").quantity == "score"
    result = comparisons.read(tmp_path / "t.csv", score="consistency_prob")
    assert result.quantity == "consistency" and result.rows.tolist() == [4, 2]
    for score in ("", "grand"):
        with pytest.raises(InputError, match="columns consistency_prob, el2n, row"):
            comparisons.read(tmp_path / "t.csv", score=score)


def _write_text(path):
    path.write_text("no archive")


def _write_pickle(path):
    np.savez(path, scores=np.array([{}], dtype=object), labels=[1])


def _write_cut(path):
    np.savez(path, scores=np.arange(1000.0), labels=np.arange(1000))
    path.write_bytes(path.read_bytes()[:500])


def _write_others(path):
    np.savez(path, weights=np.ones((3, 3)))


@pytest.mark.parametrize("write", [_write_text, _write_pickle, _write_cut, _write_others])
def test_any_other_file_raises_an_error_of_one_line(tmp_path, write):
    path = tmp_path / "scores.npz"
    write(path)
    with pytest.raises(InputError) as error:
        comparisons.read(path)
    assert str(error.value).startswith("--with: expected") and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["absent.npz", "notes.txt", "folder"])
def test_missing_files_and_other_kinds_raise_an_error(tmp_path, name):
    (tmp_path / "notes.txt").write_text("mem = 1")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="--with: (expected|missing)"):
        comparisons.read(tmp_path / name)


def test_headlines_of_scores_count_examples_at_the_threshold(tmp_path):
    np.savez(tmp_path / "t.npz", ids=list("abcd"), memorization=[0.25, 0.2, np.nan, 0.75])
    result = comparisons.headlines(comparisons.read(tmp_path / "t.npz"))
    assert result["examples"] == 4 and result["of them without a score"] == 1
    assert result["memorization >= 0.25"] == 2
    assert result["share of them"] == pytest.approx(2 / 3)
    assert result["mean memorization"] == pytest.approx(0.4)


def test_thresholds_are_those_of_the_paper():
    assert (feldman_zhang.MIN_INFLUENCE, feldman_zhang.MIN_MEMORIZATION) == (0.15, 0.25)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_ids_in_tables_are_always_text(tmp_path, mark):
    ids = ["00017", "1.0", "NA", "2021-01-01", "true", "1e3"]
    lines = ["id,memorization", *(f"{name},0.5" for name in ids)]
    (tmp_path / "t.csv").write_text(mark + "\n".join(lines), encoding="utf-8")
    assert comparisons.read(tmp_path / "t.csv").ids.tolist() == ids


def test_ids_of_every_text_type_of_parquet_are_read(tmp_path):
    import pyarrow
    from pyarrow import parquet

    texts = pyarrow.array(["a", "b\u00e9"])
    types = [texts.dictionary_encode()]
    types += [texts.cast(kind()) for kind in (pyarrow.large_string, pyarrow.binary)]
    for ids in types:
        parquet.write_table(pyarrow.table({"id": ids, "mem": [0.1, 0.2]}), tmp_path / "t.parquet")
        assert comparisons.read(tmp_path / "t.parquet").ids.tolist() == ["a", "b\u00e9"]


def test_marks_for_spreadsheets_are_removed(tmp_path):
    text = "id,memorization\n'=1+1.png,0.1\n''=1+1.png,0.2\n'tis.png,0.3\n"
    (tmp_path / "t.csv").write_text(text)
    result = comparisons.read(tmp_path / "t.csv")
    assert result.ids.tolist() == ["=1+1.png", "'=1+1.png", "'tis.png"]


def _write_dates(folder):
    np.savez(folder / "t.npz", ids=np.array(["2021-01-01"], "datetime64[D]"), mem=[0.5])


def _write_bytes_of_no_text(folder):
    np.savez(folder / "t.npz", ids=np.array([b"\xff"]), mem=[0.5])


def _write_fractions(folder):
    np.savez(folder / "t.npz", ids=[1.5], mem=[0.5])


def _write_no_id(folder):
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"id": ["a", None], "mem": [0.1, 0.2]})
    parquet.write_table(table, folder / "t.parquet")


def _write_two_columns_of_a_name(folder):
    (folder / "t.csv").write_text("id,id,mem\na,b,0.5\n")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_write_dates, "ids: expected text or whole numbers"),
        (_write_bytes_of_no_text, "ids: expected text in UTF-8, received byte 0 is not"),
        (_write_fractions, "ids: expected text or whole numbers"),
        (_write_no_id, "id: expected an id in every row, received 1 rows without one"),
        (_write_two_columns_of_a_name, "columns of different names, received 'id' twice"),
    ],
)
def test_invalid_ids_raise_an_error(tmp_path, write, message):
    write(tmp_path)
    (path,) = tmp_path.iterdir()
    with pytest.raises(InputError, match=message):
        comparisons.read(path)
