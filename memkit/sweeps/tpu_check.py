"""A study compiled for TPU chips in a process of its own, and the table of what that says."""

import concurrent.futures.process
import dataclasses
import importlib.metadata
import math

from absl import logging

from memkit import data, studies, subsets, tables
from memkit.data import description, placeholder
from memkit.errors import InputError, expected
from memkit.studies import points as points_lib
from memkit.sweeps import placement as placement_lib
from memkit.sweeps import pool
from memkit.training import devices, engines, images, installation, tpu_check, tpu_chips

AGREEMENT = 0.1  # relative; how far the two counts of FLOPs may be apart to trust the cheap one

_CRASH = "the compiler's process died: a fault of the compiler, or this machine's memory is full"

# A library that is only asked to compile neither looks for a TPU nor takes its lock.
ENVIRONMENT = {"TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "true"}


@dataclasses.dataclass(frozen=True)
class Check:
    """What is to be compiled.

    Attributes:
      job: tpu_check.Job.
      compiled: tuple of the points to compile; of the others FLOPs are only counted.
      environment: variables of the process that compiles.
      note: one line: the data set and where its shape is from.
    """

    job: tpu_check.Job
    compiled: tuple
    environment: dict
    note: str


def prepare(config, *, topology, points=(), packing="none", runs_per_program=1):
    """Returns the Check of a config; imports no engine.

    Args:
      config: nested dict that passed `checks.check`.
      topology: text of --topology.
      points: names of the points to compile; none stands for the ends of the first series and the
        largest student.
      packing: one of engines.PACKINGS.
      runs_per_program: runs on one chip in one program.

    Raises:
      InputError: names the flag or field; or says how to install the compiler.
    """
    described = tpu_chips.topology(topology)
    chips = config["training"]["data_parallel"]
    if chips not in devices.TPU_BOUNDS or described.num_chips % chips:
        wanted = f"1, 2, 4 or 8 chips that divide the {described.num_chips} of --topology"
        raise expected("training.data_parallel", wanted, chips)
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
    job = tpu_check.Job(
        study=study,
        topology=described,
        setup=dataclasses.replace(placement.setup, kind="tpu", num_devices=chips),
        image_shape=tuple(dataset.image_shape),
        num_images=len(dataset.train_labels) + len(dataset.test_labels),
        num_classes=dataset.num_classes,
        resident=images.is_resident(dataset, wanted=config["dataset"]["resident"]),
    )
    chosen = tuple(study.point(name) for name in points) or _ends(study)
    return Check(job, chosen, placement.worker_envs[0] | ENVIRONMENT, note)


def _check_installation():
    engines.check("jax")
    try:
        installation.check("jax", "tpu")
    except InputError as error:
        raise InputError(f"{error}; the extra jax-tpu has what tpu_check needs") from None


def _dataset(config):
    source = points_lib.source(config["dataset"])
    if not placeholder.is_known(**source):
        dataset, origin = data.load(**source), "loaded"
    else:
        dataset, origin = placeholder.load(**source), "the published sizes; nothing was loaded"
    return dataset, f"{source['name']}: {description.counts(dataset)} ({origin})"


def _study(config, dataset):
    """Returns the drafted study with two blocks of runs: all runs have subsets of one size."""
    few = points_lib.plain(config)
    few["subsets"]["design"] = "balanced"
    few["subsets"]["num_runs"] = 2 * subsets.block_size(few["subsets"]["train_fraction"])
    return dataclasses.replace(studies.draft(few, dataset), config=config)


def _ends(study):
    series = {}
    for point in study.points:
        series.setdefault(point.series, []).append(point)
    first, *students = series.values()
    ends = [first[0], first[-1], *(points[-1] for points in students[-1:])]
    return tuple(dict.fromkeys(ends))


def run(check):
    """Compiles point after point, each in a process of its own.

    Returns:
      (findings, counts): {point name: tpu_check.Finding} of the compiled points, {point name: FLOPs
      of a run, counted before compiling} of all.
    """
    logging.info("counting the FLOPs of %d points", len(check.job.study.points))
    counts, findings = _apart(check, tpu_check.count_points, check.job), {}
    for point in check.compiled:
        logging.info("compiling %s", point.name)
        try:
            findings[point.name] = _apart(check, tpu_check.compile_point, check.job, point)
        except concurrent.futures.process.BrokenProcessPool:
            findings[point.name] = tpu_check.Finding(_CRASH, math.nan, math.nan)
    return findings, counts


def _apart(check, function, *arguments):
    """Returns what a function returns in a new process."""
    return pool.call_in_process(check.environment, function, *arguments)


def failures(check, findings):
    """Returns {point name: one line} of what does not compile or does not fit a chip."""
    hbm = check.job.topology.chip.hbm
    found = {name: finding.error for name, finding in findings.items() if finding.error}
    for name, finding in findings.items():
        if finding.memory > hbm:
            size, most = tables.size(finding.memory), tables.size(hbm)
            found[name] = f"needs {size} of a chip's {most} with the results that wait"
    return found


def text(check, findings, counts):
    """Returns the table with a row per point, and what it adds up to.

    Args:
      check: Check.
      findings, counts: see `run`.
    """
    study, topology = check.job.study, check.job.topology
    num_runs, agree = study.config["subsets"]["num_runs"], _agree(findings, counts)
    flops = {name: found.flops for name, found in findings.items() if not found.error}
    if agree:
        flops = counts | flops
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


def _agree(findings, counts):
    """True where counting before compiling gives what the compiled programs do."""
    both = [(found.flops, counts[name]) for name, found in findings.items() if not found.error]
    return all(abs(before / after - 1) <= AGREEMENT for after, before in both)


def _verdict(name, chip, findings):
    """Returns the cells compiler, memory/chip and of HBM."""
    if name not in findings:
        return ["not asked", "-", "-"]
    if findings[name].error:
        return ["fails", "-", "-"]
    memory = findings[name].memory
    return ["compiles", tables.size(memory), f"{memory / chip.hbm:.1%}"]


def _bound(name, num_runs, flops, hours):
    """Returns the cells FLOP/run, runs/hour/chip and chip-hours."""
    if name not in flops:
        return ["-", "-", "-"]
    return [f"{flops[name]:.3g}", _plain(num_runs / hours[name]), _plain(hours[name])]


def _plain(number):
    """Returns three significant digits, or all before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def made_by(check):
    """Returns a line that says what was compiled by what, and that nothing was run."""
    chips = check.job.setup.num_devices
    packed = f"{chips} chips per run" if chips > 1 else "one worker process per chip"
    if check.job.setup.packing != "none":
        packed += f", {check.job.setup.runs_per_program} runs by {check.job.setup.packing}"
    version = importlib.metadata.version
    names = ", ".join(f"{name} {version(name)}" for name in ("jax", "libtpu", "keras"))
    return f"compiled for {check.job.topology.name} ({packed}) by {names}; nothing was run"
