"""Plain text tables for the terminal."""

from memkit.printable import printable


def text(header, rows):
    """Returns columns joined by two spaces, text to the left and everything else to the right.

    Args:
      header: column titles.
      rows: lists of str or other values, as long as the header; None prints as "-". Control
        characters in them are escaped.
    """
    header = [printable(title) for title in header]
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [header, *cells]) for i in range(len(header))]
    left = [all(isinstance(row[i], str) for row in rows) for i in range(len(header))]
    lines = []
    for row in [header, *cells]:
        padded = [
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(row, widths, left, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _cell(value):
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else printable(str(value))


def size(num_bytes):
    """Returns bytes as people read them, such as "2.1 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} TB"
