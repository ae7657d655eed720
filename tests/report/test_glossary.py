import re

import pytest

from memkit.report import glossary


def test_words_between_backticks_become_code_and_markup_stays_text():
    result = glossary.termed('call `memkit audit --top="<3>"` or `x`; 5 > 4')
    expected = (
        "call <code>memkit audit --top=&#34;&lt;3&gt;&#34;</code> or <code>x</code>; 5 &gt; 4"
    )
    assert result == expected


def test_only_the_first_use_of_a_term_is_a_link_and_every_link_has_an_entry():
    result = glossary.termed("Runs vote; other runs do not. Memorization is held-out <b>.")
    assert result.count("<a ") == 3
    assert "other runs do" in result and "&lt;b&gt;" in result
    anchors = {term.anchor for term in glossary.TERMS}
    assert set(re.findall(r'href="#([^"]+)"', result)) <= anchors
    assert len(anchors) == len(glossary.TERMS)


@pytest.mark.parametrize("text", ["spruns", "in-samples", "`runs`", "rerun-runs-off"])
def test_parts_of_words_and_code_are_not_linked(text):
    assert "<a " not in glossary.termed(text)
