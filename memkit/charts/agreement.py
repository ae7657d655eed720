"""Agreement of two scores against a threshold.

Feldman & Zhang (2020), consistency across architectures, draw the Jaccard index of the sets above
a threshold and the mean difference of the scores against that threshold.
"""

import altair as alt

from memkit.charts import theme


def curve_table(lines, curves):
    """Returns one row per line, threshold and quantity.

    Args:
      lines: [(name of the line, group by which it is colored)].
      curves: {"thresholds", "jaccard", "difference", "num_first", "num_second": [L, K]}, the
        fields of `comparisons.Curves` stacked.
    """
    return [
        {
            "line": name,
            "group": str(group),
            "quantity": quantity,
            "threshold": float(curves["thresholds"][i][k]),
            "value": float(curves[quantity][i][k]),
            "num_first": int(curves["num_first"][i][k]),
            "num_second": int(curves["num_second"][i][k]),
        }
        for i, (name, group) in enumerate(lines)
        for quantity in ("jaccard", "difference")
        for k in range(len(curves["thresholds"][i]))
    ]


def curve_chart(rows, *, group_title, difference_title):
    """Returns two panels: Jaccard index and mean difference against the threshold.

    Args:
      rows: rows of `curve_table`; undefined values leave a gap.
      group_title: what the colors mean; the legend's title.
      difference_title: title of the second vertical axis, says which score is subtracted.
    """
    groups = list(dict.fromkeys(r["group"] for r in rows))
    panels = (
        ("jaccard", ["Jaccard index of the sets", "(0 to 1, higher = same examples)"], [0, 1]),
        ("difference", difference_title, None),
    )
    charts = []
    for quantity, title, domain in panels:
        scale = alt.Scale(domain=domain) if domain else alt.Scale(zero=True)
        charts.append(_curve_panel(rows, quantity, title, scale, groups, group_title))
    return alt.hconcat(*charts, spacing=24).properties(
        description="Agreement of two scores against a threshold: Jaccard index of the sets of "
        "examples at or above it, and mean difference of the scores over their union."
    )


def _curve_panel(rows, quantity, title, scale, groups, group_title):
    colors = alt.Scale(domain=groups, scheme=alt.SchemeParams(name="viridis", extent=[0, 0.85]))
    if len(groups) == 1:
        colors = alt.Scale(domain=groups, range=["#0072B2"])
    legend = alt.Legend(title=group_title, titleLimit=300, symbolType="stroke")
    color = alt.Color(
        "group:N", sort=groups, scale=colors, legend=legend if len(groups) > 1 else None
    )
    base = alt.Chart().encode(
        x=alt.X(
            "threshold:Q",
            title="Threshold",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(grid=False, tickCount=5),
        ),
        y=alt.Y("value:Q", title=title, scale=scale),
        color=color,
        detail="line:N",
        tooltip=[
            alt.Tooltip("line:N"),
            alt.Tooltip("threshold:Q", format=".2f"),
            alt.Tooltip("value:Q", format=".3f"),
            alt.Tooltip("num_first:Q", title="examples above, first"),
            alt.Tooltip("num_second:Q", title="examples above, second"),
        ],
    )
    layers = [base.mark_line(), base.mark_point(filled=True, size=22, opacity=1)]
    if quantity == "difference":
        zero = alt.Chart().mark_rule(color="#777777", strokeDash=[4, 4])
        layers.insert(0, zero.encode(y=alt.YDatum(0)))
    data = theme.data(r for r in rows if r["quantity"] == quantity)
    return alt.layer(*layers, data=data).properties(width=(theme.WIDTH - 70) // 2, height=240)
