"""Tabulates what the compiler found: memory, estimated times and the bound of the arithmetic."""

import importlib.metadata
import math
from collections.abc import Mapping

import numpy as np

from memkit import tables
from memkit.tpu_check.check import Check
from memkit.tpu_check.chips import Chip
from memkit.tpu_check.programs import Finding

AGREEMENT = 0.1  # largest relative difference of the two counts of FLOPs to trust the cheaper one

_HEADER = ["point", "runs", "compiler", "memory/chip", "of HBM"]
_HEADER += ["ms/step", "runs/hour/chip", "chip-hours"]
_HEADER += ["FLOP/run", "most runs/hour/chip", "least chip-hours"]
_NOT_ASKED = ["not compiled", "-", "-"]


def text(check: Check, findings: Mapping[str, Finding], counts: Mapping[str, float]) -> str:
    """Returns the table with a row per point, and the totals."""
    study, topology = check.job.study, check.job.topology
    num_runs, agree = study.config["subsets"]["num_runs"], _agree(findings, counts)
    good = {name: finding for name, finding in findings.items() if not finding.error}
    flops = dict(counts) if agree else {}
    flops |= {name: finding.flops for name, finding in good.items()}
    least = {name: num_runs * each / topology.chip.peak / 3600 for name, each in flops.items()}
    hours = {
        name: num_runs * seconds / 3600
        for name, each in flops.items()
        if math.isfinite(seconds := _seconds(name, each, good))
    }
    rows = [
        [point.name, num_runs]
        + (verdict(findings[point.name], topology.chip) if point.name in findings else _NOT_ASKED)
        + _estimated(point.name, num_runs, hours, good)
        + _bound(point.name, num_runs, flops, least)
        for point in study.points
    ]
    lines = [tables.text(_HEADER, rows)]
    total = f"total: {len(rows) * num_runs} runs,"
    if len(hours) == len(rows):
        every = sum(hours.values())
        lines.append(
            f"{total} {plain(every)} chip-hours by the compiler's estimates, "
            f"{plain(every / topology.num_chips)} hours on {topology.name}"
        )
    if any(name not in good for name in hours):
        lines.append("~: not compiled; between compiled points, seconds are linear in FLOPs")
    if len(least) == len(rows):
        every = sum(least.values())
        lines.append(
            f"{total} at least {plain(every)} chip-hours: arithmetic alone, "
            f"at {topology.chip.peak / 1e12:g} TFLOP/s in bfloat16"
        )
    if not agree:
        lines.append("no FLOPs of points that were not compiled: counts before and after differ")
    return "\n".join(lines)


def _agree(findings: Mapping[str, Finding], counts: Mapping[str, float]) -> bool:
    """Returns whether the FLOPs counted before compiling agree with those of compiled programs."""
    both = [
        (finding.flops, counts[name]) for name, finding in findings.items() if not finding.error
    ]
    return all(abs(before / after - 1) <= AGREEMENT for after, before in both)


def _seconds(name: str, flops: float, compiled: Mapping[str, Finding]) -> float:
    """Returns the estimated chip-seconds of a run; NaN without an estimate.

    Those of a point that was not compiled are linear in its FLOPs between the compiled points, and
    proportional to them beyond.
    """
    if name in compiled:
        return compiled[name].run
    known = sorted((each.flops, each.run) for each in compiled.values() if each.run > 0)
    if not known:
        return math.nan
    sizes, seconds = zip(*known, strict=True)
    nearest = min(max(flops, sizes[0]), sizes[-1])
    return float(np.interp(nearest, sizes, seconds)) * flops / nearest


def verdict(finding: Finding, chip: Chip) -> list[str]:
    """Returns the cells of the columns compiler, memory/chip and of HBM."""
    if finding.error:
        return ["fails", "-", "-"]
    return ["compiles", tables.size(finding.memory), f"{finding.memory / chip.hbm:.1%}"]


def _estimated(
    name: str, num_runs: int, hours: Mapping[str, float], compiled: Mapping[str, Finding]
) -> list[str]:
    """Returns the cells of the columns ms/step, runs/hour/chip and chip-hours."""
    if name not in hours:
        return ["-", "-", "-"]
    about = "" if name in compiled else "~"
    step = plain(1e3 * compiled[name].step) if name in compiled else "-"
    return [step, *(about + plain(each) for each in (num_runs / hours[name], hours[name]))]


def _bound(
    name: str, num_runs: int, flops: Mapping[str, float], least: Mapping[str, float]
) -> list[str]:
    """Returns the cells of the last three columns."""
    if name not in flops:
        return ["-", "-", "-"]
    return [f"{flops[name]:.3g}", plain(num_runs / least[name]), plain(least[name])]


def plain(number: float) -> str:
    """Returns a number with three significant digits, or all digits before the decimal point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def made_by(check: Check) -> str:
    """Returns a line with the chips and the versions of the compiler."""
    chips = check.job.setup.num_devices
    packed = f"{chips} chips per run" if chips > 1 else "one worker process per chip"
    if check.job.setup.packing != "none":
        packed += f", {check.job.setup.runs_per_program} runs by {check.job.setup.packing}"
    version = importlib.metadata.version
    names = ", ".join(f"{name} {version(name)}" for name in ("jax", "libtpu", "keras"))
    return f"compiled for {check.job.topology.name} ({packed}) by {names}; nothing was run"
