"""Simulated studies for the tests of the report."""

import altair
import pytest

from tests import simulated

# Altair checks a specification when it is complete, and not each of its parts before.
altair.utils.schemapi.disable_debug_mode()


@pytest.fixture(scope="session")
def make_content():
    """Returns the builder of simulated studies."""
    return simulated.build


@pytest.fixture(scope="session")
def content():
    """Returns the default simulated study."""
    return simulated.build()
