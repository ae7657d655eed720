"""Simulated studies for the tests of the report."""

import pytest

from tests import simulated


@pytest.fixture(scope="session")
def make_content():
    """Returns the builder of simulated studies."""
    return simulated.build


@pytest.fixture(scope="session")
def content():
    """Returns the default simulated study."""
    return simulated.build()
