"""The explorer: a scatter of all examples, and a gallery of the selected examples."""

from memkit.report import assets, explorer
from memkit.report.blocks import Section
from memkit.report.content import Content

INTRO = (
    "The gray cells count all examples, and the dots are a sample of them that is evenly spaced "
    "in the ranking by memorization. Drag over the chart, or fill in the fields below it, to "
    "list every example of that region in the gallery. Click on a dot to open its example."
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
