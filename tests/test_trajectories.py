import numpy as np
import pytest
from scipy import stats

from benchmarks import null_worlds
from memkit import errors, subsets, trajectories
from memkit.estimators import grouped, memorization
from memkit.trajectories import errors as errors_module
from memkit.trajectories import null as null_module

MIRROR = {
    "increasing": "decreasing",
    "decreasing": "increasing",
    "cap_shaped": "u_shaped",
    "u_shaped": "cap_shaped",
}


def _names(*arguments, **named):
    return [trajectories.CLASSES[k] for k in trajectories.classify(*arguments, **named)]


def _reference_class(value, alpha):
    """Applies the rules in exact thousandths, pair by pair."""
    if any(np.isnan(value)):
        return "undefined"
    value, alpha = [round(1000 * v) for v in value], round(1000 * alpha)
    pairs = [(a, b) for i, a in enumerate(value) for b in value[i:]]
    drop, rise = max(a - b for a, b in pairs), max(b - a for a, b in pairs)
    if max(value) - min(value) < alpha:
        return "constant"
    if value[-1] - value[0] >= alpha and drop <= alpha:
        return "increasing"
    if value[0] - value[-1] >= alpha and rise <= alpha:
        return "decreasing"
    if any(v - max(value[0], value[-1]) >= alpha for v in value[1:-1]):
        return "cap_shaped"
    if any(min(value[0], value[-1]) - v >= alpha for v in value[1:-1]):
        return "u_shaped"
    return "mixed"


@pytest.mark.parametrize(
    "value, name",
    [
        ([0.5, 0.5, 0.5, 0.5], "constant"),
        ([0.5, 0.55, 0.46, 0.5], "constant"),
        ([0.1, 0.2, 0.3, 0.4], "increasing"),
        ([0.1, 0.4, 0.3, 0.4], "increasing"),
        ([0.2, 0.2, 0.2, 0.3], "increasing"),
        ([0.4, 0.3, 0.2, 0.1], "decreasing"),
        ([0.3, 0.2, 0.2, 0.2], "decreasing"),
        ([0.1, 0.5, 0.6, 0.1], "cap_shaped"),
        ([0.2, 0.3, 0.2, 0.2], "cap_shaped"),
        ([0.1, 0.7, 0.6, 0.4], "cap_shaped"),
        ([0.9, 0.2, 0.4, 0.9], "u_shaped"),
        ([0.3, 0.2, 0.3, 0.3], "u_shaped"),
        ([0.3, 0.36, 0.25, 0.31], "mixed"),
        ([0.2, 0.1, 0.5, 0.4], "increasing"),
        ([0.1, np.nan, 0.5, 0.4], "undefined"),
    ],
)
def test_hand_made_trajectories(value, name):
    assert _names([value], 0.1) == [name]


def test_classes_equal_a_slow_reference():
    rng = np.random.default_rng(0)
    value = np.round(0.05 * rng.integers(-6, 7, (4000, 5)), 2)
    value[rng.random(value.shape) < 0.01] = np.nan
    for alpha in (0.1, 0.2, 0.3):
        names = _names(value, alpha)
        assert names == [_reference_class(row, alpha) for row in value]
        assert set(names) == set(trajectories.CLASSES)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.3])
def test_a_change_of_exactly_alpha_counts(alpha):
    for start in np.arange(-0.5, 0.5, 0.1):
        assert _names([[start, start + alpha], [start, start + alpha - 1e-4]], alpha) == [
            "increasing",
            "constant",
        ]


def test_negating_and_reversing_swap_the_classes():
    value = np.random.default_rng(1).uniform(-1, 1, (2000, 5))
    names = _names(value, 0.3)
    swapped = [MIRROR[name] if name in MIRROR else name for name in names]
    exclusive = ~((_extent(value, 1) >= 0.3) & (_extent(value, -1) >= 0.3))
    assert exclusive.sum() > 1000
    assert [n for n, e in zip(_names(-value, 0.3), exclusive) if e] == [
        n for n, e in zip(swapped, exclusive) if e
    ]
    backward = _names(value[:, ::-1], 0.3)
    turned = [MIRROR[name] if name.endswith("creasing") else name for name in names]
    assert backward == turned


def _extent(value, sign):
    """Returns how far the peak (sign 1) or trough (sign -1) lies beyond both ends."""
    ends = np.maximum(sign * value[:, 0], sign * value[:, -1])
    return (sign * value).max(axis=1) - ends


