import types

import numpy as np
import pytest

from memkit import errors, proxies, records
from memkit.training.history import History

EPOCHS, EXAMPLES, RUNS, CLASSES = 7, 12, 3, 4
OF_THE_END = ("final", "ntk")  # proxies from the trained network, not from its history


def _presentations(run):
    """Simulates what each epoch says of each example; example 0 is unseen, 1 never right."""
    rng = np.random.default_rng(run)
    is_shown = rng.random((EPOCHS, EXAMPLES)) < 0.8
    is_shown[:, 0] = False
    is_shown[0, 1:] = True
    correct = rng.random((EPOCHS, EXAMPLES)) < 0.6
    correct[:, 1] = False
    prob = rng.uniform(0.02, 0.98, (EPOCHS, EXAMPLES))
    return is_shown, correct, prob, rng.normal(size=(EPOCHS, EXAMPLES))


def _record(run):
    is_shown, correct, prob, margin = _presentations(run)
    history = History(EXAMPLES, EPOCHS)
    for epoch in range(EPOCHS):
        rows = np.flatnonzero(is_shown[epoch])
        loss = -np.log(prob[epoch, rows])
        outcome = types.SimpleNamespace(
            correct=correct[epoch, rows], loss=loss, margin=margin[epoch, rows]
        )
        history.add(epoch, rows, outcome)
    rng = np.random.default_rng(100 + run)
    probs = rng.dirichlet(np.ones(CLASSES), EXAMPLES)
    label_prob = probs[np.arange(EXAMPLES), LABELS]
    return history.arrays() | {
        "train_logodds": np.log(label_prob / (1 - label_prob)).astype(np.float16),
        "train_probs": probs.astype(np.float16),
        "ntk_memorization": rng.uniform(-1, 1, EXAMPLES).astype(np.float32),
    }


LABELS = np.arange(EXAMPLES) % CLASSES


def _arrays():
    result = [_record(run) for run in range(RUNS)]
    return {name: np.stack([r[name] for r in result]) for name in result[0]} | {
        "given_labels": LABELS
    }


def _slow_history(run, i):
    """Goes through one example's presentations in order."""
    is_shown, correct, prob, margin = _presentations(run)
    times = [e for e in range(EPOCHS) if is_shown[e, i]]
    answers = [bool(correct[e, i]) for e in times]
    probs = [prob[e, i] for e in times]
    forgotten = sum(a and not b for a, b in zip(answers, answers[1:], strict=False))
    learned = EPOCHS
    for start in range(len(times)):
        if all(answers[start:]):
            learned = times[start]
            break
    return {
        "cumulative_correctness": sum(answers) / len(times),
        "label_probability": sum(probs) / len(probs),
        "probability_variance": sum((p - sum(probs) / len(probs)) ** 2 for p in probs) / len(probs),
        "cumulative_loss": sum(-np.log(p) for p in probs),
        "forgetting_events": forgotten if any(answers) else len(times),
        "epoch_learned": learned,
        "area_under_margin": sum(margin[e, i] for e in times) / len(times),
    }


def _slow_final(run, i):
    record = _record(run)
    p = [float(x) for x in record["train_probs"][i]]
    label = LABELS[i]
    q = 1 / (1 + np.exp(-float(record["train_logodds"][i])))
    return {
        "final_loss": -np.log(q),
        "final_margin": np.log(q) - np.log(1 - q),
        "final_entropy": -sum(x * np.log(x) for x in p if x > 0),
        "final_el2n": sum((x - (c == label)) ** 2 for c, x in enumerate(p)) ** 0.5,
        "ntk_memorization": float(record["ntk_memorization"][i]),
    }


@pytest.mark.parametrize("name", proxies.PROXIES)
def test_proxies_equal_a_slow_loop_over_presentations(name):
    values = proxies.in_sample(name, _arrays(), np.ones((RUNS, EXAMPLES), bool))
    slow = _slow_final if name.startswith(OF_THE_END) else _slow_history
    for run in range(RUNS):
        for i in range(1, EXAMPLES):
            assert values[run, i] == pytest.approx(slow(run, i)[name], rel=3e-3, abs=2e-3), (run, i)


