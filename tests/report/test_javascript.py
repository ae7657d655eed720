import pytest

pytest.importorskip("deno", reason="deno is not installed")


def test_errors_of_types_are_found_and_located():
    from tests import javascript

    scripts = {
        "a.js": "/** @param {number} x */\nconst twice = (x) => 2 * x;\n",
        "b.js": '// Uses the script before it.\ntwice("2");\n',
    }
    assert "memkit/report/b.js:2:" in javascript.problems(scripts)
    assert javascript.problems(scripts | {"b.js": "twice(2);\n"}) == ""
