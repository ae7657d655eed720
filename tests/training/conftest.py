"""A network for tests of training that compiles more quickly than a ResNet."""

import pytest

from memkit import models
from tests.training import programs


@pytest.fixture
def convolutional_config(make_config):
    """Returns `make_config` for one convolution with batch normalization, as a single point."""
    models.allow([programs.TINY["name"]])

    def make(changes=()):
        network = {"model": dict(programs.TINY), "axis": {"field": "", "values": []}}
        return make_config(network | dict(changes))

    return make
