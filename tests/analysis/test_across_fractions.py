import json

import numpy as np
import pytest

from memkit import records, studies
from memkit.analysis import across_fractions, across_text
from memkit.errors import InputError
from memkit.seeds import stream
from tests.analysis import leave_one_out, recorded
from tests.info import INFO

TRUTH = np.linspace(0, 1, 60) ** 3  # memorization with one example left out
SLOPES = {0.5: 1.2, 0.7: 1.12, 0.9: 1.04}  # 1 + 0.4 (1 - fraction)


def _record(study, factor):
    """Writes runs whose memorization by probability is the factor times TRUTH, up to noise."""
    point = study.points[0]
    for run, mask in enumerate(study.train_mask):
        draw = stream(0, "tests/across_fractions", round(100 * factor), run)
        prob = np.where(mask, 0.95, 0.95 - 0.7 * factor * TRUTH) - 0.02 * draw.random(60)
        sizes = study.sizes_at(point, run)
        arrays = {
            name: np.zeros(shape, dtype)
            for name, (dtype, shape) in records.array_specs(sizes).items()
        }
        arrays["train_logodds"] = np.log(prob / (1 - prob)).astype(np.float16)
        arrays["train_correct"] = prob > 0.5
        studies.write_record(study, point, run, arrays, INFO)
    recorded.estimate(study)
    return study, point


@pytest.fixture
def truth(tmp_path, mlp_config, tiny):
    return _record(leave_one_out.create(tmp_path / "truth", mlp_config, tiny, num_units=4), 1.0)


@pytest.fixture
def others(tmp_path, mlp_config, tiny):
    made = []
    for fraction, factor in SLOPES.items():
        changes = {"subsets.train_fraction": fraction, "subsets.num_runs": 60}
        folder = tmp_path / f"subsets{fraction}"
        made.append(_record(studies.open_or_create(folder, mlp_config(changes), tiny), factor))
    return made


def test_costs_are_bias_and_rank_correlation_of_every_fraction(truth, others):
    count, costs = across_fractions.costs(truth, others[::-1])
    assert count == 60
    assert [(c.name, c.outcome) for c in costs[4:]] == [
        (name, "prob") for name in ("50%", "70%", "90%", "extrapolated")
    ]
    mean = 0.7 * TRUTH.mean()
    for cost, factor in zip(costs[4:], [*SLOPES.values(), 1.0], strict=True):
        assert cost.mean == pytest.approx(mean, abs=0.003)
        assert cost.bias.value == pytest.approx((factor - 1) * mean, abs=0.005)
        assert 0 < cost.bias.margin < 0.01
        assert cost.spearman.value > 0.95
    *_, largest, extrapolated = costs
    assert abs(extrapolated.bias.value) < 0.003
    assert extrapolated.rmse < largest.rmse < costs[4].rmse
    assert [c.num_runs for c in costs[4:]] == [60, 60, 60, 180]
    assert 0.9 < costs[-1].ceiling <= 1


def test_one_study_is_not_extrapolated(truth, others):
    _, costs = across_fractions.costs(truth, others[1:2])
    assert [(c.name, c.outcome) for c in costs] == [("70%", "correct"), ("70%", "prob")]


def test_text_and_chart_have_a_row_for_every_study(truth, others, tmp_path):
    out = tmp_path / "out"
    printed = across_text.with_fractions(truth, others, out=out)
    for name in ("50%", "70%", "90%", "extrapolated"):
        assert printed.count(name) == (3 if name == "extrapolated" else 2)
    written = json.loads((out / "comparison.json").read_text())
    assert len(written["costs"]) == 8 and written["joined"] == 60
    assert {f.name for f in out.iterdir()} == {
        "comparison.json",
        *(f"subset_fractions.{kind}" for kind in ("png", "svg", "html")),
    }


def test_rows_of_the_chart_are_the_costs(truth, others):
    _, costs = across_fractions.costs(truth, others)
    rows = across_fractions.table(costs)
    assert len(rows) == 16 and {r["panel"] for r in rows} == {"bias", "Spearman's correlation"}
    assert [r["value"] for r in rows[::2]] == [c.bias.value for c in costs]


def test_studies_must_differ_in_their_fractions(truth, others):
    with pytest.raises(InputError, match="--workdir: expected a study of the design leave_one_out"):
        across_fractions.costs(others[0], others[1:])
    with pytest.raises(InputError, match="--and_with: expected studies of different subset"):
        across_fractions.costs(truth, [others[0], others[0]])
    with pytest.raises(InputError, match="--and_with: expected studies of different subset"):
        across_fractions.costs(truth, [others[0], truth])
