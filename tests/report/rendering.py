"""A section of the report as HTML."""

from memkit.report import assets

_TEMPLATE = """
{% from "parts.html" import block_of %}
{% for block in blocks %}{{ block_of(block) }}{% endfor %}
"""


def html(section):
    """Returns the HTML of a section's blocks and details."""
    blocks = (*section.blocks, *section.details)
    return assets.environment().from_string(_TEMPLATE).render(blocks=blocks)
