import dataclasses
import types

import numpy as np
import pytest

from memkit import analysis, studies
from memkit.analysis import Results
from memkit.analysis.influence import estimate as analysis_of_influence
from memkit.analysis.influence import section as section_of_influence
from memkit.analysis.influence.result import Influence
from memkit.estimators.influence import influence_of, pairs
from memkit.report import gather
from memkit.seeds import stream
from memkit.training import mask_product
from tests.analysis import recorded


@pytest.fixture
def study(tmp_path, make_config, tiny):
    config = make_config({"subsets.num_runs": 40, "report.min_influence": 0.1})
    return recorded.record(studies.open_or_create(tmp_path / "study", config, tiny))


@pytest.fixture
def analyzed(study):
    outcomes = recorded.estimate(study)
    return study, outcomes, analysis_of_influence.analyze(study, outcomes, Results({}))


def test_arrays_hold_the_pairs_of_the_estimators(analyzed):
    study, outcomes, influence = analyzed
    names = {point.name for point in study.points}
    assert set(influence.points) == set(influence.arrays) == names
    for result in outcomes:
        name, mask = result.point.name, study.train_mask[result.index]
        for outcome, prefix in (("correct", ""), ("prob", "prob_")):
            test_outcome = getattr(result, f"test_{outcome}")
            expected = pairs(
                test_outcome,
                mask,
                memorization=studies.read_estimates(study, result.point)[outcome].value,
                given_labels=study.examples.given_labels,
                test_labels=study.examples.test_labels,
                min_influence=0.1,
                min_memorization=0.25,
            )
            arrays = influence.of_outcome(name, outcome)
            for key in ("tr_idx", "tt_idx", "infl", "mem", "p", "q"):
                np.testing.assert_array_equal(getattr(arrays, key), getattr(expected, key))
                assert influence.arrays[name][prefix + key] is getattr(arrays, key)
            counts = influence.points[name].outcomes[outcome]
            assert counts.headline.pairs == len(expected.infl)
            assert counts.pairs_q05 == np.count_nonzero(expected.q <= 0.05)
            assert counts.family_size == expected.family_size
            assert arrays.test_top_idx.shape == (21, 3)
            assert arrays.train_top_infl.shape == (60, 3)
    assert any(part.outcomes["correct"].headline.pairs for part in influence.points.values())


def test_rows_show_the_most_influenced_tests_of_the_class(analyzed):
    study, outcomes, influence = analyzed
    arrays = influence.of_outcome(study.points[0].name, "correct")
    mask = study.train_mask[outcomes[0].index]
    rows = 0
    for train, tests, infl, q in zip(
        arrays.shown_tr_idx, arrays.shown_tt_idx, arrays.shown_infl, arrays.shown_q
    ):
        of_class = study.examples.test_labels == study.examples.given_labels[train]
        values = influence_of([train], outcomes[0].test_correct, mask)[0]
        is_shown = tests >= 0
        assert is_shown.sum() == min(4, of_class.sum()) and of_class[tests[is_shown]].all()
        np.testing.assert_allclose(
            infl[is_shown], np.sort(values[of_class])[::-1][: is_shown.sum()]
        )
        for test, rate in zip(tests[is_shown], q[is_shown]):
            listed = (arrays.tr_idx == train) & (arrays.tt_idx == test)
            expected = arrays.q[listed][0] if listed.any() else np.nan
            np.testing.assert_array_equal(rate, expected)
        rows += 1
    assert rows


def test_shown_examples_are_the_strongest_and_evenly_spaced_ones():
    train = np.repeat(np.arange(100, 0, -1), 2)
    result = types.SimpleNamespace(tr_idx=train, q=np.where(train > 50, 0.01, 0.5))
    shown = analysis_of_influence.choose_shown(result)
    np.testing.assert_array_equal(shown[:4], [100, 99, 98, 97])
    assert shown[-1] == 51 and 10 <= len(shown) <= 13
    assert (np.diff(shown) < 0).all()
    result.q[:] = np.nan
    assert analysis_of_influence.choose_shown(result)[-1] == 1
    none = types.SimpleNamespace(tr_idx=np.empty(0, int), q=np.empty(0))
    assert len(analysis_of_influence.choose_shown(none)) == 0


