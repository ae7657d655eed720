"""Limits of time in tests: there is one, and it only ends a test that hangs."""

import ast
import pathlib
import signal

import pytest

TESTS = pathlib.Path(__file__).parent
NO_LIMIT = ("0", "math.inf")


def _limits(path):
    """Returns (line, text) of every call in a file that is given a time after which to give up."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    keywords = (keyword for call in calls for keyword in call.keywords)
    timeouts = (keyword for keyword in keywords if keyword.arg == "timeout")
    return [(one.value.lineno, text) for one in timeouts if (text := ast.unparse(one.value))]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda p: p.stem)
def test_no_call_has_a_limit_of_its_own(path):
    assert [found for found in _limits(path) if found[1] not in NO_LIMIT] == []


def test_a_test_that_hangs_fails():
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 600
    with pytest.raises(pytest.fail.Exception, match="test_a_test_that_hangs_fails still ran after"):
        signal.raise_signal(signal.SIGALRM)
