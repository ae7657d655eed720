import numpy as np
import pytest
import scipy.stats

from memkit import subsets
from memkit.errors import InputError
from memkit.estimators import audit
from memkit.estimators.audit import (
    AMBIGUOUS,
    DUPLICATE,
    MISLABELED,
    NOT_JUDGED,
    RARE,
    UNSUSPECTED,
)


def _counted(num, given, rival_votes):
    arrays = np.broadcast_arrays(num, given, rival_votes)
    return audit.Votes(arrays[0], arrays[1], np.zeros(arrays[0].shape, int), arrays[2])


def _world(rng, chances, given, num_runs=100):
    """Returns predicted, prob, train_mask: held-out runs draw classes by chances [N, C]."""
    mask = subsets.balanced(given, num_runs, 0.7, 0)
    draws = rng.random((num_runs, len(given), 1))
    predicted = (draws > chances.cumsum(axis=1)).sum(axis=2)
    predicted = np.where(mask, given, np.minimum(predicted, chances.shape[1] - 1))
    prob = np.where(mask, 1.0, chances[np.arange(len(given)), given])
    return predicted, prob, mask


def test_votes_equal_a_double_loop():
    rng = np.random.default_rng(0)
    mask, given = rng.random((9, 40)) < 0.7, rng.integers(0, 4, 40)
    mask[:, 3] = True
    predicted = rng.integers(0, 4, mask.shape)
    predicted[:, 5] = given[5]
    votes = audit.votes(predicted, mask, given, 4)
    for i in range(40):
        predictions = [predicted[m, i] for m in range(9) if not mask[m, i]]
        rivals = {c: predictions.count(c) for c in range(4) if c != given[i] and c in predictions}
        rival = max(rivals, key=lambda c: (rivals[c], -c)) if rivals else -1
        assert (votes.num[i], votes.given[i]) == (len(predictions), predictions.count(given[i]))
        assert votes.rival[i] == rival
        assert votes.rival_votes[i] == (rivals[rival] if rivals else 0)
        most_frequent = min(predictions, key=lambda c: (-predictions.count(c), c), default=-1)
        assert votes.most(given)[i] == most_frequent
    assert votes.rival[3] == votes.rival[5] == votes.most(given)[3] == -1


def test_votes_do_not_depend_on_the_size_of_blocks(monkeypatch):
    rng = np.random.default_rng(1)
    mask, given = rng.random((9, 40)) < 0.7, rng.integers(0, 4, 40)
    predicted = rng.integers(0, 4, mask.shape).astype(np.uint8)
    whole = audit.votes(predicted, mask, given, 4)
    monkeypatch.setattr(audit.arms, "_BLOCK_ELEMENTS", 30)
    for at_once, other in zip(
        vars(whole).values(), vars(audit.votes(predicted, mask, given, 4)).values()
    ):
        np.testing.assert_array_equal(at_once, other)


def test_a_coin_between_two_classes_is_called_mislabeled_in_at_most_4_percent():
    for num in range(1, 401):
        rival_votes = np.arange(num + 1)
        wins = audit.rival_wins(_counted(num, num - rival_votes, rival_votes))
        chance = scipy.stats.binom.pmf(rival_votes, num, 0.5)[wins].sum()
        assert chance <= 0.04, num
        assert wins.any() == (num >= audit.LEAST), num


def test_a_tie_of_ten_classes_is_called_mislabeled_no_more_often_than_of_two():
    votes = np.random.default_rng(2).multinomial(12, np.full(10, 0.1), size=20_000)
    wins = audit.rival_wins(_counted(12, votes[:, 0], votes[:, 1:].max(axis=1)))
    assert wins.mean() < 0.04


