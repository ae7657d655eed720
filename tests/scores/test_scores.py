"""`memkit.load` and `Scores`, on studies whose records are simulated."""

import base64
import html.parser
import io
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

import memkit
from memkit import analysis, records, scores, storage, studies
from memkit.analysis.audit import estimate as audit
from memkit.analysis.audit import text as audit_text
from memkit.analysis.similar_images import estimate as similar_images
from memkit.errors import InputError, expected
from memkit.report import chart_files, gather, notebook
from memkit.seeds import stream
from memkit.studies import exports
from tests.analysis import leave_one_out, recorded, recorded_votes
from tests.info import INFO

FIRST, LAST = "one_hot_width1", "one_hot_width2"
_MADE = {}


@pytest.fixture
def finished(tmp_path_factory, make_config, tiny):
    """The workdir of a study of two sizes with estimates; tests only read it."""
    if "finished" not in _MADE:
        folder = tmp_path_factory.mktemp("scores") / "study"
        changes = {"subsets.num_runs": 40}
        study = studies.open_or_create(folder, make_config(changes), tiny)
        analysis.estimate(recorded_votes.record(study))
        _MADE["finished"] = folder
    return _MADE["finished"]


@pytest.fixture
def loaded(finished):
    """Its Scores."""
    return memkit.load(finished)


@pytest.fixture
def copied(finished, tmp_path):
    """The workdir of a copy, which tests may change."""
    return shutil.copytree(finished, tmp_path / "copy")


def same(a, b):
    """Returns whether two tables have the same columns, with the same values and missing ones."""
    return a.schema.equals(b.schema) and a.to_pydict() == b.to_pydict()


def test_numbers_of_the_table_are_those_that_estimate_writes(loaded, finished):
    table, written = loaded.table(), parquet.read_table(finished / "tables" / f"{LAST}.parquet")
    common = [name for name in table.column_names if name in written.column_names]
    assert set(table.column_names) - set(common) == {"kind", "suggested_label"}
    assert same(table.select(common), written.select(common))
    assert len(common) == 18 and table.num_rows == 60


def test_every_column_is_explained(loaded):
    text = scores.Scores.table.__doc__
    for name in loaded.table().column_names:
        stem, _, end = name.rpartition("_")
        assert f"`{name}`" in text or (end in ("lower", "upper") and f"`{stem}_lower`" in text), (
            name
        )


def test_planted_labels_are_mislabeled_and_the_true_label_is_suggested(loaded):
    rows, examples = loaded.table().to_pylist(), loaded.study.examples
    assert examples.planted.sum() == 6
    for i, row in enumerate(rows):
        assert (row["row"], row["id"]) == (i, examples.train_ids[i])
        assert row["class_name"] == str(row["given_label"]) == str(examples.given_labels[i])
        is_wrong = row["kind"] == "mislabeled"
        assert is_wrong == row["planted"] == (row["label"] != row["given_label"])
        assert row["suggested_label"] == (str(row["label"]) if is_wrong else None)


def test_out_of_sample_probability_is_the_mean_over_runs_that_did_not_train_on_the_image(loaded):
    outcomes = analysis.read_outcomes(loaded.study, loaded.study.point(LAST))
    mean = np.average(outcomes.prob, axis=0, weights=~loaded.study.train_mask)
    np.testing.assert_allclose(loaded.table()["out_mean_prob"], mean, rtol=1e-6)


def test_columns_on_planted_labels_exist_only_if_there_are_any(tmp_path, make_config, tiny):
    config = make_config({"labels.planted_fraction": 0.0, "axis": {"field": "", "values": []}})
    study = recorded.record(studies.open_or_create(tmp_path / "study", config, tiny))
    table = memkit.load(study.workdir).table()
    assert not {"given_label", "planted"} & set(table.column_names)
    assert table["label"].to_pylist() == study.examples.given_labels.tolist()


@pytest.mark.parametrize("point", [FIRST, LAST])
def test_suspects_are_the_first_rows_of_the_table_that_audit_writes(finished, point, tmp_path):
    study = studies.load(finished)
    result = audit.at_point(study, point)
    columns = audit.columns(study, result)
    exports.write_audit(study, columns, tmp_path)
    written = parquet.read_table(tmp_path / "audit.parquet")
    loaded = memkit.load(finished, point=point)
    assert same(loaded.suspects(10_000), written) and same(loaded.suspects(3), written.slice(0, 3))
    printed = audit_text.text(study, result, columns, 3, similar=similar_images.nothing(point))
    printed = printed.splitlines()[-3:]
    assert [line.split()[0] for line in printed] == loaded.suspects(3)["id"].to_pylist()


