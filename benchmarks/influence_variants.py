"""Two ways to estimate the influence of every train on every test example, each in a fresh process.

  python -m benchmarks.influence_variants (streamed|dense) TRAIN TEST RUNS

prints one line of JSON: seconds of work, peak memory of the process in bytes, and what was found.
"""

import json
import resource
import sys
import time

import numpy as np

from memkit.estimators.influence import pairs
from memkit.estimators.top_influences import strongest

CLASSES, TOP = 10, 10
MIN_INFLUENCE, MIN_MEMORIZATION = 0.15, 0.25


def world(num_train, num_test, num_runs, seed=0):
    """Returns a made-up study: dict of train_mask, correct, memorization and labels.

    Outcomes of test examples have rates from 0.5 to 0.99, so that each of them varies and none
    can be skipped; one in ten answers to a train example of its class.
    """
    rng = np.random.default_rng(seed)
    train_mask, correct = (np.empty((num_runs, n), bool) for n in (num_train, num_test))
    rates = rng.uniform(0.5, 0.99, num_test)
    for run in range(num_runs):
        train_mask[run] = rng.random(num_train, np.float32) < 0.7
        correct[run] = rng.random(num_test, np.float32) < rates
    labels = {"given": np.arange(num_train) % CLASSES, "test": np.arange(num_test) % CLASSES}
    memorization = np.where(np.arange(num_train) // CLASSES % 20 == 0, 0.6, 0.1)
    for test in range(0, num_test, 10):
        train = (test * 20) % num_train // CLASSES * CLASSES + labels["test"][test]
        follows = rng.random(num_runs) < 0.5
        correct[:, test] = np.where(follows, train_mask[:, train], correct[:, test])
    return {
        "train_mask": train_mask,
        "correct": correct,
        "memorization": memorization,
        "labels": labels,
    }


def streamed(case):
    """Does what `memkit estimate` does; returns (pairs, strongest influence per test example)."""
    found = pairs(
        case["correct"],
        case["train_mask"],
        memorization=case["memorization"],
        given_labels=case["labels"]["given"],
        test_labels=case["labels"]["test"],
        min_influence=MIN_INFLUENCE,
        min_memorization=MIN_MEMORIZATION,
    )
    on_test, _ = strongest(case["correct"], case["train_mask"], TOP)
    return len(found.infl), on_test.infl[:, 0]


def dense(case):
    """Returns the matrix [T, N] of two masked means, as the published estimate is defined."""
    correct = case["correct"].T.astype(np.float32)
    inside = case["train_mask"].astype(np.float32)
    outside = 1 - inside
    inside /= np.maximum(inside.sum(axis=0), 1)
    outside /= np.maximum(outside.sum(axis=0), 1)
    return correct @ inside - correct @ outside


def read_dense(case, influence):
    """Returns the pairs and strongest influences of a dense matrix, to compare; is not timed."""
    member, labels = case["memorization"] >= MIN_MEMORIZATION, case["labels"]
    count = 0
    for label in range(CLASSES):
        train = np.flatnonzero(member & (labels["given"] == label))
        test = np.flatnonzero(labels["test"] == label)
        count += np.count_nonzero(influence[np.ix_(test, train)] >= MIN_INFLUENCE)
    return count, influence.max(axis=1)


def main(way, *sizes):
    case = world(*map(int, sizes))
    started = time.perf_counter()
    found = streamed(case) if way == "streamed" else dense(case)
    seconds = time.perf_counter() - started
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count, largest = found if way == "streamed" else read_dense(case, found)
    results = {
        "seconds": seconds,
        "peak": peak,
        "pairs": int(count),
        "largest": float(np.nansum(largest)),
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
