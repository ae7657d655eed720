import dataclasses
import types

import numpy as np
import pytest

from memkit import proxies as registry
from memkit import records, studies
from memkit.analysis import Results, read_outcomes
from memkit.analysis.distribution import estimate as distribution
from memkit.analysis.distribution.result import Distribution
from memkit.analysis.planted import estimate as planted_labels
from memkit.analysis.planted.result import Planted
from memkit.analysis.proxies import estimate as proxies
from memkit.analysis.proxies import section
from memkit.analysis.proxies.result import Proxies
from memkit.analysis.summary import Axis
from memkit.analysis.trajectories import estimate as trajectories
from memkit.analysis.trajectories.result import TrajectoryClasses
from memkit.seeds import stream
from tests.info import INFO

EPOCHS = 3


def _arrays(study, point, run, draw):
    """Simulated records: planted labels are learned late, and only at the second size."""
    mask, planted = study.train_mask[run], study.examples.planted
    names = records.array_specs(study.sizes_at(point, run)).items()
    arrays = {name: np.zeros(shape, dtype) for name, (dtype, shape) in names}
    learned = np.where(planted, 0.95 if point is study.points[-1] else 0.1, 1.0)
    correct = draw.random(len(mask)) < np.where(mask, learned, np.where(planted, 0.0, 0.8))
    arrays["train_correct"] = correct
    arrays["train_logodds"] = (4 * correct - 2 + draw.random(len(mask))).astype(np.float16)
    if "num_seen" in arrays:
        hard = planted + 0.5 * draw.random(len(mask))
        arrays["num_seen"][mask] = EPOCHS
        arrays["num_correct"][mask] = np.where(planted, 1, EPOCHS)[mask]
        arrays["loss_sum"][:] = hard
        arrays["prob_mean"][:] = 1 - hard / 2
        arrays["margin_mean"][:] = -hard
    if "ntk_memorization" in arrays:
        arrays["ntk_memorization"][:] = np.where(mask, draw.random(len(mask)), np.nan)
    if "train_probs" in arrays:
        arrays["train_probs"][:] = draw.dirichlet(np.ones(10), len(mask))
    return arrays


@pytest.fixture
def make_study(tmp_path, make_config, tiny, monkeypatch):
    """Returns a function that makes a recorded study and the outcomes of its points."""
    monkeypatch.setattr(proxies, "NUM_SPLITS", 2)

    def make(**changes):
        config = make_config({f"record.{name}": value for name, value in changes.items()})
        study = studies.open_or_create(tmp_path / "study", config, tiny)
        draw = stream(0, "tests/proxies")
        for point in study.points:
            for run in range(len(study.train_mask)):
                arrays = _arrays(study, point, run, draw)
                studies.write_record(study, point, run, arrays, INFO)
        return study, _outcomes(study)

    return make


def _outcomes(study):
    return [read_outcomes(study, point, with_training=True) for point in study.points]


def _analyze(study, outcomes):
    classes = trajectories.analyze(study, outcomes, Results({}))
    return proxies.analyze(study, outcomes, Results({TrajectoryClasses: classes}))


def test_every_proxy_is_on_every_leaderboard(make_study):
    study, outcomes = make_study(history_runs=12, all_probs=True, ntk=True)
    result = _analyze(study, outcomes)
    assert result.num_runs == 12
    assert set(result.points) == {p.name for p in study.points}
    for part in result.points.values():
        assert (part.board.num_runs, part.board.num_proxy_runs) == (20, 12)
        assert set(part.board.proxies) == set(part.means) == set(registry.PROXIES)
        assert set(part.canaries) > set(registry.PROXIES)
        assert set(part.means["cumulative_loss"]) == {"clean", "planted"}
    series = result.series["one_hot"]
    assert series.points == tuple(p.name for p in study.points)
    assert set(series.board.proxies) == set(registry.PROXIES)
    assert set(series.board.ceiling) == {
        f"{kind}_{correlation}{group}"
        for kind in ("along", "change")
        for correlation in ("spearman", "pearson")
        for group in ("", "_clean")
    }
    assert set(result.planted_classes["one_hot"]) == {"clean", "planted"}


def test_planted_labels_are_found_and_no_proxy_follows_their_memorization(make_study):
    study, outcomes = make_study(history_runs=12, all_probs=False)
    result = _analyze(study, outcomes)
    first, last = (result.points[p.name] for p in study.points)
    assert last.canaries["out_doubt"].auroc.value > 0.95
    assert last.canaries["cumulative_loss"].auroc.value == 1
    memorized = [part.canaries["memorization"].auroc.value for part in (first, last)]
    assert memorized[0] < 0.6 and memorized[1] > 0.9
    # The made-up loss is the same at both sizes: it ranks well at the last and sees no change.
    assert last.board.proxies["cumulative_loss"]["pearson"].averaged.value > 0.5
    across_sizes = result.series["one_hot"].board.proxies["cumulative_loss"]
    assert abs(across_sizes["change_pearson"].averaged.value) < 0.4
    classes = result.planted_classes["one_hot"]
    assert classes["planted"]["increasing"] == 1
    assert classes["clean"]["increasing"] < 0.2


