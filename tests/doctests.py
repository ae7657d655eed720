"""Plugin of pytest for the examples in docstrings: `workdir` is a small study with estimates."""

import pytest

from memkit import analysis, studies
from tests.analysis import recorded
from tests.conftest import make_config, register, tiny  # noqa: F401  (fixtures)


@pytest.fixture
def _study(request, tmp_path_factory):
    config, dataset = request.getfixturevalue("make_config"), request.getfixturevalue("tiny")
    workdir = tmp_path_factory.mktemp("doctests") / "digits"
    analysis.estimate(recorded.record(studies.open_or_create(workdir, config(), dataset)))
    return workdir


_WORKDIR = []


@pytest.fixture(autouse=True)
def _add_names(request, doctest_namespace):
    needs = "workdir" in request.node.dtest.docstring
    if needs and not _WORKDIR:
        _WORKDIR.append(request.getfixturevalue("_study"))
    if needs:
        doctest_namespace["workdir"] = _WORKDIR[0]