def test_kinds_of_a_known_world_are_found():
    rng = np.random.default_rng(3)
    given = np.repeat(np.arange(5), 60)
    right = np.eye(5)[given]
    wrong = np.eye(5)[(given + 1) % 5]
    group = np.tile(np.repeat(np.arange(3), 20), 5)
    rest = (1 - right) / 4
    chances = np.select(
        [(group == k)[:, None] for k in range(3)],
        [0.95 * right + 0.05 * rest, 0.9 * wrong + 0.1 * right, 0.1 * right + 0.9 * rest],
    )
    predicted, prob, mask = _world(rng, chances, given)
    copied = np.zeros(300, bool)
    result = audit.audit(predicted, prob, mask, given, 5, copied=copied)
    assert (result.kind[group == 0] == UNSUSPECTED).all()
    assert (result.kind[group == 1] == MISLABELED).all()
    assert (result.votes.rival[group == 1] == (given[group == 1] + 1) % 5).all()
    assert np.isin(result.kind[group == 2], [AMBIGUOUS, MISLABELED]).all()
    assert (result.kind[group == 2] == AMBIGUOUS).mean() > 0.95
    np.testing.assert_allclose(result.score, 1 - chances[np.arange(300), given], atol=1e-12)
    copied[:] = True
    again = audit.audit(predicted, prob, mask, given, 5, copied=copied)
    np.testing.assert_array_equal(again.kind == MISLABELED, result.kind == MISLABELED)
    assert (again.kind[result.kind != MISLABELED] == DUPLICATE).all()


def test_order_of_runs_and_examples_does_not_matter():
    rng = np.random.default_rng(4)
    given = np.repeat(np.arange(3), 20)
    predicted, prob, mask = _world(rng, rng.dirichlet(np.full(3, 0.5), 60), given, num_runs=40)
    copied = rng.random(60) < 0.2
    result = audit.audit(predicted, prob, mask, given, 3, copied=copied)
    assert len(set(result.kind.tolist())) >= 4
    runs, rows = rng.permutation(40), rng.permutation(60)
    again = audit.audit(
        predicted[runs][:, rows],
        prob[runs][:, rows],
        mask[runs][:, rows],
        given[rows],
        3,
        copied=copied[rows],
    )
    np.testing.assert_array_equal(again.kind, result.kind[rows])
    np.testing.assert_allclose(again.score, result.score[rows])


def test_too_few_held_out_runs_are_no_judgment_however_unanimous():
    mask = np.ones((10, 3), bool)
    mask[: audit.LEAST - 1, 0] = mask[: audit.LEAST, 1] = False
    predicted, given = np.ones((10, 3), int), np.zeros(3, int)
    result = audit.audit(predicted, np.zeros((10, 3)), mask, given, 2, copied=np.zeros(3, bool))
    assert result.kind.tolist() == [NOT_JUDGED, MISLABELED, NOT_JUDGED]
    assert np.isnan(result.score).tolist() == [True, False, True]
    for name in ("value", "stderr", "lower", "upper"):
        assert np.isnan(getattr(result.out_prob, name)).tolist() == [True, False, True]
    assert result.out_prob.num.tolist() == [4, 5, 0]


def test_outvoted_images_unlike_the_images_of_the_rival_are_rare_with_or_without_a_copy():
    """Five classes in the plane: 0 to 4 are mislabeled, 5 to 9 and 10 to 14 lie far away."""
    rng = np.random.default_rng(7)
    given = np.repeat(np.arange(5), 60)
    images = 10.0 * given[:, None] + rng.normal(size=(300, 2))
    chances = 0.9 * np.eye(5)[given] + 0.02
    chances[:10] = 0.9 * np.eye(5)[3] + 0.02
    chances[10:15] = [0.1, 0.3, 0.3, 0.3, 0]
    images[:5] += 30
    images[5:15] += 400
    copied = np.arange(300) % 2 == 0
    predicted, prob, mask = _world(rng, chances, given)
    by_votes = audit.audit(predicted, prob, mask, given, 5, copied=copied)
    result = audit.audit(predicted, prob, mask, given, 5, copied=copied, images=images)
    assert (result.kind[:5] == MISLABELED).all() and (result.kind[5:15] == RARE).all()
    np.testing.assert_array_equal(by_votes.kind[:10], MISLABELED)
    assert np.isin(by_votes.kind[10:15], (AMBIGUOUS, DUPLICATE)).all()
    np.testing.assert_array_equal(result.kind[15:], by_votes.kind[15:])
    assert np.isnan(by_votes.rarity).all()