def test_short_axes():
    assert _names([[0.5], [np.nan]], 0.1) == ["constant", "undefined"]
    assert _names([[0.5, 0.55], [0.1, 0.9], [0.9, 0.1]], 0.1) == [
        "constant",
        "increasing",
        "decreasing",
    ]


def test_trajectories_without_a_significant_range_are_constant():
    value = [[0, 0.5], [0, 0.5], [0, 0.5], [0, 0.5], [0, np.nan]]
    p = np.array([0.05, 0.051, 0.005, np.nan, 0.9])
    assert _names(value, 0.1, p=p) == [
        "increasing",
        "constant",
        "increasing",
        "undefined",
        "undefined",
    ]
    assert _names(value, 0.1, p=p, level=0.01)[0] == "constant"


def test_classes_are_int8_of_every_example():
    classes = trajectories.classify(np.zeros((7, 3)), 0.1)
    assert classes.dtype == np.int8 and classes.shape == (7,)


@pytest.mark.parametrize(
    "value, alpha, words",
    [
        (np.zeros(3), 0.1, "value: expected a matrix"),
        (np.zeros((3, 0)), 0.1, "A >= 1"),
        (np.zeros((3, 2)), 0, "alpha: expected"),
        (np.zeros((3, 2)), np.nan, "alpha: expected"),
    ],
)
def test_wrong_arguments_raise_an_error(value, alpha, words):
    with pytest.raises(errors.InputError, match=words):
        trajectories.classify(value, alpha)


def test_shares_are_over_defined_examples():
    classes = np.array([0, 0, 1, 2, 6], np.int8)
    shares = trajectories.shares(classes)
    assert shares["constant"] == 0.5 and shares["increasing"] == 0.25
    assert shares["undefined"] == 0.2 and shares["mixed"] == 0
    assert trajectories.shares_among_nonconstant(classes) == {
        "increasing": 0.5,
        "decreasing": 0.5,
        "cap_shaped": 0,
        "u_shaped": 0,
        "mixed": 0,
    }


def test_shares_of_zero_examples_are_nan():
    assert np.isnan(list(trajectories.shares(np.zeros(0, np.int8)).values())).all()
    assert np.isnan(trajectories.shares(np.array([6], np.int8))["constant"])
    constant = trajectories.shares_among_nonconstant(np.zeros(3, np.int8))
    assert np.isnan(list(constant.values())).all()


def test_stack_keeps_axis_order():
    mask = subsets.random(6, 20, 0.7, 0)
    outcomes = np.random.default_rng(0).random((3, 20, 6)) < 0.5
    estimates = [memorization(outcome, mask) for outcome in outcomes]
    stacked = trajectories.stack(estimates)
    assert stacked.value.shape == (6, 3)
    for point, estimate in enumerate(estimates):
        np.testing.assert_array_equal(stacked.value[:, point], estimate.value)
        np.testing.assert_array_equal(stacked.in_mean[:, point], estimate.in_mean)
        np.testing.assert_array_equal(stacked.out_mean[:, point], estimate.out_mean)
    with pytest.raises(errors.InputError, match="estimates: expected one per point"):
        trajectories.stack([])
    with pytest.raises(errors.InputError, match="the same examples at every point"):
        trajectories.stack([estimates[0], memorization(outcomes[0][:, :5], mask[:, :5])])


def _value(outcomes, mask):
    return np.stack([memorization(outcome, mask).value for outcome in outcomes], axis=1)


def _reference_noise(outcomes, train_mask):
    """Returns memorization and the standard deviation of its noise for one example, [A] each."""
    value, variance = 0, 0
    for arm, sign in ((train_mask, 1), (~train_mask, -1)):
        rows = outcomes[:, arm]
        num_points, num = rows.shape
        value = value + sign * rows.mean(axis=1)
        residuals = rows - rows.mean(axis=1, keepdims=True)
        products = residuals @ residuals.T
        squares, pairs = np.diag(products), num_points * (num_points - 1)
        between = (products.sum() - squares.sum()) / pairs
        squares = squares * (1 - between / squares.mean())
        error = (squares + 2 * outcomes.var(axis=1).mean()) / num / (num + 1)
        df = (num_points - 1) * (num - 1)
        variance = variance + error * (stats.t.ppf(0.975, df) / stats.norm.ppf(0.975)) ** 2
    return value, np.sqrt(variance)


def _reference_deviation(value):
    """Returns the root of what a parabola explains and half of what it does not."""
    points = np.arange(len(value))
    fit = np.polyval(np.polyfit(points, value, 2), points)
    return np.sqrt(np.sum((fit - value.mean()) ** 2) + 0.5 * np.sum((value - fit) ** 2))