def test_a_negative_number_of_suspects_is_refused(loaded):
    with pytest.raises(InputError, match="n: expected a whole number of at least 0, received -1"):
        loaded.suspects(-1)


def test_the_last_point_is_the_default_and_others_are_named(loaded, finished):
    assert (loaded.point, loaded.points) == (LAST, (FIRST, LAST))
    first = memkit.load(finished, point=FIRST)
    assert first.table()["memorization_correct"] != loaded.table()["memorization_correct"]
    assert f"at {LAST}, the last of 2 points of series one_hot" in repr(loaded)
    assert f"at {FIRST}, number 1 of 2 points of series one_hot" in repr(first)
    with pytest.raises(InputError, match="point: unknown point 'one_hot_width3'; did you mean"):
        memkit.load(finished, point="one_hot_width3")


def test_pandas_has_the_same_values_and_is_needed_by_nothing_else(loaded, monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = loaded.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["id"].tolist() == loaded.table()["id"].to_pylist()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="missing package pandas; `pip install pandas` installs"):
        loaded.to_pandas()
    assert loaded.table().num_rows == 60


def test_missing_estimates_are_computed_and_written(tmp_path, make_config, tiny):
    study = studies.open_or_create(tmp_path / "study", make_config(), tiny)
    loaded = memkit.load(recorded.record(study).workdir)
    written = (study.workdir / "summary.json").read_bytes()
    table = loaded.table()
    analysis.estimate(study)
    assert json.loads(written)["accuracy"] == studies.read_summary(study)["accuracy"]
    assert same(table, memkit.load(study.workdir).table())


def test_stale_estimates_are_computed_again_and_present_ones_are_only_read(copied, monkeypatch):
    (copied / "points" / LAST / "runs" / "3.npz").unlink()
    assert memkit.load(copied).content.summary.points[-1].num_runs == 39
    monkeypatch.setattr(analysis, "estimate", None)
    monkeypatch.setattr(storage, "write", None)
    assert memkit.load(copied).content.summary.points[-1].num_runs == 39


def test_damaged_estimates_are_computed_again(copied, loaded):
    (copied / "points" / LAST / "estimates.npz").write_bytes(b"damaged")
    assert same(memkit.load(copied).table(), loaded.table())


def test_estimates_are_not_computed_where_they_cannot_be_written(copied, monkeypatch):
    def refuse(argument, folder):
        raise expected(argument, "a writable folder", folder)

    (copied / "derived.json").unlink()
    monkeypatch.setattr(storage, "check_writable", refuse)
    monkeypatch.setattr(analysis, "estimate", None)
    with pytest.raises(InputError, match="workdir: expected a writable folder"):
        memkit.load(copied)


def test_a_point_without_finished_runs_is_refused_with_what_to_do(tmp_path, make_config, tiny):
    study = studies.open_or_create(tmp_path / "study", make_config(), tiny)
    with pytest.raises(InputError, match="missing finished runs in .*; train them with `memkit"):
        memkit.load(study.workdir)
    assert not (study.workdir / "summary.json").exists()
    recorded.record(study)
    shutil.rmtree(study.workdir / "points" / LAST)
    with pytest.raises(InputError, match=rf"finished runs \({FIRST}\), received {LAST}$"):
        memkit.load(study.workdir)
    assert memkit.load(study.workdir, point=FIRST).point == FIRST


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a folder with a study \(study.json\)"):
        memkit.load(tmp_path)


def test_everything_works_after_the_folder_is_gone(copied):
    loaded = scores.of_study(studies.load(copied))
    shutil.rmtree(copied)
    assert loaded.table().num_rows == 60 and loaded.suspects().num_rows
    assert loaded.chart("accuracy") and loaded._repr_html_() and repr(loaded)


def test_loading_imports_neither_an_engine_nor_the_training(finished):
    code = (
        "import memkit, sys; s = memkit.load(sys.argv[1]); s.table(); s.suspects(); s.charts;"
        "s._repr_html_(); print(*(n for n in sys.modules if n.startswith('memkit.training') or "
        "n in ('tensorflow', 'keras', 'jax', 'torch')))"
    )
    command = [sys.executable, "-c", code, str(finished)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_charts_are_those_of_the_report(loaded, finished):
    figures = chart_files.of_study(gather.content(studies.load(finished)))
    drawn = {name: figure.chart for name, figure in figures.items() if figure.chart}
    assert loaded.charts == tuple(drawn)
    assert loaded.chart("accuracy").to_dict() == drawn["accuracy"].to_dict()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acuracy", "name: unknown chart 'acuracy'; did you mean 'accuracy'? Known: accuracy"),
        ("agreement_onehot", "name: unknown chart 'agreement_onehot'; did you mean 'agreement_one"),
        ("distillation_means", "received distillation_means, which needs a distilled series"),
        ("distillation_joint_x", "received distillation_joint_x, which needs a distilled series"),
        (f"removal_{LAST}", f"received removal_{LAST}, which needs the runs of `memkit removal`"),
    ],
)
def test_a_chart_that_cannot_be_drawn_is_refused_with_the_reason(loaded, name, message):
    with pytest.raises(InputError, match=re.escape(message)) as error:
        loaded.chart(name)
    assert "\n" not in str(error.value)


