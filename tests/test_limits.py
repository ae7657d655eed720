"""Tests have one time limit, which only ends a test that hangs."""

import ast
import pathlib
import signal

import pytest

TESTS = pathlib.Path(__file__).parent
NO_LIMIT = ("0", "math.inf")


def _limits(path):
    """Returns (line, value) of every `timeout` argument in a file."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    keywords = (keyword for call in calls for keyword in call.keywords)
    timeouts = (keyword for keyword in keywords if keyword.arg == "timeout")
    return [(timeout.value.lineno, ast.unparse(timeout.value)) for timeout in timeouts]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda p: p.stem)
def test_no_call_has_its_own_time_limit(path):
    assert [limit for limit in _limits(path) if limit[1] not in NO_LIMIT] == []


def test_a_test_that_hangs_fails():
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 600
    with pytest.raises(pytest.fail.Exception, match="test_a_test_that_hangs_fails still ran after"):
        signal.raise_signal(signal.SIGALRM)
