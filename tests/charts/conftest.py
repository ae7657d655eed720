"""Points for the tests of charts."""

import pytest

from memkit.analysis import PointSummary


def build(sizes=(1, 2, 4, 8, 16), series=("one_hot",)):
    """Returns the points of a summary."""
    return [
        PointSummary(
            name=f"{name}-{size}",
            series=name,
            axis_value=size,
            num_runs=4,
            diverged=0,
            blocked=0,
            collapsed=0,
        )
        for name in series
        for size in sizes
    ]


@pytest.fixture(scope="session")
def make_points():
    """Returns the builder of a summary's points."""
    return build
