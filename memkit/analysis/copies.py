"""Identical images of a study: which train and test examples have the same pixels."""

import dataclasses

import numpy as np

from memkit import studies
from memkit.studies import Study
from memkit.typing import BoolArray, IntArray


@dataclasses.dataclass(frozen=True)
class Copies:
    """Identical images of a study.

    Attributes:
      groups: tuple of int arrays, train examples with the same pixels.
      in_train: {train example: [train examples that are its copies]}.
      in_test: {train example: [test examples that are its copies]}.
      conflicting: [N] bool, True if a copy has another label than the given label of the example.
    """

    groups: tuple[IntArray, ...]
    in_train: dict[int, list[int]]
    in_test: dict[int, list[int]]
    conflicting: BoolArray


def copies_of(study: Study) -> Copies:
    """Returns the identical images of a study."""
    examples, duplicates = study.examples, studies.duplicates(study)
    row = {name: i for i, name in enumerate(examples.train_ids.tolist())}
    test_row = {name: j for j, name in enumerate(examples.test_ids.tolist())}
    groups = tuple(np.array([row[name] for name in ids]) for ids in duplicates["train_groups"])
    in_train: dict[int, list[int]] = {}
    in_test: dict[int, list[int]] = {}
    conflicting = np.zeros(study.sizes.train, bool)
    given = examples.given_labels
    for group in groups:
        members = group.tolist()
        in_train |= {i: [other for other in members if other != i] for i in members}
        conflicting[group] = len(set(given[group].tolist())) > 1
    for name, test_name in duplicates["train_test_pairs"]:
        i, j = row[name], test_row[test_name]
        in_test.setdefault(i, []).append(j)
        conflicting[i] |= given[i] != examples.test_labels[j]
    return Copies(groups, in_train, in_test, conflicting)
