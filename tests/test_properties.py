"""Invariances that docstrings claim, on inputs that Hypothesis draws and shrinks."""

import json
import math
import unicodedata

import hypothesis
import hypothesis.extra.numpy as draws
import numpy as np
import pytest
from hypothesis import strategies as st

from memkit import estimators, printable, records, subsets, trajectories
from memkit.analysis import results
from memkit.comparisons import matching
from memkit.estimators import WithError, correlation

# The same examples at every run, and no deadline: no test depends on wall time.
hypothesis.settings.register_profile(
    "memkit", derandomize=True, deadline=None, max_examples=50, database=None
)
hypothesis.settings.load_profile("memkit")

SHARES = st.floats(0, 1, width=32)
FINITE = st.floats(-1e3, 1e3, width=32)


@st.composite
def studies(draw):
    """Returns (outcome [M, N], train mask [M, N]) of a small study."""
    shape = draw(st.tuples(st.integers(2, 12), st.integers(1, 8)))
    kind = draw(st.sampled_from(["correct", "prob"]))
    elements = st.booleans() if kind == "correct" else SHARES
    outcome = draw(
        draws.arrays(bool if kind == "correct" else np.float32, shape, elements=elements)
    )
    return outcome, draw(draws.arrays(bool, shape))


@hypothesis.given(studies(), st.randoms(use_true_random=False))
def test_the_order_of_runs_and_of_examples_does_not_matter(study, random):
    outcome, mask = study
    runs, examples = list(range(len(mask))), list(range(mask.shape[1]))
    random.shuffle(runs)
    random.shuffle(examples)
    estimate = estimators.memorization(outcome, mask)
    shuffled = estimators.memorization(outcome[runs][:, examples], mask[runs][:, examples])
    for name, values in vars(estimate).items():
        np.testing.assert_allclose(vars(shuffled)[name], values[examples], atol=1e-6)


@hypothesis.given(studies())
def test_memorization_is_the_difference_of_its_means_within_its_interval(study):
    estimate = estimators.memorization(*study)
    defined = (estimate.num_in > 0) & (estimate.num_out > 0)
    np.testing.assert_array_equal(np.isnan(estimate.value), ~defined)
    difference = estimate.in_mean - estimate.out_mean
    np.testing.assert_allclose(estimate.value[defined], difference[defined], atol=1e-6)
    has_interval = ~np.isnan(estimate.lower)
    assert (estimate.lower[has_interval] <= estimate.value[has_interval] + 1e-6).all()
    assert (estimate.upper[has_interval] >= estimate.value[has_interval] - 1e-6).all()
    assert (estimate.lower[has_interval] >= -1).all() and (estimate.upper[has_interval] <= 1).all()


@hypothesis.given(studies())
def test_exchanging_the_arms_changes_the_sign(study):
    outcome, mask = study
    estimate, exchanged = (estimators.memorization(outcome, m) for m in (mask, ~mask))
    np.testing.assert_allclose(exchanged.value, -estimate.value, atol=1e-6)
    np.testing.assert_allclose(exchanged.lower, -estimate.upper, atol=1e-6)


@hypothesis.given(
    draws.arrays(np.int64, st.integers(8, 40), elements=st.integers(0, 4)),
    st.integers(1, 2),
    st.sampled_from([0.5, 0.7, 0.9]),
    st.integers(0, 9),
)
def test_a_balanced_design_is_balanced_and_follows_from_its_seed(labels, blocks, fraction, seed):
    num_runs = blocks * subsets.block_size(fraction)
    mask = subsets.balanced(labels, num_runs, fraction, seed)
    np.testing.assert_array_equal(mask, subsets.balanced(labels, num_runs, fraction, seed))
    assert set(mask.sum(axis=1).tolist()) == {round(fraction * len(labels))}
    assert np.ptp(mask.sum(axis=0)) <= blocks


