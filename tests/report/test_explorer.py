import base64
import dataclasses
import json
import zlib

import numpy as np
import pytest

from memkit.analysis.audit import estimate as audit
from memkit.analysis.audit.result import LabelAudit
from memkit.analysis.influence.result import Influence
from memkit.estimators import audit as auditing
from memkit.report import explorer
from memkit.report.blocks import Section
from memkit.seeds import stream
from tests import simulated
from tests.browser import worlds


def _raw(column):
    return zlib.decompress(base64.b64decode(column["data"]))


def _numbers(column):
    return np.frombuffer(_raw(column), np.dtype(column["kind"]).newbyteorder("<"))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([-1, 127], "int8"),
        ([-1, 128], "int16"),
        ([32_768], "int32"),
        ([-129], "int16"),
        ([], "int8"),
    ],
)
def test_whole_numbers_are_packed_in_the_smallest_type(values, kind):
    column = explorer.packed(np.array(values, int))
    assert column["kind"] == kind
    assert _numbers(column).tolist() == values


def test_any_text_is_packed_and_unpacked_unchanged():
    texts = ["a\nb", '"</script>', "ü", ""]
    assert json.loads(_raw(explorer.packed_text(np.array(texts)))) == texts


def test_thousandths_show_the_digits_of_the_number():
    values = stream(0, "tests/explorer").uniform(-1, 1, 10_000)
    result = explorer.thousandths(values)
    assert [f"{v / 1000:.3f}" for v in result] == [f"{round(v, 3) + 0.0:.3f}" for v in values]
    assert explorer.thousandths([np.nan, -1, 1]).tolist() == [explorer.MISSING, -1000, 1000]


def test_columns_hold_every_example_of_every_point(content):
    result = explorer.data(content)
    assert json.loads(_raw(result["ids"])) == list(content.ids)
    for point, summary in zip(result["points"], content.summary.points, strict=True):
        scores = content.scores[summary.name]
        table = _numbers(point["scores"]).reshape(len(explorer.QUANTITIES), -1) / 1000
        for row, name in enumerate(explorer.QUANTITIES[:-2]):
            np.testing.assert_allclose(table[row], getattr(scores["pooled"], name), atol=5.01e-4)
        np.testing.assert_allclose(table[-2], scores["prob"].out_mean, atol=5.01e-4)
        np.testing.assert_allclose(table[-1], scores["correct"].value, atol=5.01e-4)
        assert (_numbers(point["num_in"]) == scores["correct"].num_in).all()
        assert (_numbers(point["num_out"]) == scores["correct"].num_out).all()


def test_views_name_quantities_of_the_points_they_show(make_content):
    content = make_content(sizes=(1, 16), series=("one_hot", "distilled"))
    result = explorer.data(content)
    names = [(v["pair"], v["series"], v["point"]) for v in result["views"]]
    assert len(set(names)) == len(names) == 12
    compared = next(v for v in result["views"] if v["pair"] == "series" and v["point"] == 3)
    assert (compared["x"], compared["y"]) == ((1, "value"), (3, "value"))


def test_without_a_point_of_two_sizes_there_are_no_ends(make_content):
    assert set(explorer.data(make_content(sizes=(4,)))["pairs"]) == {"out", "prob"}


def test_influences_and_q_are_those_of_the_pairs(content):
    shape = (len(content.ids), 6)
    index = np.tile(np.arange(6) % 5, (shape[0], 1))
    index[0, 3:] = -1
    infl = np.full(shape, 0.25)
    infl[0, 3:] = np.nan
    arrays = {
        "train_top_idx": index,
        "train_top_infl": infl,
        "tr_idx": np.array([7, 0, 7]),
        "tt_idx": np.array([4, 1, 2]),
        "q": np.array([0.5, 0.0104, 0.2]),
    }
    influence = Influence(points={}, arrays={"one_hot-width16": arrays})
    changed = simulated.with_results(content, influence)
    points = explorer.data(changed)["points"]
    assert [point["influence"] is None for point in points] == [True] * 4 + [False]
    result = {k: _numbers(c).reshape(-1, 4) for k, c in points[-1]["influence"].items()}
    none = explorer.MISSING
    assert result["index"][0].tolist() == [0, 1, 2, -1]
    assert result["infl"][0].tolist() == [250, 250, 250, none]
    assert result["q"][0].tolist() == [none, 10, none, none]
    assert result["q"][7].tolist() == [none, none, 200, none]
    assert np.count_nonzero(result["q"] != none) == 2


def test_every_example_has_a_picture_and_those_of_sections_come_first(content):
    shown = Section(anchor="a", title="A", intro="", pictures={"train": [70, 3, 70], "test": [4]})
    albums = explorer.data(content, [shown])["albums"]
    train = _numbers(albums["train"]["examples"])
    assert train[:2].tolist() == [70, 3]
    assert sorted(train) == list(range(len(content.ids)))
    assert _numbers(albums["test"]["examples"]).tolist() == [4]


def test_all_data_together_keep_to_their_size(monkeypatch):
    content, size = worlds.large(2_500, 200), 2_500_000
    images = stream(5, "tests/explorer").integers(0, 256, (2_500, 32, 32, 3), dtype=np.uint8)
    monkeypatch.setattr(explorer, "SIZE", size)
    data = explorer.data(dataclasses.replace(content, thumbnails=images))
    assert 0.6 * size < len(json.dumps(data)) < 1.05 * size


def test_suggested_labels_are_those_of_the_audit(make_content):
    content = make_content(also=(audit,))
    audited = content.results[LabelAudit].examples
    suggested = _numbers(explorer.data(content)["suggested"])
    is_likely = audited.kind == auditing.MISLABELED
    assert is_likely.any()
    assert (suggested == np.where(is_likely, audited.rival, -1)).all()


def test_without_scores_there_is_nothing_to_explore(make_content):
    content = make_content(unfinished=5)
    assert explorer.data(content) is None
    assert explorer.data(dataclasses.replace(content, scores={})) is None


def test_a_first_series_without_runs_does_not_keep_the_others_from_the_page(make_content):
    content = make_content(series=("one_hot", "distilled"), sizes=(4,))
    changed = simulated.with_point(content, 0, num_runs=0)
    result = explorer.data(changed)
    assert [point["name"] for point in result["points"]] == ["distilled-width4"]