def test_averages_and_means_are_those_of_the_runs_that_trained_on_an_example(make_study):
    study, outcomes = make_study(history_runs=7, all_probs=False)
    result = _analyze(study, outcomes)
    point, mask = study.points[0], study.train_mask[:7]
    loss = np.stack(
        [
            records.read(
                study.workdir / "points" / point.name / "runs" / f"{run}.npz",
                study.sizes_at(point, run),
            )[0]["loss_sum"]
            for run in range(7)
        ]
    )
    averaged = result.averaged[point.name]["cumulative_loss"]
    for i in range(study.sizes.train):
        expected = [loss[m, i] for m in range(7) if mask[m, i]]
        if expected:
            assert averaged[i] == pytest.approx(np.mean(expected), rel=1e-5)
        else:
            assert np.isnan(averaged[i])
    clean = ~study.examples.planted
    means = [loss[m, mask[m] & clean].mean() for m in range(7)]
    mean = result.points[point.name].means["cumulative_loss"]["clean"]
    assert mean.value == pytest.approx(np.mean(means), rel=1e-5)
    assert mean.stderr == pytest.approx(np.std(means, ddof=1) / np.sqrt(7), rel=1e-3)


def test_without_history_only_proxies_of_the_trained_network_remain(make_study):
    study, outcomes = make_study(history_runs=0, all_probs=False)
    result = _analyze(study, outcomes)
    assert result.num_runs == 20
    for part in result.points.values():
        assert list(part.board.proxies) == ["final_loss", "final_margin"]
        assert part.board.num_proxy_runs == 20


def test_missing_runs_are_left_out(make_study):
    study, _ = make_study(history_runs=12, all_probs=False)
    point = study.points[0]
    for run in (3, 15):
        (study.workdir / "points" / point.name / "runs" / f"{run}.npz").unlink()
    result = _analyze(study, _outcomes(study))
    for part in (result.points[point.name], result.series["one_hot"]):
        assert (part.board.num_runs, part.board.num_proxy_runs) == (18, 11)


def test_a_study_without_runs_has_no_numbers(tmp_path, make_config, tiny):
    study = studies.open_or_create(tmp_path / "study", make_config(), tiny)
    result = _analyze(study, _outcomes(study))
    assert result.points == result.series == result.averaged == {}


def _content(study, outcomes, result):
    """Returns what of a Content the section of the proxies shows."""
    axis = Axis(study.config["axis"]["field"], tuple(study.config["axis"]["values"]))
    results = {
        Proxies: result,
        Distribution: distribution.analyze(study, outcomes, Results({})),
        Planted: planted_labels.analyze(study, outcomes, Results({})),
    }
    points = [
        types.SimpleNamespace(**vars(point), num_runs=len(of_point.runs))
        for point, of_point in zip(study.points, outcomes, strict=True)
    ]
    summary = types.SimpleNamespace(axis=axis, points=points)
    return types.SimpleNamespace(summary=summary, results=Results(results))


def test_section_shows_every_figure_and_table(make_study):
    study, outcomes = make_study(history_runs=12, all_probs=True, ntk=True)
    made = section.section(_content(study, outcomes, _analyze(study, outcomes)))
    assert made.empty == ""
    assert set(made.figures) == set(section.CAPTIONS)
    assert all(figure.chart is not None for figure in made.figures.values())
    definitions, sizes, values, across, canaries, classes = made.tables
    assert [row[0] for row in definitions.rows] == [section.LABELS[n] for n in registry.PROXIES]
    assert "12 runs per point" in definitions.caption
    assert [row[0] for row in sizes.rows] == ["ceiling", *(row[0] for row in definitions.rows)]
    assert sizes.caption.startswith("Spearman") and values.caption.startswith("Pearson")
    for table in made.tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}
        assert all(isinstance(cell, str) for row in table.rows for cell in row)
    assert "of them with clean labels" in across.caption
    assert canaries.rows[0][0] == "memorization"
    assert classes.columns == ("Class", "clean", "planted")


def test_section_says_what_fills_it(make_study):
    study, outcomes = make_study(history_runs=0, all_probs=False)
    empty = Proxies(num_runs=0, points={}, series={}, planted_classes={}, averaged={})
    made = section.section(_content(study, outcomes, empty))
    assert "memkit estimate" in made.empty and not made.figures and not made.tables


def test_section_without_an_axis_shows_no_paths(make_study):
    study, outcomes = make_study(history_runs=0, all_probs=False)
    result = dataclasses.replace(_analyze(study, outcomes), series={})
    made = section.section(_content(study, outcomes, result))
    assert set(made.figures) == {"proxy_leaderboard", "canary_detection"}
