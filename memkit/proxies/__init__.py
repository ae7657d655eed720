"""Proxies: cheap scores of an example, from its training history or from one trained network.

The proxy of example i in run m is defined if run m trained on i. `PROXIES` gives for each proxy its
meaning, the record arrays that it needs, and the direction that means harder (more memorized).
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from memkit.errors import missing, unknown
from memkit.proxies import final, history
from memkit.typing import Array, BoolArray, FloatArray


@dataclasses.dataclass(frozen=True)
class Proxy:
    """Definition of a proxy.

    Attributes:
      compute: function from the arrays of `needs`, [M, N] each, to values [M, N].
      needs: names of record arrays, or "given_labels".
      sign: 1 if higher = harder, -1 if lower = harder.
      meaning: one line with unit and range.
      source: the publication that it comes from.
    """

    compute: Callable[..., FloatArray]
    needs: tuple[str, ...]
    sign: int
    meaning: str
    source: str

    @property
    def direction(self) -> str:
        """Returns "higher = harder" or "lower = harder"."""
        return "higher = harder" if self.sign > 0 else "lower = harder"


PROXIES = {
    "cumulative_correctness": Proxy(
        history.cumulative_correctness,
        ("num_correct", "num_seen"),
        -1,
        "share of training presentations with the given label predicted, 0 to 1",
        "Jiang et al. 2021; cprox in Lukasik et al. 2024",
    ),
    "label_probability": Proxy(
        history.label_probability,
        ("prob_mean",),
        -1,
        "mean probability of the label over training, 0 to 1",
        "Swayamdipta et al. 2020 (confidence)",
    ),
    "probability_variance": Proxy(
        history.probability_variance,
        ("prob_variance",),
        1,
        "variance of the label's probability over training, 0 to 0.25",
        "Swayamdipta et al. 2020 (variability, squared)",
    ),
    "cumulative_loss": Proxy(
        history.cumulative_loss,
        ("loss_sum", "num_seen"),
        1,
        "sum of the loss over training, nats",
        "Ravikumar et al. 2025 (CSL)",
    ),
    "forgetting_events": Proxy(
        history.forgetting_events,
        ("num_forgotten", "num_correct", "num_seen"),
        1,
        "changes from right to wrong; all presentations if never right",
        "Toneva et al. 2019",
    ),
    "epoch_learned": Proxy(
        history.epoch_learned,
        ("epoch_learned", "num_seen"),
        1,
        "first epoch from which it stayed right; all epochs if never",
        "Baldock et al. 2021 (iteration learned)",
    ),
    "area_under_margin": Proxy(
        history.area_under_margin,
        ("margin_mean",),
        -1,
        "mean of label logit minus largest other logit over training",
        "Pleiss et al. 2020 (AUM)",
    ),
    "final_loss": Proxy(
        final.final_loss,
        ("train_logodds",),
        1,
        "loss of the trained network, nats",
        "baseline in Ravikumar et al. 2025",
    ),
    "final_margin": Proxy(
        final.final_margin,
        ("train_logodds",),
        -1,
        "log-odds of the label in the trained network",
        "Carlini et al. 2022 (logit scale)",
    ),
    "final_entropy": Proxy(
        final.final_entropy,
        ("train_probs",),
        1,
        "entropy of the trained network's prediction, nats",
        "Zhao et al. 2024, there the mean over epochs",
    ),
    "final_el2n": Proxy(
        final.final_el2n,
        ("train_probs", "given_labels"),
        1,
        "length of softmax minus one-hot label, trained network, 0 to 1.41",
        "Paul et al. 2021, there early in training",
    ),
    "ntk_memorization": Proxy(
        final.ntk_memorization,
        ("ntk_memorization",),
        1,
        "fall of the label's probability if it is left out of a linear fit to the network's "
        "gradients, -1 to 1",
        "kernel: Jacot et al. 2018; leaving out: Rad and Maleki 2020",
    ),
}


def label(name: str) -> str:
    """Returns the name of a proxy for readers, such as "cumulative loss"."""
    return name.replace("_", " ").replace("el2n", "EL2N").replace("ntk", "NTK")


def available(names: Iterable[str]) -> list[str]:
    """Returns the proxies, in the order of `PROXIES`, all of whose arrays are among the names.

    Examples:
      >>> available(["prob_mean", "train_logodds"])
      ['label_probability', 'final_loss', 'final_margin']
    """
    return [name for name, proxy in PROXIES.items() if set(proxy.needs) <= set(names)]


def in_sample(
    name: str, arrays: Mapping[str, Array], train_mask: BoolArray
) -> npt.NDArray[np.float32]:
    """Computes a proxy where it is defined: for each example, in the runs that trained on it.

    Args:
      name: a key of `PROXIES`.
      arrays: {record array name: [M, N] or [M, N, C]}, and "given_labels" [N].
      train_mask: [M, N] bool, True where run m trained on example i.

    Returns:
      [M, N] float32 in the proxy's unit and direction; NaN if run m did not train on example i or
      its batches never contained it.

    Raises:
      InputError: the proxy is unknown, or an array that it needs is missing.

    Examples:
      >>> mask = np.array([[True, False]])
      >>> in_sample("label_probability", {"prob_mean": np.array([[0.75, 0.5]])}, mask).tolist()
      [[0.75, nan]]
    """
    if name not in PROXIES:
        raise unknown("name", name, PROXIES, kind="proxy")
    proxy = PROXIES[name]
    absent = [need for need in proxy.needs if need not in arrays]
    if absent:
        raise missing("arrays", f"{', '.join(absent)} for {name}")
    values = proxy.compute(*(arrays[need] for need in proxy.needs))
    return np.where(train_mask, values, np.nan).astype(np.float32)


def hardness(name: str, values: FloatArray) -> FloatArray:
    """Returns the values of a proxy with the sign for which higher = harder (more memorized).

    Examples:
      >>> hardness("label_probability", np.array([0.9, 0.1])).tolist()
      [-0.9, -0.1]
    """
    return PROXIES[name].sign * values


def average(values: npt.ArrayLike) -> FloatArray:
    """Returns the mean over runs [N] float64 of proxy values [M, N], without NaN.

    NaN for an example without a value in any run.

    Examples:
      >>> average([[0.5, np.nan], [1.0, np.nan]]).tolist()
      [0.75, nan]
    """
    values = np.asarray(values, np.float64)
    count = np.count_nonzero(~np.isnan(values), axis=0)
    total = np.where(np.isnan(values), 0, values).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def weighted_average(values: Array, member: BoolArray, weights: npt.ArrayLike) -> FloatArray:
    """Returns weighted means [R, N] of the members among values [M, N]; NaN without weight.

    Args:
      values: [M, N]; only members are used.
      member: [M, N] bool.
      weights: [R, M], how often run m counts in each of R replicates.
    """
    weights = np.asarray(weights, np.float64)
    count = weights @ member.astype(np.float64)
    total = weights @ np.where(member, values, 0).astype(np.float64)
    return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)
