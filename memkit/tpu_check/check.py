"""Checks whether a study compiles for TPU chips and fits them, and tabulates the results."""

import concurrent.futures.process
import dataclasses
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

_CRASH = "the compiler's process was killed: the compiler crashed, or memory ran out"

_REMEDY = (
    "; try --config.training.precision=bfloat16, a larger --config.training.data_parallel, a chip "
    "with more memory, or --config.training.remat=true"
)

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
        findings[point.name] = compiled(check, point)
    return findings, counts


def compiled(check: Check, point: Point) -> Finding:
    """Returns the Finding of a point, compiled in a process of its own."""
    try:
        return _in_process(check, programs.compile_point, check.job, point)
    except concurrent.futures.process.BrokenProcessPool:
        return Finding(_CRASH, math.nan, math.nan)


def _in_process(check: Check, function: Callable[..., T], *args: Any) -> T:
    """Returns the result of a function called in a new process."""
    return pool.call_in_process(check.environment, function, *args)


def failures(check: Check, findings: Mapping[str, Finding]) -> dict[str, str]:
    """Returns {point name: reason} of points that do not compile or do not fit a chip."""
    hbm = check.job.topology.chip.hbm
    reasons = {
        name: f"{finding.error}{_REMEDY if 'RESOURCE_EXHAUSTED' in finding.error else ''}"
        for name, finding in findings.items()
        if finding.error
    }
    for name, finding in findings.items():
        if finding.memory > hbm:
            size, available = tables.size(finding.memory), tables.size(hbm)
            reasons[name] = (
                f"needs {size} of a chip's {available}, including results not fetched yet{_REMEDY}"
            )
    return reasons