@pytest.mark.parametrize("probabilities", [False, True])
def test_p_equals_a_slow_reference(probabilities):
    rng = np.random.default_rng(5)
    mask = subsets.random(25, 30, 0.7, 0)
    outcomes = rng.random((5, 30, 25))
    outcomes = outcomes if probabilities else outcomes < 0.5 + 0.1 * np.arange(5)[:, None, None]
    test = trajectories.change_test(outcomes, mask, num_draws=128, seed=1)
    draws = null_module.normal_draws(5, 128, 1)
    for example in range(25):
        value, sd = _reference_noise(outcomes[:, :, example].astype(float), mask[:, example])
        observed = _reference_deviation(value)
        larger = sum(_reference_deviation(draw * sd) >= observed for draw in draws)
        assert test.p[example] == pytest.approx((1 + larger) / 129)


def test_null_shares_equal_classifying_the_noise_by_hand():
    rng = np.random.default_rng(5)
    mask = subsets.random(25, 30, 0.7, 0)
    outcomes = rng.random((4, 30, 25)) < 0.5
    null_shares = trajectories.change_test(
        outcomes, mask, alphas=(0.4,), num_draws=64, seed=1, level=0.3
    ).null_shares[0.4]
    draws = null_module.normal_draws(4, 64, 1)
    names = []
    for example in range(25):
        value, sd = _reference_noise(outcomes[:, :, example].astype(float), mask[:, example])
        studies = np.array([value, *(draws * sd)])
        size = np.array([_reference_deviation(study) for study in studies])
        p = np.mean(size >= size[:, None], axis=1)
        names += _names(studies[1:], 0.4, p[1:], level=0.3)
    assert names.count("constant") < 0.8 * len(names)
    for name, share in null_shares.items():
        assert share == pytest.approx(names.count(name) / len(names))


def test_outcomes_that_never_change_have_p_one():
    mask = subsets.random(40, 30, 0.7, 0)
    outcome = np.random.default_rng(0).random(mask.shape)
    test = trajectories.change_test(np.stack([outcome] * 4), mask)
    np.testing.assert_array_equal(test.p, 1)


def test_one_point_has_p_one():
    mask = subsets.random(40, 30, 0.7, 0)
    outcome = np.random.default_rng(0).random((1, *mask.shape)) < 0.5
    np.testing.assert_array_equal(trajectories.change_test(outcome, mask).p, 1)


def _share_significant(make_study, num_studies=3):
    return np.mean([make_study(study) <= 0.05 for study in range(num_studies)])


@pytest.mark.parametrize("num_runs", [20, 40])
@pytest.mark.parametrize("num_points", [2, 5])
@pytest.mark.parametrize("world", null_worlds.WORLDS)
def test_constant_memorization_is_rarely_significant(world, num_points, num_runs):
    def p(study):
        outcomes, mask = null_worlds.null_world(world, num_points, num_runs, study=study)
        return trajectories.change_test(outcomes, mask, seed=study).p

    share = _share_significant(p)
    assert share <= 0.055
    assert world in ("easy", "edges") or share > 0.015


@pytest.mark.parametrize("probability", [0.5, 0.9])
def test_constant_memorization_of_probabilities_is_rarely_significant(probability):
    def p(study):
        rng = np.random.default_rng(study)
        mask = subsets.balanced(np.zeros(1000, int), 40, 0.7, study)
        mean = np.linspace(0.1, probability, 5)[:, None, None] + 0.09 * mask
        return trajectories.change_test(rng.beta(8 * mean, 8 * (1 - mean)), mask, seed=study).p

    assert 0.01 < _share_significant(p) <= 0.055


@pytest.mark.parametrize("shape", null_worlds.SHAPES)
@pytest.mark.parametrize("num_runs, least", [(20, 0.36), (40, 0.65)])
def test_changes_are_significant_although_accuracy_moves(shape, num_runs, least):
    def p(study):
        outcomes, mask, changes = null_worlds.changing_world(shape, num_runs, study=study)
        return trajectories.change_test(outcomes, mask, seed=study).p[changes]

    assert _share_significant(p) > least


