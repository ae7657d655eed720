"""Text from other people's files, made safe for terminals and spreadsheets."""

import unicodedata

# Control characters, invisible format characters such as right-to-left marks, lone surrogates
# (bytes of a file name that are not UTF-8), and line separators.
_UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")
# What spreadsheets take for the beginning of a formula, some of them also in full width.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def printable(text: str) -> str:
    """Returns text with every character that a terminal could act upon escaped.

    Args:
      text: for instance a class name, an id, a file name or a message of a library.

    >>> printable("red \x1b[31m cat")
    'red \\\\x1b[31m cat'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _UNSAFE else c for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def spreadsheet_cell(text: str) -> str:
    """Returns text that a spreadsheet shows and does not evaluate.

    A leading apostrophe is the usual mark for plain text; numbers are not passed through here.
    `original_cell` takes it off again.

    >>> spreadsheet_cell("=1+1")
    "'=1+1"
    """
    return f"'{text}" if _is_formula(text) else text


def original_cell(cell: str) -> str:
    """Returns the text that `spreadsheet_cell` turned into this cell.

    >>> original_cell("'=1+1"), original_cell("'tis")
    ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(text: str) -> bool:
    # Behind apostrophes too, so that no two texts become the same cell; some programs trim spaces.
    return text.lstrip("' ").startswith(_FORMULA)
