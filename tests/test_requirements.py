"""The requirements of every extra, as a resolver sees them on every supported system."""

import pytest

from tests import requirements


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return requirements.wheel(tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
@pytest.mark.parametrize("extra", requirements.extras())
def test_an_extra_resolves_wherever_its_packages_exist(wheel, extra):
    pytest.importorskip("uv", reason="uv is not installed")
    for case in requirements.cases(extra):
        try:
            problem = requirements.problem(case, wheel)
        except ConnectionError:
            pytest.skip("no package index answers")
        assert bool(problem) == bool(requirements.why_not(case)), (case, problem)


def test_the_processor_alone_decides_which_tensorflow_the_extra_cpu_brings():
    """Exactly one: they install into the same folder."""
    lines = requirements.lines("cpu")
    for machine, system, name in (
        ("x86_64", "linux", "tensorflow-cpu"),
        ("aarch64", "linux", "tensorflow"),
        ("arm64", "darwin", "tensorflow"),
        ("AMD64", "win32", "tensorflow"),
    ):
        environment = {"platform_machine": machine, "sys_platform": system}
        assert [line.name for line in lines if line.marker.evaluate(environment)] == [name]
