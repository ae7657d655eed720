"""What `memkit plan --halfwidth` prints."""

import pytest

from memkit import studies
from memkit.estimators import precision
from memkit.sweeps import runs_needed, stopping
from tests.sweeps import small_study
from tests.sweeps.sweeping import execute


def _draft(**changes):
    return studies.draft(small_study.config(**changes), small_study.dataset())


def test_before_any_run_the_number_is_that_of_the_reference_in_whole_blocks():
    text = runs_needed.text(_draft(), 0.1, {})
    needed = precision.needed_before(0.1, 30, train_fraction=0.7)
    assert 260 < needed.likely <= 280
    assert "after about 280 runs per point, 560 in all" in text
    assert f"between {-(-needed.least // 20) * 20} and {-(-needed.most // 20) * 20}" in text
    assert "perceptrons on 200 to 1,400 digits" in text
    assert "30 examples and subsets of 70%" in text


def test_records_take_the_place_of_the_reference(study):
    execute(study)
    text = runs_needed.text(study, 0.05, runs_needed.recorded(study, study))
    assert "from the records in the workdir" in text and "reference" not in text
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()[-2:]}
    widths = stopping.half_widths(study, study.points)
    assert set(rows) == set(widths)
    for name, (runs, half_width, needed) in rows.items():
        assert (int(runs), float(half_width)) == (20, round(widths[name].half_width, 3))
        of_point = precision.needed(0.05, widths[name].half_width, num_runs=20, train_fraction=0.7)
        assert int(needed) == of_point.likely
    most = max(int(needed) for _, _, needed in rows.values())
    assert f"after about {-(-most // 20) * 20:,} runs per point" in text


def test_points_without_a_block_of_runs_have_the_number_of_the_reference(study):
    execute(study)
    for path in list((study.workdir / "points" / study.points[0].name / "runs").iterdir())[:1]:
        path.unlink()
    text = runs_needed.text(study, 0.1, runs_needed.recorded(study, study))
    assert "1 of 2 points have 20 runs or more in the workdir" in text
    assert study.points[1].name in text and study.points[0].name not in text


def test_records_of_another_study_do_not_count(study):
    execute(study)
    other = _draft(seed=1)
    assert runs_needed.recorded(other, study) == {}


def test_a_draft_with_more_runs_uses_the_records_that_there_are(study):
    execute(study)
    subsets = study.config["subsets"] | {"num_runs": 400}
    assert len(runs_needed.recorded(_draft(subsets=subsets), study)) == 2


def test_a_half_width_that_every_point_has_is_reached(study):
    execute(study)
    text = runs_needed.text(study, 0.999, runs_needed.recorded(study, study))
    assert text.endswith("or narrower at every point with the runs that there are")


@pytest.mark.parametrize("half_width", [0.02, 0.001])
def test_a_half_width_that_takes_more_than_4000_runs_is_not_reachable(half_width):
    text = runs_needed.text(_draft(), half_width, {})
    assert f"+/- {half_width:g} is not reachable within reason" in text
    assert "in all" not in text


def test_the_range_is_that_of_the_widest_point():
    study = _draft()
    needed = [precision.Needed(30, 50, 70), precision.Needed(10, 90, 100)]
    lines = runs_needed._numbers(study, 0.1, needed)
    assert "about 100 runs per point" in lines[0]
    assert "between 40 and 100 per point" in lines[1]


def _rows(text):
    return [line.split("  ") for line in text.splitlines()[1:] if line.strip()[0].isdigit()]


def test_more_runs_take_more_time_and_give_narrower_intervals():
    text = runs_needed.table(_draft(), {}, lambda runs: 3600.0 * runs, 0.1)
    rows = [[cell.strip() for cell in row if cell.strip()] for row in _rows(text)]
    assert [int(row[0]) for row in rows] == [20, 40, 100, 200, 280, 400]
    assert [int(row[1]) for row in rows] == [40, 80, 200, 400, 560, 800]
    assert rows[0][2] == "20 h 00 min"
    widths = [float(row[3]) for row in rows]
    assert widths == sorted(widths, reverse=True) and widths[4] <= 0.1 < widths[3]
    assert "according to a reference" in text


def test_without_measured_times_there_is_no_column_of_time():
    text = runs_needed.table(_draft(), {}, lambda runs: None)
    assert text.split("\n")[0].split("  ") == ["runs per point", "in all", "half width"]
    assert "--halfwidth=0.1 says how many runs" in text


def test_the_table_shows_the_half_width_that_the_records_have(study):
    execute(study)
    widths = runs_needed.recorded(study, study)
    text = runs_needed.table(study, widths, lambda runs: None)
    now = max(width.half_width for width in widths.values())
    assert float(_rows(text)[0][-1]) == pytest.approx(min(now, 1), abs=5e-4)
    assert "according to the records in the workdir" in text
