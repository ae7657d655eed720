"""Numbers as text: estimate +/- margin, and words for what is undefined."""

import math
import re

from markupsafe import Markup, escape

MISSING = "not available"
ABSENT = "–"
SMALLEST_CHANGE = 0.005


def coded(text):
    """Returns the text as HTML, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def defined(value):
    """Returns True for a finite number, False for None, NaN and infinity."""
    return value is not None and math.isfinite(value)


def number(value, margin=None, *, missing=MISSING):
    """Returns text such as "0.93 ± 0.01": the value and its margin, half its 95% interval.

    Two decimals, three where the half width is below 0.005; `missing` where undefined.
    """
    if not defined(value):
        return missing
    places = 3 if defined(margin) and margin < 0.005 else 2
    # The zero added turns "-0.00" into "0.00".
    text = f"{round(value, places) + 0.0:.{places}f}"
    return f"{text} ± {margin:.{places}f}" if defined(margin) else text


def percent(value, margin=None, *, missing=MISSING):
    """Returns text such as "12.3% ± 0.8%" for a share in [0, 1]."""
    if not defined(value):
        return missing
    text = f"{100 * value:.1f}%"
    return f"{text} ± {100 * margin:.1f}%" if defined(margin) else text


def trend(values, margins, places):
    """Returns a clause that says how an estimate changes along the axis.

    A change counts where it exceeds 0.005 and the margin of the difference, taken as if the
    estimates were independent (they share subsets, so this is cautious as a rule).

    Args:
      values, margins: A numbers; None or NaN entries are left out.
      places: A names of the sizes, such as "width 4".
    """
    kept = [entry for entry in zip(values, margins, places, strict=True) if defined(entry[0])]
    if not kept:
        return f"is {MISSING}"
    if len(kept) == 1:
        return f"is {_at(kept[0])}"
    first, last = kept[0], kept[-1]
    peak, trough = (pick(kept, key=lambda entry: entry[0]) for pick in (max, min))
    if differ(first, peak) and differ(last, peak):
        return f"rises from {_at(first)} to {_at(peak)}, then falls to {_at(last)}"
    if differ(first, trough) and differ(last, trough):
        return f"falls from {_at(first)} to {_at(trough)}, then rises to {_at(last)}"
    if differ(first, last):
        verb = "rises" if last[0] > first[0] else "falls"
        return f"{verb} from {_at(first)} to {_at(last)}"
    return f"does not clearly change ({_at(first)}, {_at(last)})"


def _at(entry):
    value, margin, place = entry
    return f"{number(value, margin)} at {place}"


def differ(a, b):
    """Returns True where two (estimate, margin, ...) are clearly apart.

    Margins that are None or NaN count as 0.
    """
    noise = math.hypot(*(part[1] if defined(part[1]) else 0.0 for part in (a, b)))
    return abs(a[0] - b[0]) > max(noise, SMALLEST_CHANGE)
