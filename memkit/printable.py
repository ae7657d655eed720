"""Text from other people's files, made safe for terminals and spreadsheets."""

import unicodedata

# Control characters, invisible format characters such as right-to-left marks, lone surrogates
# (bytes of a file name that are not UTF-8), and line separators.
_UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Characters that begin a formula in spreadsheets, some of them in full-width form, too.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def printable(text: str) -> str:
    """Escapes every character that a terminal could interpret as a command.

    Args:
      text: for example a class name, an id, a file name or a library's error message.

    Examples:
      >>> printable("red \x1b[31m cat")
      'red \\\\x1b[31m cat'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _UNSAFE else c for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def spreadsheet_cell(text: str) -> str:
    """Returns a cell that a spreadsheet displays as text and does not evaluate.

    Text that looks like a formula gets a leading apostrophe, the usual mark for plain text, which
    `original_cell` removes again. Numbers are not passed through this function.

    Examples:
      >>> spreadsheet_cell("=1+1")
      "'=1+1"
    """
    return f"'{text}" if _is_formula(text) else text


def original_cell(cell: str) -> str:
    """Returns the text from which `spreadsheet_cell` made a cell.

    Examples:
      >>> original_cell("'=1+1"), original_cell("'tis")
      ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(text: str) -> bool:
    # Formulas after apostrophes count, too, so that different texts never become the same cell.
    # Formulas after spaces count because some programs trim spaces.
    return text.lstrip("' ").startswith(_FORMULA)
