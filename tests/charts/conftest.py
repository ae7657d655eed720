"""Points for the tests of charts."""

import altair
import pytest

from memkit import studies

# Altair checks a specification when it is complete, and not each of its parts before.
altair.utils.schemapi.disable_debug_mode()


def build(sizes=(1, 2, 4, 8, 16), series=("one_hot",)):
    """Returns the points of a study."""
    return [studies.Point(f"{s}-{size}", s, size, {}, "") for s in series for size in sizes]


@pytest.fixture(scope="session")
def make_points():
    """Returns the builder of points."""
    return build
