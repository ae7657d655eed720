"""The TPU compiler's own estimate of the cycles of a program, read from the program's text.

The compiler notes "estimated_cycles" beside most operations of a TPU program, in order to choose
between layouts and fusions. Gathers, copies that run beside other work and the communication of
chips have no estimate, and nothing was measured.
"""

import functools
import math
import re
from collections.abc import Mapping, Sequence

_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.-]+) \(.*\{$")
_ESTIMATE = re.compile(r'"estimated_cycles":"(\d+)"')
_LOOP = re.compile(r"\bcondition=%?([\w.-]+), body=%?([\w.-]+)")
_BRANCHES = re.compile(r"\bbranch_computations=\{([^}]*)\}")
_EITHER = re.compile(r"\b(?:true|false)_computation=%?([\w.-]+)")
_CALLED = re.compile(r"\b(?:calls|to_apply)=%?([\w.-]+)")
_KNOWN_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_CONSTANT = re.compile(r"= [su]\d+\[\]\S* constant\((\d+)\)")


def of_call(text: str) -> float:
    """Returns the estimated cycles of one call of a program.

    The body of a loop counts as often as it is executed, and of the branches of a condition the
    most expensive one counts.

    Args:
      text: of a compiled program, `jax.stages.Compiled.as_text()`.

    Returns:
      Cycles of the chip's clock; NaN if the text has no estimates, or if the number of iterations
      of a loop that has estimates is unknown.
    """
    computations, entry = _computations(text)

    @functools.cache
    def cycles(name: str) -> float:
        return sum(map(of_line, computations[name]))

    def of_line(line: str) -> float:
        # The estimate of an operation includes what it calls.
        if estimate := _ESTIMATE.search(line):
            return float(estimate[1])
        if loop := _LOOP.search(line):
            condition, body = loop.groups()
            once = cycles(condition) + cycles(body)
            return once and once * _trips(line, computations[condition])
        if branches := _branches(line):
            return max(map(cycles, branches))
        called = _CALLED.search(line)
        return cycles(called[1]) if called else 0.0

    return cycles(entry) if _ESTIMATE.search(text) else math.nan


def _computations(text: str) -> tuple[Mapping[str, Sequence[str]], str]:
    """Returns ({computation: its lines}, name of the computation where a call starts)."""
    computations: dict[str, list[str]] = {}
    name = entry = ""
    for line in text.splitlines():
        if header := _COMPUTATION.match(line):
            name = header[2]
            computations[name] = []
            entry = name if header[1] else entry
        elif name:
            computations[name].append(line)
    return computations, entry


def _branches(line: str) -> list[str]:
    """Returns the computations between which a conditional operation chooses."""
    if branches := _BRANCHES.search(line):
        return [name.strip(" %") for name in branches[1].split(",")]
    return _EITHER.findall(line)


def _trips(line: str, condition: Sequence[str]) -> float:
    """Returns how often the body of a loop is executed; NaN if it is unknown.

    Args:
      line: of the loop.
      condition: lines of its condition; JAX's loops count from 0 up to the only constant in it.
    """
    if known := _KNOWN_TRIPS.search(line):
        return float(known[1])
    limits = [match for match in map(_CONSTANT.search, condition) if match]
    counts_up = any("direction=LT" in each for each in condition)
    return float(limits[0][1]) if counts_up and len(limits) == 1 else math.nan
