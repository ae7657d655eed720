"""Plain text tables for the terminal."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from memkit.printable import printable

Cell: TypeAlias = str | float | None


def text(header: Iterable[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Returns a table whose columns are separated by two spaces.

    Columns of text are aligned to the left, all others to the right.

    Args:
      rows: cells, as many per row as there are titles. Floats get three decimals, and None and
        NaN print as "-". Control characters are escaped.
    """
    titles = [printable(title) for title in header]
    lines_of_cells = [titles, *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines_of_cells, strict=True)]
    is_text = [all(isinstance(row[i], str) for row in rows) for i in range(len(titles))]
    lines = []
    for cells in lines_of_cells:
        padded = [
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(cells, widths, is_text, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _cell(value: Cell) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else printable(str(value))


def size(num_bytes: float) -> str:
    """Returns a number of bytes in a human-readable unit, such as "2.1 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} TB"
