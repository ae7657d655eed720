"""A report whose names and texts were written by somebody who wants to run scripts in it."""

import dataclasses

import numpy as np
import pytest

from tests.browser import worlds
from tests.simulated import build

TEXTS = (
    '</script><script>window.attacked=1;document.title="attacked"</script>',
    '"><img src=x onerror="document.title=\'attacked\';window.attacked=2">',
    "\x1b]0;attacked\x07\x1b[31mred",
    "</title><script>window.attacked=3</script>",
    "\u202egnp.exe",
    "new\nline,comma\"quote'",
    "{{7*7}}${7*7}`x`",
    "<svg onload=window.attacked=4>",
    "<!--<script>",
    "\udcff",
)


@pytest.fixture(scope="module")
def hostile(written):
    content = worlds.with_influence(build(), per_example=3)
    ids = [f"{TEXTS[i % len(TEXTS)]}{i}" for i in range(len(content.ids))]
    tests = [f"{TEXTS[j % len(TEXTS)]}{j}" for j in range(len(content.test_ids))]
    provenance = {key: TEXTS[number % 3] for number, key in enumerate(content.provenance)}
    return written(
        dataclasses.replace(
            content,
            title=TEXTS[3] + TEXTS[0],
            class_names=TEXTS[: len(content.class_names)],
            ids=np.array(ids),
            test_ids=np.array(tests),
            provenance=provenance,
        )
    )


def test_names_and_texts_run_no_script(visit, hostile):
    page = visit(hostile)
    title = page.title()
    page.click("#cards li")
    page.wait_for_selector("#detail-chart svg")
    assert page.evaluate("window.attacked") is None
    assert page.title() == title and title.startswith(TEXTS[3])
    assert page.locator("img[src=x], svg[onload]").count() == 0