@pytest.mark.parametrize("num_points", [2, 5])
def test_a_constant_truth_is_classified_as_constant(num_points):
    outcomes, mask = null_worlds.null_world("middling", num_points, 100, num_examples=3000)
    test = trajectories.change_test(outcomes, mask)
    assert 0.03 < np.mean(test.p <= 0.05) < 0.055
    for quantile in (0.25, 0.5, 0.75):
        assert np.mean(test.p <= quantile) == pytest.approx(quantile, abs=0.08)
    value = _value(outcomes, mask)
    called = trajectories.shares(trajectories.classify(value, 0.1, test.p))
    bare = trajectories.shares(trajectories.classify(value, 0.1))
    assert 1 - called["constant"] < 0.055
    assert 1 - bare["constant"] > 0.3
    for name, share in called.items():
        assert test.null_shares[0.1][name] == pytest.approx(share, abs=0.02)


def test_real_trends_are_detected():
    rng = np.random.default_rng(0)
    mask = subsets.balanced(np.zeros(900, int), 400, 0.7, 0)
    kind = np.repeat([0, 1, 2], 300)
    out_rate = np.stack([np.choose(kind, [0.9 - 0.1 * a, 0.4 + 0.1 * a, 0.5]) for a in range(5)])
    outcomes = rng.random((5, *mask.shape)) < np.where(mask, 0.95, out_rate[:, None, :])
    test = trajectories.change_test(outcomes, mask)
    names = np.array(_names(_value(outcomes, mask), 0.2, p=test.p))
    assert np.mean(names[kind == 0] == "increasing") > 0.95
    assert np.mean(names[kind == 1] == "decreasing") > 0.95
    assert np.mean(names[kind == 2] == "constant") > 0.93
    null = test.null_shares[0.2]
    assert sum(share for name, share in null.items() if name != "constant") < 0.055


def test_null_shares_exclude_the_observed_study():
    mask = subsets.balanced(np.zeros(20, int), 100, 0.7, 0)
    outcomes = np.stack([np.ones(mask.shape), np.where(mask, 1.0, 0.0)])
    test = trajectories.change_test(outcomes, mask, num_draws=32)
    np.testing.assert_array_equal(test.p, 1 / 33)
    assert test.null_shares[0.1]["constant"] == 1


def test_order_of_examples_does_not_matter(monkeypatch):
    rng = np.random.default_rng(0)
    mask = subsets.random(50, 40, 0.7, 0)
    outcomes = rng.random((4, 40, 50)) < rng.random(50)
    order = rng.permutation(50)
    whole = trajectories.change_test(outcomes, mask, seed=3)
    monkeypatch.setattr(null_module, "_BLOCK_ELEMENTS", 7000)
    reordered = trajectories.change_test(outcomes[:, :, order], mask[:, order], seed=3)
    np.testing.assert_array_equal(reordered.p, whole.p[order])
    for alpha, null in whole.null_shares.items():
        assert reordered.null_shares[alpha] == pytest.approx(null)


def test_order_of_runs_does_not_matter():
    rng = np.random.default_rng(1)
    mask = subsets.random(50, 40, 0.7, 0)
    outcomes = rng.random((4, 40, 50)) < rng.random((4, 1, 50))
    order = rng.permutation(40)
    plain = trajectories.change_test(outcomes, mask).p
    shuffled = trajectories.change_test(outcomes[:, order], mask[order]).p
    np.testing.assert_allclose(plain, shuffled, atol=0.002)


def test_draws_are_standard_normal():
    draws = null_module.normal_draws(5, 1024, 0)
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(np.cov(draws.T), np.eye(5), atol=0.08)
    for quantile in (-1.96, -1, 1, 1.96):
        assert np.mean(draws < quantile) == pytest.approx(stats.norm.cdf(quantile), abs=0.003)
    assert (draws != null_module.normal_draws(5, 1024, 1)).all()


def test_undefined_examples_have_no_p_and_no_share():
    rng = np.random.default_rng(0)
    mask = subsets.random(30, 40, 0.7, 0)
    mask[:, 4], mask[:, 9] = True, False
    outcomes = rng.random((3, 40, 30), dtype=np.float32)
    test = trajectories.change_test(outcomes, mask)
    assert np.flatnonzero(np.isnan(test.p)).tolist() == [4, 9]
    rest = np.delete(np.arange(30), [4, 9])
    alone = trajectories.change_test(outcomes[:, :, rest], mask[:, rest])
    np.testing.assert_array_equal(test.p[rest], alone.p)
    assert test.null_shares == alone.null_shares
    assert test.null_shares[0.1]["undefined"] == 0


