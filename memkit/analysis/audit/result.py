"""Result of the question which labels are likely wrong."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.results import arrays
from memkit.typing import FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class PlantedFound:
    """Planted labels among those called mislabeled.

    Attributes:
      count: number of planted labels.
      judged: those of them that enough runs held out.
      found: those of them that are called mislabeled.
      precision: share of planted labels among all that are called mislabeled; NaN if none is.
      recall: share of the planted labels that are called mislabeled.
    """

    count: int
    judged: int
    found: int
    precision: float
    recall: float


@dataclasses.dataclass(frozen=True, eq=False)
class AuditedExamples:
    """The evidence about N train examples, of which L are listed.

    Attributes:
      order: [L] int, the listed examples, most suspect first.
      kind: [N] int, indices into `estimators.audit.KINDS`.
      score: [N] float, 1 - out-of-sample probability of the given label, higher = more suspect; NaN
        where too few runs held an example out.
      out_prob: [N] float, out-of-sample probability of the given label.
      out_prob_lower: [N] float, lower end of its 95% interval.
      out_prob_upper: [N] float, upper end.
      given_share: [N] float, share of the votes for the given label.
      rival: [N] int, the other class with the most votes; -1 without one.
      rival_share: [N] float, its share of the votes.
      rarity: [N] float in [0, 1), share of the images with undisputed labels that are nearer to
        their class than the image is to its rival, see `estimators.rarity`; higher = rather rare
        than mislabeled; NaN without a rival and above 100,000 examples.
      memorization: [N] float, the pooled score.
      memorization_lower: [N] float, lower end of its 95% interval.
      memorization_upper: [N] float, upper end.
      memorization_raw: [N] float, by the outcome right or wrong, from each example alone.
      class_influence: [N] float, influence on the test examples of the given label, relative to the
        other train examples of this label.
      class_influence_stderr: [N] float.
      num_out: [N] int, number of runs that trained on neither the example nor a copy.
      copy: [N] int, a train example with the same pixels; -1 without one.
      test_copy: [N] int, a test example with the same pixels; -1 without one.
    """

    order: IntArray
    kind: IntArray
    score: FloatArray
    out_prob: FloatArray
    out_prob_lower: FloatArray
    out_prob_upper: FloatArray
    given_share: FloatArray
    rival: IntArray
    rival_share: FloatArray
    rarity: FloatArray
    memorization: FloatArray
    memorization_lower: FloatArray
    memorization_upper: FloatArray
    memorization_raw: FloatArray
    class_influence: FloatArray
    class_influence_stderr: FloatArray
    num_out: IntArray
    copy: IntArray
    test_copy: IntArray


@dataclasses.dataclass(frozen=True, eq=False)
class LabelAudit:
    """The audit of the given labels at one point.

    Attributes:
      point: name of the point.
      num_runs: number of runs.
      held_out: fewest and most runs that held an example out.
      kinds: {kind: number of examples}, see `estimators.audit.audit`.
      conflicting: train examples that have an exact copy with another label.
      planted: None without planted labels.
      accuracy: share of the given labels that the runs predict on the examples they trained on, 0
        to 1; low if they learned little.
      chance: share of the most frequent given label, which a constant prediction reaches.
      planned: number of runs that the study has when it is finished.
      missing: {why runs are missing, "diverged", "blocked", "damaged", "failed" or "not finished":
        how many}.
      small: {class with fewer than `estimators.audit.LEAST_MEMBERS` train examples: how many}, the
        smallest first.
      test_copies: test examples with the same pixels as a train example.
      examples: None if the point has no usable run.
    """

    point: str
    num_runs: int
    held_out: tuple[int, int]
    kinds: Mapping[str, int]
    conflicting: int
    planted: PlantedFound | None
    accuracy: float
    chance: float
    planned: int
    missing: Mapping[str, int]
    small: Mapping[str, int]
    test_copies: int
    examples: AuditedExamples | None = arrays()
