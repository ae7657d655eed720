"""Training history: per-example sums over the training steps, gathered without extra passes.

NumPy only. An example occurs at most once in an epoch, so an epoch's arrays are added at once.
"""

from collections.abc import Mapping

import numpy as np

from memkit.training.engines import Steps
from memkit.typing import Array, IntArray


class History:
    """Running sums over the presentations of each example in one run.

    Each example is judged by the model just before the step that trains on it, in training mode
    and on the augmented image, as in Toneva et al. (ICLR 2019) and Swayamdipta et al. (EMNLP 2020).
    """

    def __init__(self, num_examples: int, num_epochs: int) -> None:
        """Creates the history of a run that has not seen any example yet."""
        self._epochs = num_epochs
        self._counts = np.zeros((3, num_examples), np.int64)  # seen, correct, forgotten
        self._sums = np.zeros((4, num_examples))  # loss, probability, its square, margin
        self._learned = np.full(num_examples, num_epochs)
        self._was_correct = np.zeros(num_examples, bool)

    def add(self, epoch: int, index: IntArray, outcome: Steps) -> None:
        """Adds one epoch.

        Args:
          epoch: number of the epoch, from 0.
          index: [T, B] int, rows of the examples, each at most once.
          outcome: the outcomes of the steps, [T, B] as well.
        """
        rows = index.ravel()
        correct, loss = outcome.correct.ravel(), outcome.loss.ravel().astype(np.float64)
        prob = np.exp(-loss)
        forgotten = self._was_correct[rows] & ~correct
        self._counts[:, rows] += np.stack([np.ones_like(correct), correct, forgotten])
        self._sums[:, rows] += np.stack([loss, prob, prob**2, outcome.margin.ravel()])
        newly_correct = correct & ~self._was_correct[rows]
        self._learned[rows[newly_correct]] = epoch
        self._learned[rows[~correct]] = self._epochs
        self._was_correct[rows] = correct

    def state(self) -> dict[str, Array]:
        """Returns {name: array} of all sums, which `restore` takes."""
        return {
            "counts": self._counts,
            "sums": self._sums,
            "learned": self._learned,
            "was_correct": self._was_correct,
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        """Replaces the sums by a `state` of the same run; other entries are ignored."""
        for name, array in self.state().items():
            array[:] = state[name]

    def arrays(self) -> dict[str, Array]:
        """Returns the history arrays of `records.SCHEMA`; means of unseen examples are NaN."""
        seen = np.where(self._counts[0] > 0, self._counts[0], np.nan)
        loss, prob, square, margin = self._sums
        mean = prob / seen
        limit = np.finfo(np.float16).max
        return {
            "num_seen": self._counts[0].astype(np.uint16),
            "num_correct": self._counts[1].astype(np.uint16),
            "num_forgotten": self._counts[2].astype(np.uint16),
            "epoch_learned": self._learned.astype(np.uint16),
            "loss_sum": loss.astype(np.float32),
            "prob_mean": mean.astype(np.float16),
            "prob_variance": np.maximum(square / seen - mean**2, 0).astype(np.float16),
            "margin_mean": np.clip(margin / seen, -limit, limit).astype(np.float16),
        }
