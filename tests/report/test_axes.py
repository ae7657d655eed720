"""Studies along every kind of axis, from records to a report; pictures of charts are left out."""

import numpy as np
import pytest

from memkit import analysis, charts, studies
from memkit.analysis import across_text, exports
from memkit.analysis.audit import estimate as audit
from memkit.report import chart_files, gather, page
from memkit.studies import checks
from tests.analysis import recorded

pytestmark = pytest.mark.slow
AXES = {
    "lists": ("model.hidden", [[4], [8, 4]], ["distilled_from_8-4"]),
    "switches": ("training.sync_batch_norm", [False, True], ["distilled_from_True"]),
    "names": ("training.augment", ["none", "pad_crop_flip"], ["distilled_from_none"]),
    "fractions": ("optimizer.weight_decay", [1e-05, 0.5], ["distilled_from_1e-05"]),
    "one value": ("training.epochs", [3], ["distilled"]),
}


@pytest.fixture(params=AXES)
def study(request, tmp_path, make_config, tiny, few_splits):
    field, values, series = AXES[request.param]
    changes = {"axis": {"field": field, "values": values}, "model": {"name": "mlp", "hidden": [16]}}
    changes |= {"series": ["one_hot", *series], "report.title": request.param}
    config = make_config(changes)
    checks.check(config)
    study = recorded.record(studies.open_or_create(tmp_path / "study", config, tiny))
    analysis.estimate(study)
    return study


def test_every_axis_ends_in_a_report(study, monkeypatch, tmp_path):
    monkeypatch.setattr(charts, "images", lambda *spec: {"svg": b""})
    content = gather.content(study)
    html = page.render(content)["index.html"].decode()
    for point in study.points:
        assert point.name in html and point.series in html
    drawn = {n: f.chart for n, f in chart_files.of_study(content).items() if f.chart}
    assert {"accuracy", "mean_memorization", "memorization_histograms"} <= set(drawn)
    shown = [row["size"] for row in _rows(drawn["accuracy"].to_dict())]
    assert set(shown) == {point.axis_value for point in study.points}
    pairs = [(point, point) for point in study.points[:1]]
    assert "examples with the same id" in across_text.with_study(study, study, pairs)
    assert audit.columns(study, audit.at_point(study))["point"].dtype.kind == "U"
    assert exports.export(study, study.points, "csv", tmp_path / "out")
    _reads_back_what_it_wrote(study)


def _reads_back_what_it_wrote(study):
    again = studies.load(study.workdir)
    for point, stored in zip(study.points, again.points, strict=True):
        assert vars(stored) == vars(point)
    for series, arrays in studies.read_trajectories(again).items():
        values = [p.axis_value for p in study.points if p.series == series]
        np.testing.assert_array_equal(arrays["values"], values)


def _rows(chart):
    (rows,) = list(chart["datasets"].values()) if "datasets" in chart else [chart["data"]["values"]]
    return rows
