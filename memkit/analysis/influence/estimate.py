"""Influence of train on test examples, per point and kind of outcome."""

from collections.abc import Sequence

import numpy as np
from absl import logging

from memkit import studies
from memkit.analysis.influence.result import (
    Influence,
    OutcomeInfluence,
    PairCounts,
    PointInfluence,
    named,
)
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.estimators import discoveries, influence
from memkit.estimators.influence import Pairs
from memkit.estimators.top_influences import strongest
from memkit.studies import Study
from memkit.training import mask_product
from memkit.typing import Array, BoolArray, IntArray

# With fewer runs, noise alone passes the thresholds: at 400 runs, and a test example that half of
# the runs predict correctly, one train example in 300 has influence 0.15 by chance.
ENOUGH_RUNS = 1_000
SHOWN, SHOWN_FIRST, SHOWN_TESTS = 12, 4, 4


def analyze(study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> Influence:
    """Finds pairs of high influence and the strongest influences at every point."""
    points: dict[str, PointInfluence] = {}
    arrays: dict[str, dict[str, Array]] = {}
    for of_point in outcomes:
        if len(of_point.runs) < 2 or not study.sizes.test:
            continue
        name, num_runs = of_point.point.name, len(of_point.runs)
        by_outcome = {
            outcome: _of_outcome(study, of_point, outcome) for outcome in studies.OUTCOMES
        }
        counts = {outcome: counts for outcome, (counts, _) in by_outcome.items()}
        arrays[name] = named({outcome: influence for outcome, (_, influence) in by_outcome.items()})
        points[name] = PointInfluence(num_runs, counts)
        _log(name, points[name])
    return Influence(points, arrays)


def _of_outcome(
    study: Study, outcomes: PointOutcomes, outcome: str
) -> tuple[PairCounts, OutcomeInfluence]:
    options, mask = study.config["report"], outcomes.test_mask
    product, product_name = mask_product.choose(len(mask), study.sizes.train, study.sizes.test)
    logging.vlog(1, "%s: influence by %s", outcomes.point.name, product_name)
    test_outcome = getattr(outcomes, f"test_{outcome}")
    pairs = influence.pairs(
        test_outcome,
        mask,
        memorization=outcomes.estimates[outcome].value,
        given_labels=study.examples.given_labels,
        test_labels=study.examples.test_labels,
        min_influence=options["min_influence"],
        min_memorization=options["min_memorization"],
    )
    on_test, of_train = strongest(test_outcome, mask, options["top_k"], product=product)
    names = ("tr_idx", "tt_idx", "infl", "mem", "p", "q", "chance")
    arrays = OutcomeInfluence(
        **{name: getattr(pairs, name) for name in names},
        test_top_idx=on_test.index,
        test_top_infl=on_test.infl,
        train_top_idx=of_train.index,
        train_top_infl=of_train.infl,
        **_shown(study, pairs, test_outcome, mask),
    )
    counts = PairCounts(
        headline=influence.headline(pairs, num_test=study.sizes.test),
        pairs_q05=int(np.count_nonzero(pairs.q <= discoveries.LEVEL)),
        expected_by_chance=pairs.expected_by_chance,
        family_size=pairs.family_size,
        largest_q=pairs.largest_q,
    )
    return counts, arrays


def _log(point: str, influence: PointInfluence) -> None:
    if influence.num_runs >= ENOUGH_RUNS:
        return
    correct, prob = (influence.outcomes[name] for name in studies.OUTCOMES)
    logging.info(
        "%s: %d influence pairs (%d by probability) from %d runs; chance alone would give "
        "about %.3g (%.3g), so see their q",
        point,
        correct.headline.pairs,
        prob.headline.pairs,
        influence.num_runs,
        correct.expected_by_chance,
        prob.expected_by_chance,
    )


def choose_shown(pairs: Pairs) -> IntArray:
    """Returns the train examples to show, [P] int, by their strongest pair, strongest first.

    A few are the strongest; the others are evenly spaced over the rest, as in the figures of
    Feldman & Zhang, so that nobody picks them. Only pairs at q <= 0.05 count, if there are any.
    """
    is_significant = pairs.q <= discoveries.LEVEL
    train = pairs.tr_idx[is_significant] if is_significant.any() else pairs.tr_idx
    # Pairs are sorted by influence, so the first pair of an example is its strongest one.
    _, first_pairs = np.unique(train, return_index=True)
    train = train[np.sort(first_pairs)]
    spaced = np.linspace(0, max(len(train) - 1, 0), SHOWN - SHOWN_FIRST + 1).round().astype(int)
    chosen = np.unique(np.concatenate([np.arange(SHOWN_FIRST), spaced]))
    return train[chosen[chosen < len(train)]]


def _shown(
    study: Study, pairs: Pairs, test_outcome: Array, train_mask: BoolArray
) -> dict[str, Array]:
    """Returns the arrays of the rows of images: a train example and its strongest test examples.

    These are the test examples of its given label on which it has the most influence.
    """
    train = choose_shown(pairs)
    index = np.full((len(train), SHOWN_TESTS), -1)
    infl, q = np.full((2, *index.shape), np.nan)
    known = {(i, j): value for i, j, value in zip(pairs.tr_idx, pairs.tt_idx, pairs.q)}
    for row, example in enumerate(train):
        tests = np.flatnonzero(study.examples.test_labels == study.examples.given_labels[example])
        values = influence.influence_of(np.array([example]), test_outcome[:, tests], train_mask)[0]
        order = np.argsort(-values, kind="stable")[:SHOWN_TESTS]
        index[row, : len(order)], infl[row, : len(order)] = tests[order], values[order]
        q[row, : len(order)] = [
            known[example, j] if (example, j) in known else np.nan for j in tests[order]
        ]
    shown = {"tr_idx": train, "tt_idx": index, "infl": infl, "q": q}
    return {f"shown_{key}": array for key, array in shown.items()}
