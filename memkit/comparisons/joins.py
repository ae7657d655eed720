"""Which score of a file belongs to which example of a study: by id, with labels checked."""

import dataclasses
import re

import numpy as np

from memkit.errors import expected

_NUMBERED = re.compile(r"[a-z]+_(\d+)")


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """What a join needs to know of a study.

    Attributes:
      train_ids: [N] str.
      train_labels: [N] int, as the source has them.
      given_labels: [N] int, trained on; a file may have either.
      test_ids: [T] str.
      test_labels: [T] int.
    """

    train_ids: np.ndarray
    train_labels: np.ndarray
    given_labels: np.ndarray
    test_ids: np.ndarray
    test_labels: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Joined:
    """J scores of a file, each with its example.

    Attributes:
      columns: [J] int64, which train examples of the study.
      places: [J] int64, which scores of the file.
      num_checked: int, labels, or pairs of equal class, that were compared and agree.
      by: "id", "row number" or "position".
    """

    columns: np.ndarray
    places: np.ndarray
    num_checked: int
    by: str


@dataclasses.dataclass(frozen=True, eq=False)
class JoinedPairs:
    """Pairs of a file whose two examples a study has.

    Attributes:
      train: [P] int64, columns of the study's train examples.
      test: [P] int64, columns of its test examples.
      places: [P] int64, which pairs of the file.
    """

    train: np.ndarray
    test: np.ndarray
    places: np.ndarray


def join(published, examples, *, is_original_order=False):
    """Joins the scores of a file to the train examples of a study.

    By id where the file has ids (whole, else the last part of a path); else by the row number in
    the study's ids, such as 17 in `train_00017`; else by position, where every label agrees.
    Rows without ids are only believed where labels agree, the layout is documented to be in the
    original order, or the caller says that it is.

    Args:
      published: Published.
      examples: Examples.
      is_original_order: the rows of the file are known to be in the data set's original order.

    Returns:
      Joined.

    Raises:
      InputError: no common example, labels that differ (says how many), ids that repeat, or rows
        of unknown order.
    """
    if published.ids is not None:
        columns, places = match(examples.train_ids, published.ids)
        by = "id"
    else:
        columns, places, by = _by_row(published, examples)
    if not len(columns):
        raise expected(
            "--with",
            f"ids or rows of the study, such as {examples.train_ids[0]}",
            "none of them" if published.ids is None else f"ids such as {published.ids[0]}",
        )
    checked = _check_labels(published, examples, columns, places)
    pairs = None if published.pairs is None else join_pairs(published.pairs, examples)
    if not checked and pairs is not None and published.pairs.same_class:
        checked = _check_pairs(pairs, examples)
    is_known = is_original_order or published.is_original_order or published.ids is not None
    if not checked and not is_known:
        raise expected(
            "--with",
            "a file with ids or labels (or --rows=original where its rows are in the data set's "
            "original order)",
            "rows of unknown order",
        )
    return Joined(columns, places, checked, by)


def match(ids, others):
    """Returns (places in ids, places in others) of the ids that both have, [J] int64 each.

    Raises:
      InputError: `others` repeats an id.
    """
    for shorten in (str, _last_part):
        found = {shorten(name): place for place, name in enumerate(others.tolist())}
        if len(found) < len(others):
            raise expected("--with", "an id per example", f"{len(others) - len(found)} repeats")
        common = [
            (place, found[shorten(name)])
            for place, name in enumerate(ids.tolist())
            if shorten(name) in found
        ]
        if common:
            break
    return tuple(np.array(common, np.int64).reshape(-1, 2).T)


def _last_part(name):
    return name.replace("\\", "/").rpartition("/")[2]


def row_numbers(ids):
    """Returns the row numbers that ids such as `train_00017` carry, [N] int64, or None."""
    found = [_NUMBERED.fullmatch(name) for name in ids.tolist()]
    if not all(found):
        return None
    return np.array([int(one[1]) for one in found], np.int64)


def _by_row(published, examples):
    numbers = row_numbers(examples.train_ids)
    if numbers is not None:
        return *_common(numbers, published.rows), "row number"
    labels = (examples.train_labels, examples.given_labels)
    if published.labels is not None and any(np.array_equal(published.labels, a) for a in labels):
        everything = np.arange(len(published.values))
        return everything, everything, "position"
    raise expected(
        "--with",
        f"a file with ids, for a study with ids such as {examples.train_ids[0]}",
        "rows without ids",
    )


def _common(numbers, rows):
    if len(np.unique(rows)) < len(rows):
        raise expected("--with", "a row number per example", "repeats")
    _, columns, places = np.intersect1d(numbers, rows, return_indices=True)
    return columns, places


def _check_labels(published, examples, columns, places):
    """Returns how many labels were compared; refuses any that differs."""
    if published.labels is None:
        return 0
    theirs = published.labels[places]
    wrong = min(
        np.count_nonzero(theirs != labels[columns])
        for labels in (examples.train_labels, examples.given_labels)
    )
    if wrong:
        raise expected(
            "--with",
            f"the study's labels at the {len(columns)} examples that both have",
            f"{wrong} other labels",
        )
    return len(columns)


def join_pairs(pairs, examples):
    """Returns the JoinedPairs of a file's pairs and a study; None where tests cannot be joined."""
    sides = []
    for rows, names, ids in (
        (pairs.train, pairs.train_ids, examples.train_ids),
        (pairs.test, pairs.test_ids, examples.test_ids),
    ):
        numbers = row_numbers(ids)
        if names is None and numbers is None:
            return None
        keys, wanted = (ids, names) if names is not None else (numbers, rows)
        column = {key: place for place, key in enumerate(keys.tolist())}
        sides.append([column[key] if key in column else -1 for key in wanted.tolist()])
    train, test = np.array(sides, np.int64).reshape(2, -1)
    places = np.flatnonzero((train >= 0) & (test >= 0))
    return JoinedPairs(train[places], test[places], places)


def _check_pairs(pairs, examples):
    """Returns how many pairs were found to be of equal class, as they all should be."""
    wrong = min(
        np.count_nonzero(labels[pairs.train] != examples.test_labels[pairs.test])
        for labels in (examples.train_labels, examples.given_labels)
    )
    if wrong:
        raise expected(
            "--with",
            "pairs of equal class (is the study in the data set's original order?)",
            f"{wrong} of {len(pairs.train)} pairs of different classes",
        )
    return len(pairs.train)
