import itertools

import pytest

from memkit.printable import original_cell, printable, spreadsheet_cell


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\uff1d1", " =1"])
def test_text_that_looks_like_a_formula_gets_an_apostrophe(text):
    assert spreadsheet_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "cat", "it's", "a=b", "'quoted'", "caf\u00e9"])
def test_other_cells_are_unchanged(text):
    assert spreadsheet_cell(text) == text


def test_cells_of_different_texts_differ_and_give_back_the_texts():
    texts = ["".join(parts) for n in range(5) for parts in itertools.product("'= a", repeat=n)]
    cells = [spreadsheet_cell(text) for text in texts]
    assert [original_cell(cell) for cell in cells] == texts
    assert len(set(cells)) == len(texts)


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x07", "\r", "\u202e", "\x9b", "\udcff"])
def test_control_characters_are_escaped(character):
    text = printable(f"a{character}b")
    assert text.isprintable() and text.startswith("a\\") and text.endswith("b")