@hypothesis.given(
    draws.arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(2, 6)), elements=SHARES),
    st.sampled_from([0.1, 0.2, 0.3]),
)
def test_a_trajectory_read_backwards_is_of_the_mirrored_class(value, alpha):
    mirrored = {"increasing": "decreasing", "decreasing": "increasing"}
    names = np.array(trajectories.CLASSES)
    forward, backward = (
        names[trajectories.classify(v, alpha)].tolist() for v in (value, value[:, ::-1])
    )
    assert backward == [mirrored[name] if name in mirrored else name for name in forward]


@hypothesis.given(st.lists(st.tuples(FINITE, FINITE), min_size=3, max_size=30))
def test_rank_correlation_is_symmetric_and_ignores_monotone_transforms(pairs):
    first, second = np.array(pairs).T
    value = correlation.spearman(first, second)
    hypothesis.assume(not math.isnan(value))
    assert -1 - 1e-9 <= value <= 1 + 1e-9
    assert correlation.spearman(second, first) == pytest.approx(value)
    assert correlation.spearman(np.cbrt(first), second) == pytest.approx(value)
    assert correlation.spearman(-first, second) == pytest.approx(-value)


@hypothesis.given(st.text())
def test_printed_text_has_no_control_characters_and_cells_can_be_restored(text):
    assert not any(
        character.isspace() and unicodedata.category(character) != "Zs"  # Tabs, ends of lines.
        for character in printable.printable(text)
    )
    printable.printable(text).encode()  # Lone surrogates are escaped, too.
    assert printable.original_cell(printable.spreadsheet_cell(text)) == text


PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b", "cat", "1.png"]), min_size=1, max_size=4).map("/".join),
    max_size=12,
    unique=True,
)


@hypothesis.given(PATHS, PATHS)
def test_ids_are_matched_one_to_one_by_whole_endings_of_paths(ids, others):
    matched = matching.match(np.array(ids, str), np.array(others, str))
    assert len(set(matched.columns.tolist())) == len(matched.columns)
    assert len(set(matched.positions.tolist())) == len(matched.positions)
    for column, position in zip(matched.columns, matched.positions, strict=True):
        longer, shorter = sorted((ids[column].split("/"), others[position].split("/")), key=len)[
            ::-1
        ]
        assert longer[-len(shorter) :] == shorter
    common = set(ids) & set(others)
    matched_ids = {ids[column] for column in matched.columns}
    assert common <= matched_ids


@hypothesis.given(st.integers(1, 40), st.integers(1, 9), st.integers(2, 300), st.randoms())
def test_a_record_is_read_as_it_was_written(tmp_path_factory, train, test, classes, random):
    asked = ("history_runs", "all_probs", "ntk")
    sizes = records.Sizes(train=train, test=test, epochs=2, classes=classes, asked=asked)
    arrays = {}
    for name, (dtype, shape) in records.array_specs(sizes).items():
        data = random.randbytes(int(np.prod(shape)) * dtype.itemsize)  # NaN is among them.
        arrays[name] = np.frombuffer(data, np.uint8 if dtype == bool else dtype).reshape(shape)
        if dtype == bool:
            arrays[name] = arrays[name] > 127
    info = dict.fromkeys(records.INFO, "text")
    del info["format"], info["checksum"]
    path = tmp_path_factory.mktemp("records") / "0.npz"
    records.write(path, arrays, info, sizes, inside=path.parent)
    read, read_info = records.read(path, sizes)
    assert {name: read_info[name] for name in info} == info
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)


NUMBERS = st.floats(-1e6, 1e6) | st.just(float("nan"))


@hypothesis.given(NUMBERS, NUMBERS, st.integers(1, 1000))
def test_an_estimate_survives_json(value, stderr, df):
    error = WithError(value, stderr, df)
    text = json.dumps(results.to_json(error), allow_nan=False)
    read = results.from_json(json.loads(text), WithError)
    np.testing.assert_array_equal((read.value, read.stderr, read.df), (value, stderr, df))
