"""Formats numbers as text: an estimate with its margin, and words for undefined numbers."""

import math
from collections.abc import Callable, Sequence
from typing import TypeGuard

from memkit.estimators import WithError

MISSING = "not available"
ABSENT = "–"
SMALLEST_CHANGE = 0.005
SMALLEST_MARGIN = 0.0005


def defined(value: float | None) -> TypeGuard[float]:
    """Returns True for a finite number, False for None, NaN and infinity."""
    return value is not None and math.isfinite(value)


def number(value: float | None, margin: float | None = None, *, missing: str = MISSING) -> str:
    """Returns text such as "0.93 ± 0.01": the value and its margin, half its 95% interval.

    Two decimals, or three if the margin is below 0.005, and one more if the value would have a
    single digit. A margin below 0.0005 is left out, and a value closer to -1, 0 or 1 than the
    decimals can tell is given as a bound, such as "> 0.999"; `missing` if the value is undefined.

    Example:

      >>> [number(0.0123, 0.0087), number(0.98765, 0.0012), number(0.9998, 0.0001)]
      ['0.012 ± 0.009', '0.988 ± 0.001', '> 0.999']
    """
    if not defined(value):
        return missing
    if not defined(margin):
        return _fixed(value, 2)
    if margin < SMALLEST_MARGIN:
        return _precise(value, 3)
    decimals = 3 if margin < SMALLEST_CHANGE else 2
    if 0 < abs(round(value, decimals)) < 10 ** (1 - decimals):
        decimals += 1
    return f"{_fixed(value, decimals)} ± {margin:.{decimals}f}"


def _fixed(value: float, decimals: int) -> str:
    # The zero added turns "-0.00" into "0.00".
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def _precise(value: float, decimals: int) -> str:
    """Returns the text of a value that is known to all its decimals, near -1, 0 and 1 a bound."""
    step, text = 10.0**-decimals, round(value, decimals)
    if text not in (-1, 0, 1) or value == text:
        return _fixed(value, decimals)
    sign, bound = (">", text - step) if value < text else ("<", text + step)
    return f"{sign} {_fixed(bound, decimals)}"


def percent(value: float | None, margin: float | None = None, *, missing: str = MISSING) -> str:
    """Returns text such as "12.3% ± 0.8%" for a share in [0, 1]; short margins as in `number`."""
    if not defined(value):
        return missing
    if defined(margin) and margin < SMALLEST_MARGIN:
        bound, _, digits = _precise(value, 3).rpartition(" ")
        return f"{bound} {100 * float(digits):.1f}%".strip()
    text = f"{100 * value:.1f}%"
    return f"{text} ± {100 * margin:.1f}%" if defined(margin) else text


def cell(value: float | None, margin: float | None = None) -> str:
    """Returns what `number` does, for a cell of a table: a dash if the value is undefined."""
    return number(value, margin, missing=ABSENT)


def estimate(estimate: WithError, *, missing: str = MISSING) -> str:
    """Returns what `number` does, of an estimate and its margin."""
    return number(estimate.value, estimate.margin, missing=missing)


def estimate_cell(estimate: WithError, text: Callable[..., str] = number) -> str:
    """Returns the cell of an estimate and its margin; text is `number` or `percent`."""
    return text(estimate.value, estimate.margin, missing=ABSENT)


def trend(estimates: Sequence[WithError], sizes: Sequence[str]) -> str:
    """Describes in a clause how an estimate changes along the axis.

    A change counts where it exceeds 0.005 and the margin of the difference, taken as if the
    estimates were independent (they share subsets, so this is cautious as a rule).

    Args:
      estimates: A numbers with their errors; those that are NaN are left out.
      sizes: A names of sizes, such as "width 4".
    """
    entries = _defined(estimates, sizes)
    if not entries:
        return f"is {MISSING}"
    if len(entries) == 1:
        return f"is {_at(entries[0])}"
    first, last = entries[0], entries[-1]
    verb, turn = _course(entries)
    if turn is not None:
        back = "falls" if verb == "rises" else "rises"
        return f"{verb} from {_at(first)} to {_at(turn)}, then {back} to {_at(last)}"
    if verb:
        return f"{verb} from {_at(first)} to {_at(last)}"
    return f"does not clearly change ({_at(first)}, {_at(last)})"


def direction(estimates: Sequence[WithError], sizes: Sequence[str], noun: str) -> str:
    """Returns what `trend` says without its numbers, such as "falls with width".

    Args:
      estimates, sizes: see `trend`.
      noun: name of the axis.
    """
    entries = _defined(estimates, sizes)
    if not entries:
        return f"is {MISSING}"
    if len(entries) == 1:
        return f"is {number(entries[0][0].value)}"
    verb, turn = _course(entries)
    if turn is not None:
        back = "falls" if verb == "rises" else "rises"
        return f"{verb} up to {turn[1]}, then {back}"
    return f"{verb} with {noun}" if verb else f"does not clearly change with {noun}"


def _defined(estimates: Sequence[WithError], sizes: Sequence[str]) -> list[tuple[WithError, str]]:
    pairs = zip(estimates, sizes, strict=True)
    return [(estimate, size) for estimate, size in pairs if defined(estimate.value)]


def _course(
    entries: Sequence[tuple[WithError, str]],
) -> tuple[str, tuple[WithError, str] | None]:
    """Returns "rises", "falls" or "" (no clear change), and the entry at which it turns or None."""
    first, last = entries[0][0], entries[-1][0]
    peak, trough = (choose(entries, key=lambda entry: entry[0].value) for choose in (max, min))
    if differ(first, peak[0]) and differ(last, peak[0]):
        return "rises", peak
    if differ(first, trough[0]) and differ(last, trough[0]):
        return "falls", trough
    if differ(first, last):
        return ("rises" if last.value > first.value else "falls"), None
    return "", None


def _at(entry: tuple[WithError, str]) -> str:
    value, size = entry
    return f"{estimate(value)} at {size}"


def differ(a: WithError, b: WithError) -> bool:
    """Returns True if two estimates are clearly apart; margins that are NaN count as 0."""
    noise = math.hypot(*(margin if defined(margin) else 0.0 for margin in (a.margin, b.margin)))
    return abs(a.value - b.value) > max(noise, SMALLEST_CHANGE)