@pytest.mark.parametrize(
    "shape, draws, words",
    [
        ((3, 4, 5), 256, r"outcomes: expected shape \(A, 4, 6\)"),
        ((4, 6), 256, "outcomes: expected shape"),
        ((0, 4, 6), 256, "A >= 1"),
        ((3, 4, 6), 16, "num_draws: expected a power of two, enough for a p of 0.05"),
        ((3, 4, 6), 100, "num_draws: expected a power of two"),
    ],
)
def test_wrong_shapes_and_too_few_draws_raise_an_error(shape, draws, words):
    with pytest.raises(errors.InputError, match=words):
        trajectories.change_test(np.zeros(shape), np.ones((4, 6), bool), num_draws=draws)


def test_diverged_runs_raise_an_error():
    with pytest.raises(errors.InputError, match="diverged runs must be left out first"):
        trajectories.change_test(np.full((2, 4, 6), np.nan), np.ones((4, 6), bool))
    with pytest.raises(errors.InputError, match="train_mask: expected a bool matrix"):
        trajectories.change_test(np.zeros((2, 4, 6)), np.ones((4, 6)))


def _drifting(study, truth, num_runs=40):
    """Returns outcomes [A, M, N] and the mask of a study of examples with true memorization."""
    rng = np.random.default_rng(study)
    mask = subsets.balanced(np.zeros(len(truth), int), num_runs, 0.7, study)
    rate = np.where(mask, 0.05 + truth.T[:, None], 0.05)
    return rng.random(rate.shape) < rate, mask


def test_errors_of_shares_equal_leaving_out_each_quarter_of_the_runs():
    truth = np.random.default_rng(0).uniform(0, 0.9, (30, 3))
    outcomes, mask = _drifting(0, truth, num_runs=24)
    variances = []
    for draw in range(4):
        group = grouped.run_groups(24, 5, num_groups=4, draw=draw)
        shares = []
        for left_out in range(4):
            runs = np.flatnonzero(group != left_out)
            remaining, in_subset = outcomes[:, runs], mask[runs]
            p = trajectories.change_test(remaining, in_subset, num_draws=32, seed=5).p
            classes = _names(_value(remaining, in_subset), 0.2, p)
            shares.append([classes.count(name) / 30 for name in trajectories.CLASSES[:-1]])
        variances.append(3 * np.var(shares, axis=0))
    result = trajectories.share_errors(outcomes, mask, [0.2], num_draws=32, seed=5)[0.2]
    reference = np.sqrt(np.mean(variances, axis=0))
    assert np.count_nonzero(reference) > 2
    assert [result[name] for name in trajectories.CLASSES[:-1]] == pytest.approx(reference.tolist())
    assert result["undefined"] == 0


def test_errors_of_shares_match_their_spread_over_studies():
    """Examples stay, runs are drawn anew."""
    rng = np.random.default_rng(0)
    truth = np.clip(rng.uniform(0, 0.7, (120, 1)) + rng.normal(0, 0.15, (120, 3)), 0, 0.95)
    values, errors = [], []
    for study in range(40):
        outcomes, mask = _drifting(study, truth)
        stacked = trajectories.stack([memorization(o, mask) for o in outcomes])
        p = trajectories.change_test(outcomes, mask, num_draws=128, seed=study).p
        result = trajectories.shares(trajectories.classify(stacked.value, 0.2, p))
        values.append([result[name] for name in ("constant", "increasing", "decreasing")])
        result = trajectories.share_errors(outcomes, mask, [0.2], num_draws=128, seed=study)
        errors.append([result[0.2][name] for name in ("constant", "increasing", "decreasing")])
    ratio = np.mean(errors, axis=0) / np.std(values, axis=0, ddof=1)
    assert (ratio > 0.7).all() and (ratio < 1.7).all(), ratio


@pytest.mark.parametrize("num_runs", [2, 3])
def test_errors_of_shares_of_few_runs_are_nan_or_numbers(num_runs):
    mask = np.arange(num_runs)[:, None] == np.arange(8) % num_runs
    result = trajectories.share_errors([mask, ~mask], mask, [0.2])[0.2]
    assert set(result) == set(trajectories.CLASSES)
    assert all(np.isnan(error) or error >= 0 for error in result.values())


def test_errors_of_shares_do_not_depend_on_the_blocks(monkeypatch):
    outcomes, mask = _drifting(0, np.random.default_rng(0).uniform(0, 0.9, (40, 3)))
    whole = trajectories.share_errors(outcomes, mask, [0.1, 0.2])
    monkeypatch.setattr(errors_module, "_BLOCK_ELEMENTS", 7 * 3 * 256)
    assert trajectories.share_errors(outcomes, mask, [0.1, 0.2]) == whole
