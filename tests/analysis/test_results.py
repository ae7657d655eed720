"""Results of questions survive being written and read, and every record is read once."""

import collections
import dataclasses
import json
import pathlib
from collections.abc import Mapping

import numpy as np
import pytest

from memkit import analysis, records, studies
from memkit.analysis import results
from memkit.estimators import WithError
from memkit.report import gather
from memkit.studies import removal
from memkit.sweeps.stopping import Stop
from memkit.typing import Array, FloatArray
from tests.analysis import recorded
from tests.info import INFO

TIMING = analysis.Timing(wall_seconds=1.5, runs_per_second=2.0)


@pytest.fixture
def bare(tmp_path, make_config, tiny):
    """A study without runs."""
    return studies.open_or_create(tmp_path / "bare", make_config(), tiny)


@pytest.fixture
def study(tmp_path, make_config, tiny, few_splits):
    """A study that has a result for every question."""
    changes = {"series": ["one_hot", "distilled"], "report.min_influence": 0.1}
    made = recorded.record(studies.open_or_create(tmp_path / "study", make_config(changes), tiny))
    recorded.estimate(made)
    removals = {"thresholds": (0.5,), "repeats": 2, "command": "memkit"}
    recorded.record(removal.create(made, made.points[0], tiny, **removals))
    stop = Stop(wanted=0.1, half_width=np.inf, runs=20, block=10)
    studies.write_stop(made, dataclasses.asdict(stop))
    return made


def _assert_same(actual, expected):
    if dataclasses.is_dataclass(expected):
        assert type(actual) is type(expected)
        actual, expected = vars(actual), vars(expected)
    if isinstance(expected, Mapping):
        assert list(actual) == list(expected)
        for key, value in expected.items():
            _assert_same(actual[key], value)
    elif isinstance(expected, tuple):
        assert isinstance(actual, tuple) and len(actual) == len(expected)
        for pair in zip(actual, expected, strict=True):
            _assert_same(*pair)
    else:
        assert not isinstance(expected, np.ndarray) or actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)


@pytest.fixture
def reads(monkeypatch):
    """{file: how often it was read as a record}."""
    counts, read = collections.Counter(), records.read

    def counted(path, sizes):
        counts[str(path)] += 1
        return read(path, sizes)

    monkeypatch.setattr(records, "read", counted)
    return counts


def test_a_report_has_the_results_of_all_questions_and_records_are_read_once(study, reads):
    reads.clear()
    written = analysis.estimate(study, timing=lambda: TIMING)
    files = [*pathlib.Path(study.workdir).rglob("runs/*.npz")]
    assert len(files) == 86 and reads == collections.Counter(map(str, files))
    reads.clear()
    actual = gather.content(study).summary
    assert not reads
    for question in analysis.QUESTIONS:
        result = written.results[question.result]
        # A study without missing runs has none to name.
        parts = {name: part for name, part in vars(result).items() if isinstance(part, Mapping)}
        assert {name for name, part in parts.items() if not part} <= {"missing"}, question.name
        _assert_same(actual.results[question.result], result)
    for field in dataclasses.fields(analysis.Summary):
        if field.name != "results":
            _assert_same(getattr(actual, field.name), getattr(written, field.name))
    assert (actual.layout, actual.timing) == (analysis.LAYOUT, TIMING)
    assert actual.stop == {"wanted": 0.1, "half_width": None, "runs": 20, "block": 10}


def test_results_of_a_study_without_runs_are_read_as_they_were_written(bare):
    written = analysis.estimate(bare)
    actual = analysis.read(bare)
    for question in analysis.QUESTIONS:
        _assert_same(actual.results[question.result], written.results[question.result])


@dataclasses.dataclass(frozen=True)
class _Inner:
    count: int
    mean: WithError


@dataclasses.dataclass(frozen=True, eq=False)
class _Numbers:
    share: float
    by_threshold: Mapping[float, tuple[_Inner, ...]]
    peak: _Inner | None
    curves: Mapping[str, Array] = results.arrays()
    of_points: Mapping[str, Mapping[str, Array]] = results.point_arrays()


@dataclasses.dataclass(frozen=True, eq=False)
class _Scores:
    score: FloatArray


@dataclasses.dataclass(frozen=True, eq=False)
class _WithScores:
    scores: _Scores | None = results.arrays()


def _entry(bare, result):
    """Writes a result; returns what another program reads in its entry of summary.json."""
    return json.loads(json.dumps(results.write(bare, "toy", result), allow_nan=False))


def test_nan_is_null_in_the_file_and_nan_again_when_read(bare):
    inner = _Inner(3, WithError(np.float32(0.5), np.nan, 0))
    written = _Numbers(np.nan, {0.1: (inner,), 0.2: ()}, None, {}, {})
    entry = _entry(bare, written)
    error = {"value": 0.5, "stderr": None, "df": 0, "margin": None}
    assert entry == {
        "share": None,
        "by_threshold": {"0.1": [{"count": 3, "mean": error}], "0.2": []},
        "peak": None,
    }
    _assert_same(results.read(bare, "toy", _Numbers, entry), written)


def test_a_difference_of_numbers_without_spread_keeps_its_margin_of_zero(bare):
    error = WithError(0.25, 0.0, np.inf)
    written = _Numbers(0.5, {}, _Inner(2, error), {}, {})
    entry = _entry(bare, written)
    expected = {"value": 0.25, "stderr": 0, "df": None, "margin": 0}
    assert entry["peak"]["mean"] == expected
    actual = results.read(bare, "toy", _Numbers, entry)
    _assert_same(actual, written)
    assert actual.peak.mean.margin == 0


def test_arrays_are_stored_in_files_and_not_in_the_summary(bare):
    point, matrix = bare.points[1].name, np.array([[0.5, np.nan]], np.float32)
    curves, of_points = {"edges": np.arange(3)}, {point: {"matrix": matrix}}
    written = _Numbers(0.5, {}, None, curves, of_points)
    entry = _entry(bare, written)
    assert entry.keys() == {"share", "by_threshold", "peak"}
    _assert_same(results.read(bare, "toy", _Numbers, entry), written)


def test_a_dataclass_of_arrays_is_read_as_one(bare):
    written = _WithScores(_Scores(np.array([0.25, np.nan])))
    assert _entry(bare, written) == {}
    _assert_same(results.read(bare, "toy", _WithScores, {}), written)


def test_missing_arrays_are_none_or_an_empty_mapping(bare):
    assert results.read(bare, "toy", _WithScores, {}).scores is None
    entry = _entry(bare, _Numbers(0.5, {}, None, {}, {}))
    actual = results.read(bare, "toy", _Numbers, entry)
    assert actual.curves == actual.of_points == {}


def test_points_of_several_devices_are_in_the_summary(study):
    point = study.points[0]
    arrays, info = studies.runs.read_record(study, point, 3)
    made = {name: info[name] for name in INFO} | {"device": "NVIDIA H100"}
    studies.write_record(study, point, 3, arrays, made)
    analysis.estimate(study)
    text = "mixes devices, which round differently: 19 runs on CPU, 1 run on NVIDIA H100"
    assert analysis.read(study).training.mixed == {point.name: text}