@pytest.mark.parametrize("name", proxies.PROXIES)
def test_examples_out_of_the_subset_or_never_seen_are_nan(name):
    mask = np.random.default_rng(5).random((RUNS, EXAMPLES)) < 0.5
    values = proxies.in_sample(name, _arrays(), mask)
    expected = ~mask
    if not name.startswith(OF_THE_END):
        expected = expected | (np.arange(EXAMPLES) == 0)
    np.testing.assert_array_equal(np.isnan(values), expected)


def test_never_learned_examples_are_harder_than_forgotten_ones():
    arrays = _arrays()
    mask = np.ones((RUNS, EXAMPLES), bool)
    for name in ("forgetting_events", "epoch_learned", "cumulative_correctness"):
        hard = proxies.hardness(name, proxies.in_sample(name, arrays, mask))
        assert (hard[:, 1] >= np.nanmax(hard[:, 2:], axis=1)).all(), name


def test_hardness_is_larger_for_harder_examples():
    """A hard and an easy example; the variance alone has its direction by convention."""
    easy = {"num_seen": 10, "num_correct": 10, "num_forgotten": 0, "epoch_learned": 0}
    easy |= {"loss_sum": 0.1, "prob_mean": 0.99, "prob_variance": 0.001, "margin_mean": 5.0}
    hard = {"num_seen": 10, "num_correct": 4, "num_forgotten": 2, "epoch_learned": 8}
    hard |= {"loss_sum": 9.0, "prob_mean": 0.4, "prob_variance": 0.1, "margin_mean": -1.0}
    arrays = {name: np.array([[easy[name], hard[name]]]) for name in easy}
    arrays["train_logodds"] = np.array([[6.0, -0.5]])
    arrays["train_probs"] = np.array([[[0.99, 0.01], [0.6, 0.4]]])
    arrays["ntk_memorization"] = np.array([[0.02, 0.7]])
    arrays["given_labels"] = np.array([0, 1])
    for name in proxies.PROXIES:
        values = proxies.in_sample(name, arrays, np.ones((1, 2), bool))
        assert np.diff(proxies.hardness(name, values))[0, 0] > 0, name


def test_final_loss_and_margin_rank_one_run_alike():
    arrays, mask = _arrays(), np.ones((RUNS, EXAMPLES), bool)
    loss, margin = (
        proxies.hardness(n, proxies.in_sample(n, arrays, mask))
        for n in ("final_loss", "final_margin")
    )
    np.testing.assert_array_equal(loss.argsort(axis=1), margin.argsort(axis=1))


def test_computing_a_proxy_does_not_modify_the_record():
    arrays = _arrays()
    before = {name: array.copy() for name, array in arrays.items()}
    for name in proxies.PROXIES:
        proxies.in_sample(name, arrays, np.ones((RUNS, EXAMPLES), bool))
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_proxies_need_only_arrays_of_records():
    for name, proxy in proxies.PROXIES.items():
        assert set(proxy.needs) <= set(records.SCHEMA) | {"given_labels"}, name
        assert proxy.sign in (-1, 1)
        assert proxy.direction == ("higher = harder" if proxy.sign == 1 else "lower = harder")


def test_available_proxies_have_all_their_arrays():
    assert proxies.available(["train_logodds"]) == ["final_loss", "final_margin"]
    assert proxies.available([*records.SCHEMA, "given_labels"]) == list(proxies.PROXIES)
    assert "final_entropy" not in proxies.available(set(records.SCHEMA) - {"train_probs"})


def test_unknown_proxies_and_missing_arrays_raise_an_error():
    with pytest.raises(errors.InputError, match="name: unknown proxy"):
        proxies.in_sample("csl", {}, np.ones((1, 2), bool))
    with pytest.raises(errors.InputError, match="arrays: missing num_seen"):
        proxies.in_sample("cumulative_loss", {"loss_sum": np.ones((1, 2))}, np.ones((1, 2), bool))


def test_average_is_the_mean_over_the_runs_that_have_a_value():
    values = np.array([[1.0, np.nan, np.nan], [4.0, 2.0, np.nan]])
    np.testing.assert_array_equal(proxies.average(values), [2.5, 2.0, np.nan])


def test_labels_are_words():
    assert proxies.label("final_el2n") == "final EL2N"
    assert proxies.label("cumulative_loss") == "cumulative loss"
