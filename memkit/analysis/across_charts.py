"""The charts of `memkit compare`."""

from collections.abc import Sequence

from memkit import charts, comparisons
from memkit.analysis import across
from memkit.analysis.agreement import chart as agreement_chart
from memkit.analysis.distribution.estimate import edges_of_scores
from memkit.charts import comparison
from memkit.report.blocks import Chart

_TITLES = {
    "memorization": ["memorization (-1 to 1,", "higher = more memorized)"],
    "consistency": ["consistency (0 to 1,", "higher = easier)"],
    "score": ["score (direction unknown)"],
}


def files(results: Sequence[across.Compared], quantity: str) -> dict[str, bytes]:
    """Returns {file name: bytes}: every chart as PNG, SVG and a page that opens offline.

    Args:
      results: the compared scores.
      quantity: what the other scores measure, a key of `comparisons.QUANTITIES`.
    """
    contents: dict[str, bytes] = {}
    for name, chart in charts_of(results, quantity).items():
        pictures = charts.images(chart.to_dict(), ("png", "svg", "html"))
        contents |= {f"{name}.{kind}": data for kind, data in pictures.items()}
    return contents


def charts_of(results: Sequence[across.Compared], quantity: str) -> dict[str, Chart]:
    """Returns {name: chart} of the study's score that measures `quantity`, else of memorization."""
    score = quantity if quantity in across.SCORES else "memorization"
    shown = [
        result
        for result in results
        if result.numbers["outcome"] == "correct"
        and result.numbers["score"] == score
        and result.numbers["num_examples"]
    ]
    if not shown:
        return {}
    panels = {_panel(result): result for result in shown}
    joint = {name: (result.first, result.second) for name, result in panels.items()}
    counts = zip(*(result.num_out for result in shown), strict=True)
    edges = [None if None in of else edges_of_scores(min(of)) for of in counts]
    (first, *rest), (other, *other_rest) = _TITLES[score], _TITLES[quantity]
    drawn: dict[str, Chart] = {
        "joint": comparison.joint_chart(
            comparison.joint_table(joint, edges),
            first=[f"This study: {first}", *rest],
            second=[f"Other {other}", *other_rest],
        )
    }
    if shown[0].is_same:
        both = {
            name: {"this study": result.first, "the other": result.second}
            for name, result in panels.items()
        }
        widest = min((of for of in edges if of is not None), key=len)
        drawn["histogram"] = comparison.histogram_chart(
            comparison.histogram_table(both, widest), title=[first.capitalize(), *rest]
        )
        curves = [comparisons.threshold_curves(result.first, result.second) for result in shown]
        fields = vars(curves[0])
        stacked = {key: [getattr(curve, key) for curve in curves] for key in fields}
        stacked |= {
            key: [result.curve_errors[key] for result in shown] for key in shown[0].curve_errors
        }
        drawn["agreement"] = agreement_chart.curve_chart(
            agreement_chart.curve_table([(name, name) for name in panels], stacked),
            group_title="Point",
            difference_title=["Mean difference over the union,", "other - this study"],
        )
    return drawn


def _panel(result: across.Compared) -> str:
    point, other = result.numbers["point"], result.numbers["other"]
    return point if other in (point, *comparisons.LAYOUTS) else f"{point}, {other}"
