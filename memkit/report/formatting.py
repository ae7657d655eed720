"""Formats numbers as text: an estimate with its margin, and words for undefined numbers."""

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeGuard

from markupsafe import Markup, escape

from memkit.typing import Json

MISSING = "not available"
ABSENT = "–"
SMALLEST_CHANGE = 0.005

# An estimate, its margin, and the name of the size that it is of.
_Entry: TypeAlias = tuple[float, float | None, str]


def coded(text: str) -> Markup:
    """Returns the text as HTML; text between backticks becomes code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def defined(value: float | None) -> TypeGuard[float]:
    """Returns True for a finite number, False for None, NaN and infinity."""
    return value is not None and math.isfinite(value)


def number(value: float | None, margin: float | None = None, *, missing: str = MISSING) -> str:
    """Returns text such as "0.93 ± 0.01": the value and its margin, half its 95% interval.

    Two decimals, or three if the margin is below 0.005; `missing` if the value is undefined.
    """
    if not defined(value):
        return missing
    decimals = 3 if defined(margin) and margin < 0.005 else 2
    # The zero added turns "-0.00" into "0.00".
    text = f"{round(value, decimals) + 0.0:.{decimals}f}"
    return f"{text} ± {margin:.{decimals}f}" if defined(margin) else text


def percent(value: float | None, margin: float | None = None, *, missing: str = MISSING) -> str:
    """Returns text such as "12.3% ± 0.8%" for a share in [0, 1]."""
    if not defined(value):
        return missing
    text = f"{100 * value:.1f}%"
    return f"{text} ± {100 * margin:.1f}%" if defined(margin) else text


def cell(value: float | None, margin: float | None = None) -> str:
    """Returns what `number` does, for a cell of a table: a dash if the value is undefined."""
    return number(value, margin, missing=ABSENT)


def estimate_cell(numbers: Json, key: str, text: Callable[..., str] = number) -> str:
    """Returns the cell of an estimate: the entry `key` with its margin `<key>_margin`.

    Args:
      numbers: part of the summary that holds both.
      key: name of the estimate.
      text: `number` or `percent`.
    """
    return text(numbers[key], numbers[f"{key}_margin"], missing=ABSENT)


def trend(
    values: Sequence[float | None], margins: Sequence[float | None], sizes: Sequence[str]
) -> str:
    """Describes in a clause how an estimate changes along the axis.

    A change counts where it exceeds 0.005 and the margin of the difference, taken as if the
    estimates were independent (they share subsets, so this is cautious as a rule).

    Args:
      values, margins: A numbers; None or NaN entries are left out.
      sizes: A names of sizes, such as "width 4".
    """
    entries = [
        (value, margin, size)
        for value, margin, size in zip(values, margins, sizes, strict=True)
        if defined(value)
    ]
    if not entries:
        return f"is {MISSING}"
    if len(entries) == 1:
        return f"is {_at(entries[0])}"
    first, last = entries[0], entries[-1]
    peak, trough = (choose(entries, key=lambda entry: entry[0]) for choose in (max, min))
    if differ(first, peak) and differ(last, peak):
        return f"rises from {_at(first)} to {_at(peak)}, then falls to {_at(last)}"
    if differ(first, trough) and differ(last, trough):
        return f"falls from {_at(first)} to {_at(trough)}, then rises to {_at(last)}"
    if differ(first, last):
        verb = "rises" if last[0] > first[0] else "falls"
        return f"{verb} from {_at(first)} to {_at(last)}"
    return f"does not clearly change ({_at(first)}, {_at(last)})"


def _at(entry: _Entry) -> str:
    value, margin, size = entry
    return f"{number(value, margin)} at {size}"


def differ(a: _Entry | tuple[float, float | None], b: _Entry | tuple[float, float | None]) -> bool:
    """Returns True if two estimates (value, margin, ...) are clearly apart.

    Margins that are None or NaN count as 0.
    """
    margins = (estimate[1] for estimate in (a, b))
    noise = math.hypot(*(margin if defined(margin) else 0.0 for margin in margins))
    return abs(a[0] - b[0]) > max(noise, SMALLEST_CHANGE)
