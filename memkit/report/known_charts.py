"""Every chart of a report: the functions that draw it, and what a study needs for it.

A chart consists of two functions of one module, `<prefix>table` and `<prefix>chart`, which also
take numbers that come from elsewhere than a study.
"""

import dataclasses
from collections.abc import Mapping

from memkit.errors import InputError, expected, unknown
from memkit.report.blocks import Chart, Figure


@dataclasses.dataclass(frozen=True)
class KnownChart:
    """A chart, or a family of charts whose names begin in the same way.

    Attributes:
      module: the module of its functions, below `memkit.analysis`.
      prefix: how the names of its two functions begin; "" for `table` and `chart`.
      needs: what a study needs so that it has the chart.
    """

    module: str
    prefix: str
    needs: str


_RUNS = "finished runs"
_AXIS = "a series of two sizes or more with finished runs"
_SIZES = "a series with two runs in common at every size"
_INFLUENCE = "pairs that reach report.min_influence and report.min_memorization"
_PROXIES = "a point with four finished runs"
_PLANTED = "planted labels (labels.planted_fraction)"
_DISTILLED = "a distilled series"

# {name, or how the names of a family begin}: families end with "_". In the order of the report.
KNOWN = {
    "accuracy": KnownChart("accuracy.chart", "", _RUNS),
    "mean_memorization": KnownChart("distribution.means_chart", "", _RUNS),
    "memorization_histograms": KnownChart("distribution.chart", "", _RUNS),
    "noisy_histograms": KnownChart(
        "distribution.chart", "", f"{_RUNS}, in a design other than leave_one_out"
    ),
    "trajectory_classes": KnownChart("trajectories.chart", "", _AXIS),
    "example_trajectories": KnownChart("trajectories.examples_chart", "", _AXIS),
    "mean_trajectories": KnownChart("trajectories.chart", "mean_", _AXIS),
    "planted_detection": KnownChart("planted.chart", "", _PLANTED),
    "distribution_ends": KnownChart("size_changes.chart", "", _SIZES),
    "means_unsaturated": KnownChart("size_changes.chart", "means_", _SIZES),
    "distillation_means": KnownChart("distillation.chart", "means_", _DISTILLED),
    "distillation_classes_": KnownChart(
        "distillation.chart", "class_", f"{_DISTILLED} of two sizes or more"
    ),
    "distillation_joint_": KnownChart("distillation.chart", "joint_", _DISTILLED),
    "influence": KnownChart("influence.chart", "", _INFLUENCE),
    "influence_prob": KnownChart("influence.chart", "", _INFLUENCE),
    "influence_given": KnownChart(
        "influence.given_chart", "", "test examples and a point with two finished runs"
    ),
    "removal_": KnownChart("removal.chart", "", "the runs of `memkit removal`"),
    "proxy_means": KnownChart("proxies.chart", "means_", f"{_AXIS}, four at each size"),
    "proxy_leaderboard": KnownChart("proxies.chart", "board_", _PROXIES),
    "proxy_leaderboard_across": KnownChart(
        "proxies.chart", "across_", f"{_AXIS}, four at each size"
    ),
    "canary_detection": KnownChart(
        "proxies.canaries_chart", "detection_", f"{_PLANTED} and {_PROXIES}"
    ),
    "canary_trajectories": KnownChart(
        "proxies.canaries_chart", "paths_", f"{_PLANTED} and {_AXIS}, four at each size"
    ),
    "agreement_": KnownChart("agreement.chart", "curve_", f"{_AXIS}, four at each size"),
    "convergence": KnownChart("convergence.chart", "", "a point with four finished runs"),
    "training_curves": KnownChart("training_curves.chart", "", _RUNS),
}


def known(name: str) -> KnownChart | None:
    """Returns the KnownChart of a name, None if no study has a chart of this name."""
    if name in KNOWN:
        return KNOWN[name]
    families = (entry for start, entry in KNOWN.items() if _is_of_family(name, start))
    return next(families, None)


def _is_of_family(name: str, start: str) -> bool:
    return start.endswith("_") and name.startswith(start)


def chosen(figures: Mapping[str, Figure], name: str, *, argument: str) -> Chart:
    """Draws the chart of a name.

    Args:
      figures: {name: Figure} of the charts that a study has numbers for.
      name: name of a chart.
      argument: the argument or flag that holds the name.

    Raises:
      InputError: no study has a chart of this name, or this study lacks what the chart needs.
    """
    chart = figures[name].chart if name in figures else None
    if chart is None:
        raise _absent(figures, name, argument)
    return chart


def _absent(figures: Mapping[str, Figure], name: str, argument: str) -> InputError:
    entry = known(name)
    siblings = (start for start in KNOWN if _is_of_family(name, start))
    has_siblings = any(other.startswith(start) for start in siblings for other in figures)
    if entry is None or has_siblings:
        return unknown(argument, name, figures, kind="chart")
    received = f"{name}, which needs {entry.needs}"
    return expected(argument, "a chart that the study has the numbers for", received)
