"""Decisions on labels: by mouse and keyboard, kept in the browser, exported, read by memkit."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from memkit.analysis.audit import estimate as audit
from memkit.analysis.audit.result import LabelAudit
from memkit.data import labels
from tests.browser.test_hostile import TEXTS
from tests.simulated import build

CARD = "#label-errors li:has([data-decide]) >> nth={}"


def _count(page):
    return page.inner_text(".decided-count >> nth=0")


def _export(page):
    """Returns the rows of the exported file, and its text."""
    with page.expect_download() as download:
        page.click(".export >> nth=0")
    assert download.value.suggested_filename == "labels.csv"
    text = download.value.path().read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline=""))), text


@pytest.fixture
def suspects(small):
    """Returns the suspects' indices in the order of their cards."""
    examples = small.content.results[LabelAudit].examples
    return examples.order[examples.kind[examples.order] == 0]


def test_buttons_decide_and_the_file_has_the_decisions(small, visit, suspects):
    page, content = visit(small), small.content
    page.click(f"{CARD.format(0)} >> text=Accept")
    page.click(f"{CARD.format(1)} >> text=Keep")
    select = page.locator(f"{CARD.format(2)} >> select")
    select.focus()
    select.select_option(label="9")
    assert _count(page) == "1 accepted, 1 relabeled, 1 kept."
    rows, _ = _export(page)
    assert [row["file"] for row in rows] == [*content.ids, *content.test_ids]
    expected = [content.class_names[code] for code in content.given_labels]
    rival = content.results[LabelAudit].examples.rival
    expected[suspects[0]] = content.class_names[rival[suspects[0]]]
    expected[suspects[2]] = "9"
    assert [row["label"] for row in rows[: len(content.ids)]] == expected
    decided = {row["file"]: row["decision"] for row in rows if row["decision"]}
    kinds = ("accepted", "kept", "relabeled")
    assert decided == dict(zip(content.ids[suspects[:3]], kinds))
    page.select_option("#decided", "kept")
    assert page.locator("#cards .id").all_inner_texts() == [content.ids[suspects[1]]]


def test_the_keyboard_decides_and_moves_on(small, visit, suspects):
    page = visit(small)
    page.locator(f"{CARD.format(0)} >> button >> nth=0").focus()
    for key in ("a", "k", "ArrowLeft", "u", "ArrowRight", "ArrowRight", "r"):
        page.keyboard.press(key)
    assert _count(page) == "1 accepted, 0 relabeled, 0 kept."
    focused = "document.activeElement.closest('[data-decide]').dataset.decide"
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    assert page.evaluate(focused) == str(suspects[3])
    assert page.get_attribute(f"{CARD.format(0)} >> text=Accept", "aria-pressed") == "true"


def test_the_dialog_decides_too_and_the_card_follows(small, visit):
    page = visit(small)
    page.locator(f"{CARD.format(0)} >> button.id").click()
    page.keyboard.press("a")
    assert page.get_attribute("#detail-decide >> text=Accept", "aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.get_attribute(f"{CARD.format(0)} >> text=Accept", "aria-pressed") == "true"
    page.click(f"{CARD.format(0)} >> text=Accept")
    assert _count(page) == "No label is decided yet."
    assert page.is_disabled(".export >> nth=0")


def test_decisions_are_there_again_and_another_study_does_not_see_them(small, visit, written):
    page = visit(small)
    page.click(f"{CARD.format(0)} >> text=Keep")
    same = visit(small, beside=page)
    assert _count(same) == "0 accepted, 0 relabeled, 1 kept."
    same.click(f"{CARD.format(1)} >> text=Keep")
    page.wait_for_function(
        "document.querySelector('.decided-count').textContent.includes('2 kept')"
    )
    provenance = small.content.provenance | {"study fingerprint": "another"}
    other = visit(written(dataclasses.replace(small.content, provenance=provenance)), beside=page)
    assert _count(other) == "No label is decided yet."
    same.click(".forget >> nth=0")
    assert _count(same) == "No label is decided yet."


@pytest.mark.parametrize(
    "before",
    [
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})",
        "Storage.prototype.setItem = () => { throw new Error('full'); }",
    ],
)
def test_without_storage_the_page_works_and_warns(small, visit, before):
    page = visit(small, before=before)
    page.click(f"{CARD.format(0)} >> text=Keep")
    assert "does not keep them: export them" in _count(page)
    assert len([row for row in _export(page)[0] if row["decision"] == "kept"]) == 1


def test_damaged_storage_is_passed_over(small, visit):
    kept = json.dumps({"digits/0000": "no such class", "digits/0001": "1", "<b>": 7})
    for text in ("{", json.dumps(["a"]), "null", kept):
        before = f"localStorage.setItem('memkit labels simulated', {json.dumps(text)})"
        page = visit(small, before=before)
        assert ("1 accepted" in _count(page)) == (text == kept)


def test_hostile_names_come_back_unchanged(written, visit, tmp_path):
    content = build(also=(audit,))
    ids = np.array([f"{TEXTS[i % len(TEXTS)]}{i}" for i in range(len(content.ids))])
    names = tuple(f"={name}" if k % 2 else name for k, name in enumerate(TEXTS))
    study = written(dataclasses.replace(content, ids=ids, class_names=names))
    page = visit(study)
    page.click(f"{CARD.format(0)} >> button[data-decision=accepted]")
    rows, text = _export(page)
    assert not any(cell[:1] in "=+-@" for row in rows for cell in row.values() if cell)
    (tmp_path / "labels.csv").write_text(text, "utf-8", newline="")
    given = labels.plant(
        content.labels,
        10,
        planted_fraction=0,
        seed=0,
        file=str(tmp_path / "labels.csv"),
        class_names=names,
        ids=ids,
    )
    examples = content.results[LabelAudit].examples
    first = examples.order[0]
    expected = content.given_labels.copy()
    expected[first] = examples.rival[first]
    assert (given == expected).all()
