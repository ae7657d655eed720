"""Joins the scores of a file to the examples of a study by id, and checks labels."""

import dataclasses
import re

import numpy as np

from memkit.comparisons.matching import match
from memkit.comparisons.published import Pairs, Published
from memkit.errors import expected
from memkit.typing import IntArray, TextArray

_NUMBERED = re.compile(r"([a-z]+)_(\d{1,18})")


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Ids and labels of a study's examples.

    Attributes:
      train_ids: [N] str.
      train_labels: [N] int, the labels of the source.
      given_labels: [N] int, the labels trained on; a file may hold either.
      test_ids: [T] str.
      test_labels: [T] int.
    """

    train_ids: TextArray
    train_labels: IntArray
    given_labels: IntArray
    test_ids: TextArray
    test_labels: IntArray


@dataclasses.dataclass(frozen=True, eq=False)
class Joined:
    """J scores of a file, each with its example in the study.

    Attributes:
      columns: [J] int64, columns of the study's train examples.
      positions: [J] int64, positions of the scores in the file.
      num_checked: number of labels, or of pairs of equal class, that were compared and agree.
      by: "id", "row number" or "position".
      num_ambiguous: number of ids of the file that are left out, see `matching.Matched`.
    """

    columns: IntArray
    positions: IntArray
    num_checked: int
    by: str
    num_ambiguous: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class JoinedPairs:
    """Pairs of a file both of whose examples are in a study.

    Attributes:
      train: [P] int64, columns of the study's train examples.
      test: [P] int64, columns of its test examples.
      positions: [P] int64, positions of the pairs in the file.
    """

    train: IntArray
    test: IntArray
    positions: IntArray


def join(published: Published, examples: Examples, *, is_original_order: bool = False) -> Joined:
    """Joins the scores of a file to the train examples of a study.

    If the file has ids, it is joined by them, see `matching.match`. Otherwise it is joined by the
    row numbers in the study's ids, such as 17 in `train_00017`, or else by position if every label
    agrees. Rows without ids are only accepted if labels agree, if the layout is documented to be in
    the data set's original order, or if the caller knows that they are.

    Args:
      is_original_order: True if the rows of the file are known to be in the original order.

    Raises:
      InputError: no example is in both, labels differ (the message says how many), ids repeat, or
        the order of the rows is unknown.
    """
    num_ambiguous = 0
    if published.ids is not None:
        matched = match(examples.train_ids, published.ids)
        columns, positions, by = matched.columns, matched.positions, "id"
        num_ambiguous = matched.num_ambiguous
    else:
        columns, positions, by = _by_row(published, examples)
    if not len(columns):
        received = "none of them"
        if published.ids is not None and len(published.ids):
            received = f"ids such as {published.ids[0]}"
        if num_ambiguous:
            received += f", {num_ambiguous} of which fit several examples"
        raise expected(
            "--with", f"ids or rows of the study, such as {examples.train_ids[0]}", received
        )
    checked = _check_labels(published, examples, columns, positions)
    pairs = None if published.pairs is None else join_pairs(published.pairs, examples)
    if not checked and pairs and published.pairs and published.pairs.same_class:
        checked = _check_pairs(pairs, examples)
    is_known = is_original_order or published.is_original_order or published.ids is not None
    if not checked and not is_known:
        raise expected(
            "--with",
            "a file with ids or labels (or --rows=original if its rows are in the data set's "
            "original order)",
            "rows of unknown order",
        )
    return Joined(columns, positions, checked, by, num_ambiguous)


def row_numbers(ids: TextArray) -> IntArray | None:
    """Returns the row numbers [N] int64 in ids such as `train_00017`, or None.

    Ids with different prefixes, such as `cat_1` and `dog_1`, have no common numbering, so they
    count as names.
    """
    matches = [match for name in ids.tolist() if (match := _NUMBERED.fullmatch(name))]
    if len(matches) < len(ids) or len({match[1] for match in matches}) > 1:
        return None
    numbers = np.array([int(match[2]) for match in matches], np.int64)
    return numbers if len(np.unique(numbers)) == len(numbers) else None


def _by_row(published: Published, examples: Examples) -> tuple[IntArray, IntArray, str]:
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


def _common(numbers: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    if len(np.unique(rows)) < len(rows):
        raise expected("--with", "a row number per example", "repeats")
    _, columns, positions = np.intersect1d(numbers, rows, return_indices=True)
    return columns, positions


def _check_labels(
    published: Published, examples: Examples, columns: IntArray, positions: IntArray
) -> int:
    """Returns the number of labels compared; raises an error if any of them differ."""
    if published.labels is None:
        return 0
    file_labels = published.labels[positions]
    wrong = min(
        np.count_nonzero(file_labels != labels[columns])
        for labels in (examples.train_labels, examples.given_labels)
    )
    if wrong:
        raise expected(
            "--with",
            f"the study's labels at the {len(columns)} examples that both have",
            f"{wrong} different labels",
        )
    return len(columns)


def join_pairs(pairs: Pairs, examples: Examples) -> JoinedPairs | None:
    """Joins the pairs of a file to a study; None if either side's examples cannot be joined."""
    sides = []
    for rows, names, ids in (
        (pairs.train, pairs.train_ids, examples.train_ids),
        (pairs.test, pairs.test_ids, examples.test_ids),
    ):
        if names is not None:
            sides.append(_columns_named(ids, names))
            continue
        numbers = row_numbers(ids)
        if numbers is None:
            return None
        sides.append(_columns_of(numbers, rows))
    train, test = sides
    positions = np.flatnonzero((train >= 0) & (test >= 0))
    return JoinedPairs(train[positions], test[positions], positions)


def _columns_named(ids: TextArray, names: TextArray) -> IntArray:
    """Returns the position in ids of each name, [P] int64; -1 if there is none."""
    unique_names, inverse = np.unique(names, return_inverse=True)
    matched = match(ids, unique_names)
    columns = np.full(len(unique_names), -1)
    columns[matched.positions] = matched.columns
    return columns[inverse]


def _columns_of(numbers: IntArray, rows: IntArray) -> IntArray:
    """Returns the position in numbers of each row number, [P] int64; -1 if there is none."""
    column = {number: position for position, number in enumerate(numbers.tolist())}
    return np.array([column[row] if row in column else -1 for row in rows.tolist()], np.int64)


def _check_pairs(pairs: JoinedPairs, examples: Examples) -> int:
    """Returns the number of pairs compared; raises an error if any is of different classes."""
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
