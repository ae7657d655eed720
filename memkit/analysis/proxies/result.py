"""Result of the question whether cheap scores predict memorization."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.results import point_arrays
from memkit.estimators import WithError
from memkit.proxies.canaries import Detection
from memkit.typing import Array


@dataclasses.dataclass(frozen=True)
class ProxyAgreement:
    """Agreement of a proxy with memorization from other runs, by one statistic.

    Attributes:
      averaged: of the proxy averaged over the runs of one half, -1 to 1.
      single: of the proxy of a single run, mean over runs.
      single_deviation: standard deviation of the latter over runs.
    """

    averaged: WithError
    single: float
    single_deviation: float


@dataclasses.dataclass(frozen=True)
class Leaderboard:
    """Agreement of every proxy with memorization, by the names of statistics.

    Attributes:
      num_runs: runs behind memorization.
      num_proxy_runs: runs behind the proxies, the first ones.
      reliability: {statistic: agreement of memorization between halves of the runs}.
      ceiling: {statistic: square root of the reliability}, the most that a proxy can reach.
      proxies: {proxy: {statistic: ProxyAgreement}}.
    """

    num_runs: int
    num_proxy_runs: int
    reliability: Mapping[str, float]
    ceiling: Mapping[str, WithError]
    proxies: Mapping[str, Mapping[str, ProxyAgreement]]


@dataclasses.dataclass(frozen=True)
class PointProxies:
    """Proxies at one point.

    Attributes:
      board: agreement with memorization over examples.
      means: {proxy: {group: mean over examples and runs}} in the proxy's own unit; the groups are
        "clean" and "planted", or "all" without planted labels.
      canaries: {score or proxy: how well it finds planted labels}; empty without planted labels.
    """

    board: Leaderboard
    means: Mapping[str, Mapping[str, WithError]]
    canaries: Mapping[str, Detection]


@dataclasses.dataclass(frozen=True)
class SeriesProxies:
    """Proxies across the sizes of one series.

    Attributes:
      points: names of the points.
      num_nonconstant: examples whose trajectory is not constant.
      num_nonconstant_clean: those of them whose label was not planted.
      board: agreement across sizes; statistics named *_clean leave out the planted labels.
    """

    points: tuple[str, ...]
    num_nonconstant: int
    num_nonconstant_clean: int
    board: Leaderboard


@dataclasses.dataclass(frozen=True, eq=False)
class Proxies:
    """Proxies at every point and across the sizes of every series.

    Attributes:
      num_runs: the most runs per point that proxies are computed from.
      points: {point: PointProxies}, of points with four runs or more.
      series: {series: SeriesProxies}, of series with two such points.
      planted_classes: {series: {"clean" or "planted": {class of trajectory: share}}}; empty without
        planted labels.
      averaged: {point: {proxy: [N] float32}}, proxies averaged over runs, in their own units.
    """

    num_runs: int
    points: Mapping[str, PointProxies]
    series: Mapping[str, SeriesProxies]
    planted_classes: Mapping[str, Mapping[str, Mapping[str, float]]]
    averaged: Mapping[str, Mapping[str, Array]] = point_arrays()