def test_the_headline_has_the_numbers_of_the_estimates(loaded):
    table = loaded.table()
    inside, outside = (
        np.mean(table[name].to_numpy()) for name in ("in_mean_correct", "out_mean_correct")
    )
    text = repr(loaded)
    assert "Scores of 60 images" in text and "(40 runs)" in text
    (mean,) = re.findall(r"Mean memorization is ([\d.]+) ± ", text)
    assert float(mean) == pytest.approx(inside - outside, abs=0.001)
    percents = [float(number) for number in re.findall(r"([\d.]+)% on", text)]
    np.testing.assert_allclose(percents, [100 * inside, 100 * outside], atol=0.4)
    assert notebook.headline(loaded.content, LAST) in loaded._repr_html_()


def _record_guesses(study):
    """Writes runs that guess, as untrained models do."""
    draw = stream(0, "tests/scores")
    for run in range(len(study.train_mask)):
        arrays = {
            name: np.zeros(shape, dtype)
            for name, (dtype, shape) in records.array_specs(study.sizes).items()
        }
        arrays["train_predicted"][:] = draw.integers(0, study.sizes.classes, study.sizes.train)
        arrays["train_correct"] = arrays["train_predicted"] == study.examples.given_labels
        arrays["train_logodds"][:] = -2
        studies.write_record(study, study.points[0], run, arrays, INFO)
    return study


def test_models_that_learned_nothing_get_a_caution(tmp_path, make_config, tiny, loaded):
    config = make_config({"axis": {"field": "", "values": []}})
    study = studies.open_or_create(tmp_path / "study", config, tiny)
    untrained = memkit.load(_record_guesses(study).workdir)
    text = "The models classify only "
    assert text in repr(untrained) and text in untrained._repr_html_()
    assert text not in repr(loaded) and "Caution" not in loaded._repr_html_()
    assert "No label is outvoted" in untrained._repr_html_()


def test_a_study_that_leaves_one_example_out_has_scores(tmp_path, make_config, tiny):
    study = leave_one_out.create(tmp_path / "study", make_config, tiny, num_units=5)
    loaded = memkit.load(leave_one_out.record(study).workdir)
    written = parquet.read_table(study.workdir / "tables" / f"{LAST}.parquet")
    common = [name for name in loaded.table().column_names if name in written.column_names]
    assert same(loaded.table().select(common), written.select(common))
    assert "(305 runs)" in loaded._repr_html_()


class _Rows(html.parser.HTMLParser):
    """Collects tags, addresses of pictures, and the cells of every row of tables."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.pictures, self.rows, self._is_open = set(), [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._is_open = tag == "td"
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        if tag == "img":
            self.pictures.append(dict(attrs))

    def handle_endtag(self, tag):
        self._is_open &= tag != "td"

    def handle_data(self, data):
        if self._is_open:
            self.rows[-1][-1] += data


def _pixels(picture):
    head, body = picture["src"].split(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


def test_each_picture_stands_beside_its_id_and_its_numbers(loaded):
    parsed = _Rows(loaded._repr_html_())
    rows = [row for row in parsed.rows if row]
    table = {row["id"]: row for row in loaded.table().to_pylist()}
    assert len(rows) == len(parsed.pictures) == 12
    for cells, picture in zip(rows, parsed.pictures, strict=True):
        row = table[cells[1]]
        thumbnail = loaded.content.thumbnails[row["row"]]
        np.testing.assert_array_equal(_pixels(picture), np.broadcast_to(thumbnail, (8, 8, 3)))
        assert cells[2] == row["class_name"]
    by_score = sorted(table.values(), key=lambda row: -row["memorization_pooled"])
    assert [cells[1] for cells in rows[:6]] == [row["id"] for row in by_score[:6]]
    numbers = [row[f"memorization_pooled{end}"] for row in by_score[:1] for end in ("", "_lower")]
    assert rows[0][3].startswith("{:.2f} ({:.2f} to ".format(*numbers))
    suspects = loaded.suspects(6).to_pylist()
    assert [cells[1] for cells in rows[6:]] == [row["id"] for row in suspects]
    assert [cells[3] for cells in rows[6:]] == [row["suggested_label"] for row in suspects]
