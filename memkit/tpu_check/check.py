"""Checks whether a study compiles for TPU chips and fits them, and tabulates the results."""

import concurrent.futures.process
import dataclasses
import importlib.metadata
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from absl import logging

from memkit import data, studies, subsets, tables
from memkit.data import description, placeholder
from memkit.data.dataset import ImageDataset
from memkit.errors import InputError, expected
from memkit.studies import Point, Study
from memkit.studies import points as points_lib
from memkit.sweeps import Environment, pool
from memkit.sweeps import placement as placement_lib
from memkit.tpu_check import chips as chips_lib
from memkit.tpu_check import programs
from memkit.tpu_check.programs import Finding
from memkit.training import devices, engines, images, installation
from memkit.typing import Config

AGREEMENT = 0.1  # largest relative difference of the two counts of FLOPs to trust the cheaper one

_CRASH = "the compiler's process was killed: the compiler crashed, or memory ran out"

# With these variables libtpu only compiles: it neither looks for a TPU nor takes its lock.
ENVIRONMENT = {"TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "true"}

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Check:
    """What is to be compiled.

    Attributes:
      job: the study and the devices that it would run on.
      compiled: the points to compile; for the others, FLOPs are only counted.
      environment: variables of the process that compiles.
      note: one line: the data set and the origin of its shape.
    """

    job: programs.Job
    compiled: tuple[Point, ...]
    environment: Environment
    note: str


def prepare(
    config: Config,
    *,
    topology: str,
    points: Sequence[str] = (),
    packing: str = "none",
    runs_per_program: int = 1,
) -> Check:
    """Returns the Check of a config; imports no engine.

    Args:
      config: a config that passed `checks.check`.
      points: names of the points to compile; by default the ends of the first series and the
        largest student.
      runs_per_program: number of runs on one chip in one program.

    Raises:
      InputError: a flag or field is wrong, or the compiler is not installed.
    """
    described = chips_lib.topology(topology)
    chips = config["training"]["data_parallel"]
    if chips not in devices.TPU_BOUNDS or described.num_chips % chips:
        expectation = f"1, 2, 4 or 8 chips that divide the {described.num_chips} of --topology"
        raise expected("training.data_parallel", expectation, chips)
    _check_installation()
    placement = placement_lib.place(
        data_parallel=chips,
        engine="jax",
        devices="cpu",
        packing=packing,
        runs_per_program=runs_per_program,
        workers=1,
    )
    dataset, note = _dataset(config)
    study = _study(config, dataset)
    job = programs.Job(
        study=study,
        topology=described,
        setup=dataclasses.replace(placement.setup, kind="tpu", num_devices=chips),
        image_shape=dataset.image_shape,
        num_images=len(dataset.train_labels) + len(dataset.test_labels),
        num_classes=dataset.num_classes,
        resident=images.is_resident(dataset, wanted=config["dataset"]["resident"]),
    )
    compiled = tuple(study.point(name) for name in points) or _ends(study)
    return Check(job, compiled, {**placement.worker_envs[0], **ENVIRONMENT}, note)


def _check_installation() -> None:
    engines.check("jax")
    try:
        installation.check("jax", "tpu")
    except InputError as error:
        raise InputError(f"{error}; the extra jax-tpu contains what tpu_check needs") from None


def _dataset(config: Config) -> tuple[ImageDataset, str]:
    """Returns (data set, note): without its images if its published shape is known."""
    source = points_lib.source(config["dataset"])
    if placeholder.is_known(**source):
        dataset, origin = placeholder.load(**source), "the published sizes; nothing was loaded"
    else:
        dataset, origin = data.load(**source), "loaded"
    return dataset, f"{source['name']}: {description.counts(dataset)} ({origin})"


def _study(config: Config, dataset: ImageDataset) -> Study:
    """Returns the drafted study with two blocks of runs, whose subsets all have one size."""
    few = points_lib.plain(config)
    few["subsets"]["design"] = "balanced"
    few["subsets"]["num_runs"] = 2 * subsets.block_size(few["subsets"]["train_fraction"])
    return dataclasses.replace(studies.draft(few, dataset), config=points_lib.plain(config))


def _ends(study: Study) -> tuple[Point, ...]:
    """Returns the ends of the first series, and the last point of the last series of students."""
    series: dict[str, list[Point]] = {}
    for point in study.points:
        series.setdefault(point.series, []).append(point)
    first, *students = series.values()
    ends = [first[0], first[-1], *(points[-1] for points in students[-1:])]
    return tuple(dict.fromkeys(ends))


def run(check: Check) -> tuple[dict[str, Finding], dict[str, float]]:
    """Compiles point after point, each in a process of its own.

    Returns:
      (findings, counts): {point name: Finding} of the compiled points, and {point name: FLOPs of a
      run, counted before compiling} of all points.
    """
    logging.info("counting the FLOPs of %d points", len(check.job.study.points))
    counts = _in_process(check, programs.count_points, check.job)
    findings: dict[str, Finding] = {}
    for point in check.compiled:
        logging.info("compiling %s", point.name)
        try:
            findings[point.name] = _in_process(check, programs.compile_point, check.job, point)
        except concurrent.futures.process.BrokenProcessPool:
            findings[point.name] = Finding(_CRASH, math.nan, math.nan)
    return findings, counts


def _in_process(check: Check, function: Callable[..., T], *args: Any) -> T:
    """Returns the result of a function called in a new process."""
    return pool.call_in_process(check.environment, function, *args)


def failures(check: Check, findings: Mapping[str, Finding]) -> dict[str, str]:
    """Returns {point name: reason} of points that do not compile or do not fit a chip."""
    hbm = check.job.topology.chip.hbm
    reasons = {name: finding.error for name, finding in findings.items() if finding.error}
    for name, finding in findings.items():
        if finding.memory > hbm:
            size, available = tables.size(finding.memory), tables.size(hbm)
            reasons[name] = (
                f"needs {size} of a chip's {available}, including results not fetched yet"
            )
    return reasons


def text(check: Check, findings: Mapping[str, Finding], counts: Mapping[str, float]) -> str:
    """Returns the table with a row per point, and the totals."""
    study, topology = check.job.study, check.job.topology
    num_runs, agree = study.config["subsets"]["num_runs"], _agree(findings, counts)
    flops = {name: finding.flops for name, finding in findings.items() if not finding.error}
    if agree:
        flops = {**counts, **flops}
    hours = {name: num_runs * each / topology.chip.peak / 3600 for name, each in flops.items()}
    header = ["point", "runs", "compiler", "memory/chip", "of HBM"]
    header += ["FLOP/run", "runs/hour/chip", "chip-hours"]
    rows = [
        [point.name, num_runs, *_verdict(point.name, topology.chip, findings)]
        + _bound(point.name, num_runs, flops, hours)
        for point in study.points
    ]
    lines = [tables.text(header, rows)]
    if len(hours) == len(rows):
        total = sum(hours.values())
        lines.append(
            f"total: {len(rows) * num_runs} runs, at least {_plain(total)} chip-hours, "
            f"{_plain(total / topology.num_chips)} hours on {topology.name}: arithmetic alone, "
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


def _verdict(name: str, chip: chips_lib.Chip, findings: Mapping[str, Finding]) -> list[str]:
    """Returns the cells of the columns compiler, memory/chip and of HBM."""
    if name not in findings:
        return ["not compiled", "-", "-"]
    if findings[name].error:
        return ["fails", "-", "-"]
    memory = findings[name].memory
    return ["compiles", tables.size(memory), f"{memory / chip.hbm:.1%}"]


def _bound(
    name: str, num_runs: int, flops: Mapping[str, float], hours: Mapping[str, float]
) -> list[str]:
    """Returns the cells of the columns FLOP/run, runs/hour/chip and chip-hours."""
    if name not in flops:
        return ["-", "-", "-"]
    return [f"{flops[name]:.3g}", _plain(num_runs / hours[name]), _plain(hours[name])]


def _plain(number: float) -> str:
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