def test_runs_that_trained_on_a_copy_have_no_vote():
    rng = np.random.default_rng(5)
    mask = rng.random((60, 6)) < 0.6
    joined = audit.with_copies(mask, [np.array([1, 4])])
    for i in range(6):
        for m in range(60):
            assert joined[m, i] == (mask[m, 1] or mask[m, 4] if i in (1, 4) else mask[m, i])
    # The label of its copy, 1, is what the runs say of example 1 that saw the copy, and only those.
    mask[:30, [1, 4]], mask[30:, [1, 4]] = [False, True], False
    predicted, given = np.zeros((60, 6), int), np.zeros(6, int)
    predicted[:30, 1] = 1
    joined = audit.with_copies(mask, [np.array([1, 4])])
    naive, votes = (audit.votes(predicted, trained, given, 2) for trained in (mask, joined))
    assert (naive.num[1], naive.rival_votes[1]) == (60, 30)
    assert (votes.num[1], votes.rival_votes[1]) == (30, 0)


def test_rank_follows_kind_then_conflict_then_score():
    kind = np.array(
        [UNSUSPECTED, AMBIGUOUS, DUPLICATE, DUPLICATE, MISLABELED, MISLABELED, NOT_JUDGED, RARE]
    )
    score = np.array([0.9, 0.6, 0.8, np.nan, 0.7, 0.95, np.nan, 0.99])
    result = audit.Audit(kind, score, None, None, None)
    conflicting = np.arange(8) == 3
    assert audit.ranked(result, conflicting).tolist() == [5, 4, 7, 3, 2, 1, 6]
    assert audit.ranked(result, np.zeros(8, bool)).tolist() == [5, 4, 7, 2, 3, 1, 6]


def test_class_influence_equals_a_loop_over_runs():
    rng = np.random.default_rng(6)
    mask, given = rng.random((12, 20)) < 0.7, rng.integers(0, 4, 20)
    mask[:, 2] = True
    test_prob, test_labels = rng.random((12, 9)), np.array([0, 1, 2] * 3)
    value, stderr = audit.class_influence(test_prob, test_labels, mask, given, 4)
    for i in range(20):
        if given[i] == 3 or i == 2:
            assert np.isnan(value[i])
            continue
        mean = test_prob[:, test_labels == given[i]].mean(axis=1)
        assert value[i] == pytest.approx(mean[mask[:, i]].mean() - mean[~mask[:, i]].mean())
        assert stderr[i] > 0


def test_a_harmful_example_has_negative_class_influence():
    mask = np.arange(20)[:, None] % 2 == np.array([[0, 1]])
    test_prob = np.where(mask[:, :1], 0.2, 0.9)
    value, _ = audit.class_influence(test_prob, np.array([0]), mask, np.array([0, 0]), 1)
    np.testing.assert_allclose(value, [-0.7, 0.7])


def test_class_influences_sum_to_zero_where_subsets_are_balanced_by_class():
    labels = np.repeat([0, 1], 100)
    mask = subsets.balanced(labels, 200, 0.7, 0)
    quality = np.random.default_rng(0).random((200, 1))
    test_prob = np.repeat(quality, 10, axis=1)
    influences, _ = audit.class_influence(test_prob, np.repeat([0, 1], 5), mask, labels, 2)
    for number in (0, 1):
        influence = influences[labels == number]
        assert abs(influence.sum()) < 0.01 * np.abs(influence).sum()
        assert 0.3 < np.mean(influence < 0) < 0.7


def test_predictions_of_another_shape_are_refused():
    with pytest.raises(InputError, match="predicted: expected the train mask's shape"):
        audit.votes(np.zeros((3, 4), int), np.zeros((4, 3), bool), np.zeros(3, int), 2)
