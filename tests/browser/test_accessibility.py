"""What axe-core finds: nothing serious, in light and dark, on phones and on wide screens."""

import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
SERIOUS = ("serious", "critical")


def _found(page):
    response = axe.Axe().run(page).response
    return [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in response["violations"]
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400, 2560])
def test_axe_finds_nothing_serious(small, visit, scheme, width):
    page = visit(small, scheme=scheme, width=width)
    page.click("#label-errors [data-decision=kept] >> nth=0")
    assert _found(page) == []
    page.click("#cards button")
    page.wait_for_selector("#detail-chart svg")
    assert _found(page) == []
