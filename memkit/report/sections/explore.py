"""The explorer: a scatter of all examples, and a gallery of the selected examples."""

from memkit.report import assets, explorer
from memkit.report.blocks import Section
from memkit.report.content import Content

INTRO = (
    "Every dot is an example; the darker, the more lie on each other. Point at a dot to see its "
    "picture and its trajectory, and click on it to open it. Drag over the chart, or fill in the "
    "fields below it, to list every example of that region in the gallery. The address of this "
    "page keeps what you choose, so it can be shared."
)
EMPTY = (
    "No example has a score yet. `memkit run` fills this section with a scatter plot and a gallery "
    "of the examples."
)


def section(content: Content) -> Section:
    """Returns the section of scatter and gallery; empty if no example has a score."""
    if not explorer.scored(content):
        return Section(anchor="explore", title="Explore the examples", intro="", empty=EMPTY)
    return Section(
        anchor="explore",
        title="Explore the examples",
        intro=INTRO,
        is_wide=True,
        blocks=(assets.fragment("memkit.report", "explore.html"),),
    )
