"""Content of a published score file, independent of its layout."""

import dataclasses

from memkit.typing import FloatArray, IntArray, TextArray

# {quantity: its direction}
QUANTITIES = {
    "memorization": "higher = more memorized",
    "consistency": "higher = easier",
    "score": "direction unknown",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """P pairs of a train and a test example.

    Attributes:
      train: [P] int64, row of the train example in the file's order.
      test: [P] int64, row of the test example in the file's order.
      influence: [P] float64, of the train on the test example; higher = helps more.
      memorization: [P] float64, of the train example; NaN where unknown.
      same_class: True if all pairs are of equal class.
      train_ids: [P] str, or None if the file has only row numbers.
      test_ids: [P] str, or None.
    """

    train: IntArray
    test: IntArray
    influence: FloatArray
    memorization: FloatArray
    same_class: bool
    train_ids: TextArray | None = None
    test_ids: TextArray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Published:
    """Scores of n train examples, in the order of the file.

    Attributes:
      layout: layout of the file, a key of `readers.LAYOUTS`.
      quantity: a key of `QUANTITIES`.
      values: [n] float64; NaN where undefined.
      rows: [n] int64, row of each example in the file's own order, from 0.
      ids: [n] str, or None if the file has only row numbers.
      labels: [n] int64, or None.
      is_original_order: True if the layout is documented to number examples in the data set's
        original order.
      pairs: high-influence pairs, or None.
      facts: {text: number}, further numbers of the file, such as its number of runs.
    """

    layout: str
    quantity: str
    values: FloatArray
    rows: IntArray
    ids: TextArray | None = None
    labels: IntArray | None = None
    is_original_order: bool = False
    pairs: Pairs | None = None
    facts: dict[str, float] = dataclasses.field(default_factory=dict)
