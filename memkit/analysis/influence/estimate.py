"""Influence of train on test examples, per point and kind of outcome."""

import numpy as np
from absl import logging

from memkit import big_arrays, studies
from memkit.estimators import discoveries, influence
from memkit.estimators.top_influences import strongest
from memkit.training import mask_product

# With fewer, thresholds alone let noise through: at 400 runs one partner in 300 of a test example
# that is right in half of the runs has influence 0.15 by accident.
ENOUGH_RUNS = 1_000
SHOWN, SHOWN_FIRST, SHOWN_TESTS = 12, 4, 4


def analyze(study, outcomes):
    """Finds pairs of high influence and the strongest influences; writes influence.npz per point.

    Args:
      study: Study with estimates.
      outcomes: PointOutcomes of every point.

    Returns:
      {point: {"num_runs", "correct": numbers, "prob": numbers}} of points with at least 2 runs,
      in a study with test examples: `influence.headline`, and "pairs_q05", pairs at a false
      discovery rate of at most 0.05; "expected_by_chance", "family_size" and "largest_q", see
      `influence.Pairs`.
    """
    return {
        found.point.name: _of_point(study, found)
        for found in outcomes
        if len(found.index) >= 2 and study.sizes.test
    }


def _of_point(study, found):
    options = study.config["report"]
    train_mask = big_arrays.take(study.train_mask, found.index)
    estimates = studies.read_estimates(study, found.point)
    product, name = mask_product.choose(*train_mask.shape, study.sizes.test)
    arrays, numbers = {}, {"num_runs": len(found.index)}
    for outcome in studies.OUTCOMES:
        test_outcome = getattr(found, f"test_{outcome}")
        pairs = influence.pairs(
            test_outcome,
            train_mask,
            memorization=estimates[outcome].value,
            given_labels=study.examples.given_labels,
            test_labels=study.examples.test_labels,
            min_influence=options["min_influence"],
            min_memorization=options["min_memorization"],
        )
        on_test, of_train = strongest(test_outcome, train_mask, options["top_k"], product=product)
        parts = {key: getattr(pairs, key) for key in ("tr_idx", "tt_idx", "infl", "mem", "p", "q")}
        parts |= {"test_top_idx": on_test.index, "test_top_infl": on_test.infl}
        parts |= {"train_top_idx": of_train.index, "train_top_infl": of_train.infl}
        parts |= _shown(study, pairs, test_outcome, train_mask)
        # The papers' outcome carries the published names.
        prefix = "" if outcome == "correct" else f"{outcome}_"
        arrays |= {prefix + key: array for key, array in parts.items()}
        numbers[outcome] = _numbers(pairs, study.sizes.test)
    studies.write_arrays(study, "influence", arrays, point=found.point)
    _tell(found.point.name, numbers, name)
    return numbers


def _numbers(pairs, num_test):
    return influence.headline(pairs, num_test=num_test) | {
        "pairs_q05": int(np.count_nonzero(pairs.q <= discoveries.LEVEL)),
        "expected_by_chance": pairs.expected_by_chance,
        "family_size": pairs.family_size,
        "largest_q": pairs.largest_q,
    }


def _tell(point, numbers, product):
    logging.vlog(1, "%s: influence by %s", point, product)
    if numbers["num_runs"] >= ENOUGH_RUNS:
        return
    logging.info(
        "%s: %d influence pairs (%d by probability) from %d runs, of which chance alone would give "
        "about %.3g (%.3g); see their q",
        point,
        numbers["correct"]["pairs"],
        numbers["prob"]["pairs"],
        numbers["num_runs"],
        numbers["correct"]["expected_by_chance"],
        numbers["prob"]["expected_by_chance"],
    )


def choose_shown(pairs):
    """Returns the train examples to show [P] int, those of the strongest pairs first.

    A few are the strongest, the others are evenly spaced over the rest, as in the figures of
    Feldman & Zhang: nobody picks them. Pairs at q <= 0.05 alone, if there are any.
    """
    believed = pairs.q <= discoveries.LEVEL
    train = pairs.tr_idx[believed] if believed.any() else pairs.tr_idx
    # Pairs come the strongest first, so an example's first place is its strongest pair.
    _, places = np.unique(train, return_index=True)
    train = train[np.sort(places)]
    spaced = np.linspace(0, max(len(train) - 1, 0), SHOWN - SHOWN_FIRST + 1).round().astype(int)
    chosen = np.unique(np.concatenate([np.arange(SHOWN_FIRST), spaced]))
    return train[chosen[chosen < len(train)]]


def _shown(study, pairs, test_outcome, train_mask):
    """Returns arrays of the rows of images: a train example, its strongest tests of its class."""
    train = choose_shown(pairs)
    index = np.full((len(train), SHOWN_TESTS), -1)
    infl, q = np.full((2, *index.shape), np.nan)
    known = {(i, j): value for i, j, value in zip(pairs.tr_idx, pairs.tt_idx, pairs.q)}
    for row, example in enumerate(train):
        tests = np.flatnonzero(study.examples.test_labels == study.examples.given_labels[example])
        values = influence.influence_of([example], test_outcome[:, tests], train_mask)[0]
        order = np.argsort(-values, kind="stable")[:SHOWN_TESTS]
        index[row, : len(order)], infl[row, : len(order)] = tests[order], values[order]
        q[row, : len(order)] = [
            known[example, j] if (example, j) in known else np.nan for j in tests[order]
        ]
    shown = {"tr_idx": train, "tt_idx": index, "infl": infl, "q": q}
    return {f"shown_{key}": array for key, array in shown.items()}
