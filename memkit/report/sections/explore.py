"""The explorer: a scatter of all examples, and a gallery of the selected examples."""

from memkit.report import assets, explorer
from memkit.report.blocks import Section
from memkit.report.content import Content

INTRO = (
    "Gray: how many of all examples lie in each cell. Dots: a sample of them, evenly spaced in the "
    "ranking by memorization. Drag over the chart, or fill in the fields below it, and the gallery "
    "lists every example of that region, whether in the sample or not. A click on a dot opens its "
    "example."
)
EMPTY = (
    "No example has a score yet, so there is nothing to show; `memkit run` fills this section with "
    "a scatter and a gallery of the examples."
)


def section(content: Content) -> Section:
    """Returns the section of scatter and gallery; empty if no example has a score."""
    if not explorer.scored(content):
        return Section(anchor="explore", title="Explore the examples", intro="", empty=EMPTY)
    return Section(
        anchor="explore",
        title="Explore the examples",
        intro=INTRO,
        blocks=(assets.fragment("memkit.report", "explore.html"),),
    )