def test_points_without_two_runs_are_left_out(study):
    outcomes = recorded.estimate(study)
    few = dataclasses.replace(
        outcomes[0],
        **{
            name: getattr(outcomes[0], name)[:1]
            for name in (
                *("index", "unit", "mask", "correct", "prob"),
                *("runs", "test_mask", "test_unit", "test_correct", "test_prob"),
            )
        },
    )
    influence = analysis_of_influence.analyze(study, [few, outcomes[1]], Results({}))
    assert set(influence.points) == set(influence.arrays) == {study.points[1].name}


def _content(study, monkeypatch):
    """Returns the Content of a study whose only question is this one."""
    names = ("influence", "similar_images")
    fast = tuple(question for question in analysis.QUESTIONS if question.name in names)
    monkeypatch.setattr(analysis, "QUESTIONS", fast)
    analysis.estimate(study)
    return gather.content(study)


def test_section_has_a_row_per_point_and_images(study, monkeypatch):
    content = _content(study, monkeypatch)
    section = section_of_influence.section(content)
    names = {"influence", "influence_prob", "influence_given"}
    assert not section.empty and set(section.figures) == names
    for table in section.tables:
        assert [len(row) for row in table.rows] == [len(table.columns)] * 2
    assert section.figures["influence"].chart.to_dict()
    shown = sum(map(len, section.pictures.values()))
    (fragment,) = (block for block in section.details if isinstance(block, str))
    assert fragment.count('class="picture"') == shown > 3
    assert "nan" not in fragment.lower()


def test_section_without_pairs_or_points_is_explained(study, monkeypatch):
    study.config["report"]["min_influence"] = 0.999
    content = _content(study, monkeypatch)
    nothing = Results({Influence: Influence({}, {})})
    bare = dataclasses.replace(content.summary, results=nothing)
    empty = section_of_influence.section(dataclasses.replace(content, summary=bare)).empty
    assert "memkit run" in empty
    section = section_of_influence.section(content)
    assert section.figures["influence"].chart is None
    assert not any(isinstance(block, str) for block in section.details)
    assert section.tables[0].rows[0][2] == "0"


def test_small_studies_need_no_accelerator(monkeypatch):
    monkeypatch.setattr(mask_product.devices, "visible", lambda: {"gpu": ("gpu:0",), "tpu": ()})
    monkeypatch.setattr(mask_product.installation, "usable", lambda engine: {"cpu", "gpu"})
    assert mask_product.choose(40, 1437, 360) == (mask_product.numpy_product, "NumPy")
    assert mask_product.choose(2000, 60_000, 10_000) == (mask_product.jax_product, "JAX on gpu:0")
    monkeypatch.setattr(mask_product.installation, "usable", lambda engine: {"cpu", "tpu"})
    assert mask_product.choose(2000, 60_000, 10_000) == (mask_product.numpy_product, "NumPy")


def test_jax_and_numpy_give_the_same_product():
    pytest.importorskip("jax")
    draw = stream(0, "tests/product")
    mask = draw.random((300, 17)) < 0.7
    correct = (draw.random((300, 40)) < 0.6).astype(np.float32)
    prob = draw.random((300, 40), np.float32) - 0.5
    for values in (correct, prob):
        by_jax = mask_product.jax_product(values)(mask[:, 3:])
        by_numpy = mask_product.numpy_product(values)(mask[:, 3:])
        assert by_jax.dtype == by_numpy.dtype == np.float32
        np.testing.assert_allclose(by_jax, by_numpy, atol=0 if values is correct else 2e-4)
