"""The page about summary.json lists exactly the keys that the file has."""

import importlib.util
import json
import re

import pytest

from memkit import analysis, studies
from tests.analysis import recorded
from tests.docs import pages

_ESTIMATE = ("value", "stderr", "df", "margin")


@pytest.fixture(scope="module")
def documented():
    """{regular expression of a key: its type} of the page."""
    spec = importlib.util.spec_from_file_location("hooks", pages.ROOT / "docs" / "hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|", hooks.summary_keys(), re.MULTILINE)
    types = {}
    for key, kind in rows:
        names = [f"{key}.{part}" for part in _ESTIMATE] if kind.startswith("estimate") else [key]
        types |= {re.sub(r"<[^>]+>", ".+", re.escape(name)): kind for name in names}
    return types


def _leaves(value, key=""):
    """Yields the keys of all plain values in JSON."""
    if isinstance(value, dict) and value:
        for name, entry in value.items():
            yield from _leaves(entry, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value:
        for entry in value:
            yield from _leaves(entry, f"{key}[]")
    elif value not in ({}, []):
        yield key


def test_every_key_of_a_summary_is_documented(tmp_path, make_config, tiny, documented, few_splits):
    study = recorded.record(studies.open_or_create(tmp_path / "study", make_config(), tiny))
    analysis.estimate(study)
    summary = json.loads((study.workdir / "summary.json").read_text())
    del summary["checksum"]
    keys = set(_leaves(summary))
    assert len(keys) > 100
    assert [key for key in keys if not any(re.fullmatch(p, key) for p in documented)] == []


def test_every_documented_key_has_a_meaning(documented):
    assert len(documented) > 150
    assert set(documented.values()) <= {
        *("integer", "number", "text", "estimate", "any"),
        *("integer, or null", "number, or null", "object, or null"),
        "integer or number or text, or null",
    }
