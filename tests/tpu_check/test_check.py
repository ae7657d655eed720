"""The check of a study for TPU chips: what it compiles, counts and prints."""

import dataclasses
import importlib.util
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from memkit.configs import cifar100_distill, mnist_mlp

from memkit.errors import InputError
from memkit.studies import points
from memkit.tpu_check import check as tpu_check
from memkit.tpu_check import chips as tpu_chips
from memkit.tpu_check import table
from memkit.tpu_check.programs import Finding, count_points
from memkit.training import installation

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason="libtpu, the compiler, is not installed; it is for Linux on x86-64 only",
)

SCRIPT = pathlib.Path(__file__).parent / "check_script.py"
GOOD = Finding(error="", memory=2**30, flops=1e15)


def _mnist(**changes):
    config = points.plain(mnist_mlp.get_config().to_dict())
    for field, value in changes.items():
        section, _, name = field.partition("__")
        config[section][name] = value
    return config


def _script(*words):
    """Returns the words that the script prints in a process of its own, by name."""
    hidden = tpu_check.ENVIRONMENT | {"JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, SCRIPT, *words],
        capture_output=True,
        text=True,
        env=os.environ | hidden,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def _mlp_flops():
    """FLOPs of one run of the 784-512-256-10 perceptron, matrix products alone."""
    layers = ((784, 512), (512, 256), (256, 10))
    forward = sum(2 * a * b for a, b in layers)
    # Gradients of weights and of inputs; nobody asks for that of the images.
    per_example = 3 * forward - 2 * 784 * 512
    steps = 10 * (42_000 // 128)
    return per_example * 128 * steps + forward * math.ceil(70_000 / 512) * 512


@pytest.mark.parametrize(
    ("text", "chips", "peak"),
    [
        ("v4:2x2x1", 4, 275e12),
        ("v4:4x4x4", 64, 275e12),
        ("v5e:1x1", 1, 197e12),
        ("v5e:2x2", 4, 197e12),
        ("v5p:2x2x2", 8, 459e12),
        ("v6e:16x16", 256, 918e12),
    ],
)
def test_a_topology_has_its_chips_and_peak(text, chips, peak):
    topology = tpu_chips.topology(text)
    assert (topology.name, topology.num_chips, topology.chip.peak) == (text, chips, peak)


def test_the_two_cores_of_a_v4_chip_are_one_device():
    assert tpu_chips.topology("v4:2x2x1").options == {"chip_config_name": "megacore"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "received ''"),
        ("v5e", "such as v5e:2x2"),
        ("v5e-4", "such as v5e:2x2"),
        ("v5e:0x2", "such as v5e:2x2"),
        ("v5e:2x", "such as v5e:2x2"),
        ("v7x:2x2x1", "one of the chips v4, v5e, v5p, v6e"),
        ("v5e:2x2x1", "2 sides for v5e"),
        ("v4:2x2", "3 sides for v4"),
        ("v5e:1x2", "even first and second sides"),
        ("v6e:3x2", "even first and second sides"),
        ("v5e:32x32", "at most the 256 chips of a v5e pod"),
    ],
)
def test_an_impossible_topology_raises_an_error_with_examples(text, message):
    with pytest.raises(InputError, match="^--topology: expected ") as caught:
        tpu_chips.topology(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "flags", "message"),
    [
        ({}, {"packing": "zip"}, "--packing: unknown packing 'zip'"),
        ({}, {"runs_per_program": 4}, "--runs_per_program: expected 1, or --packing=map or vmap"),
        ({"training__data_parallel": 8}, {}, "chips that divide the 4 of --topology"),
        ({"training__data_parallel": 16}, {}, "training.data_parallel: expected 1, 2, 4 or 8"),
        ({}, {"points": ["depth8"]}, "point: unknown point"),
        ({"training__batch_size": 42_001}, {}, "at most the subset's 42000 examples"),
    ],
)
def test_configs_that_cannot_be_trained_raise_an_error(changes, flags, message):
    with pytest.raises(InputError) as caught:
        tpu_check.prepare(_mnist(**changes), topology="v5e:2x2", **flags)
    assert message in str(caught.value)


def test_a_missing_compiler_raises_an_error_that_names_the_extra(monkeypatch):
    is_installed = installation._is_installed
    monkeypatch.setattr(
        installation,
        "_is_installed",
        lambda name, folders: name != "libtpu" and is_installed(name, folders),
    )
    with pytest.raises(InputError, match="libtpu.*the extra jax-tpu"):
        tpu_check.prepare(_mnist(), topology="v5e:2x2")


def test_subsets_are_as_large_as_those_of_the_study():
    config = _mnist()
    small = config | {"subsets": config["subsets"] | {"num_runs": 400, "train_fraction": 0.99}}
    for study_config, size in ((config, 42_000), (small, 59_400)):
        job = tpu_check.prepare(study_config, topology="v5e:2x2").job
        assert job.study.train_mask[0].sum() == size
        assert job.study.config["subsets"]["num_runs"] == study_config["subsets"]["num_runs"]


def test_a_worker_holds_the_chips_that_share_a_run():
    check = tpu_check.prepare(_mnist(training__data_parallel=4), topology="v5e:2x2")
    assert (check.job.setup.kind, check.job.setup.num_devices) == ("tpu", 4)
    assert check.environment["JAX_PLATFORMS"] == "cpu"


def test_the_ends_of_the_axis_and_the_largest_student_are_compiled():
    config = points.plain(cifar100_distill.get_config().to_dict())
    check = tpu_check.prepare(config, topology="v5e:2x2")
    names = [point.name for point in check.compiled]
    assert names == ["one_hot_depth8", "one_hot_depth110", "distilled_depth110"]
    chosen = tpu_check.prepare(config, topology="v5e:2x2", points=["distilled_depth20"])
    assert [point.name for point in chosen.compiled] == ["distilled_depth20"]


@pytest.fixture(scope="module")
def check():
    config = points.plain(cifar100_distill.get_config().to_dict())
    return tpu_check.prepare(config | {"series": ["one_hot"]}, topology="v5e:2x2")


def test_a_compiler_that_crashes_is_a_finding(check, counts, monkeypatch):
    real = tpu_check._in_process

    def crashing(check, function, *arguments):
        return counts if function is count_points else real(check, os._exit, 3)

    monkeypatch.setattr(tpu_check, "_in_process", crashing)
    findings, _ = tpu_check.run(dataclasses.replace(check, compiled=check.compiled[:1]))
    assert "was killed" in findings["one_hot_depth8"].error
    assert "was killed" in tpu_check.failures(check, findings)["one_hot_depth8"]


@pytest.fixture(scope="module")
def counts(check):
    return {point.name: 1e15 * (1 + i) for i, point in enumerate(check.job.study.points)}


def _findings(counts, check, **changes):
    return {
        point.name: dataclasses.replace(GOOD, flops=counts[point.name], **changes)
        for point in check.compiled
    }


def test_the_table_converts_flops_and_estimates_to_hours(check, counts):
    findings = _findings(counts, check, step=0.018, run=300.0)
    first, last = findings
    findings[last] = dataclasses.replace(findings[last], run=1500.0)
    lines = table.text(check, findings, counts).splitlines()
    assert len(lines) == 11
    # 300 s a run are 12 runs an hour, and 400 runs 33.3 hours.
    row = "one_hot_depth8 400 compiles 1.07 GB 6.3% 18 12 33.3 1e+15 709 0.564"
    assert lines[1].split() == row.split()
    # The FLOPs of depth 32 are in the middle of those of depths 8 and 110.
    row = "one_hot_depth32 400 not compiled - - - ~4 ~100 4e+15 177 2.26"
    assert lines[4].split() == row.split()
    # 7 points of 400 runs of 900 s on average, and of (1 + ... + 7) / 7 x 1e15 FLOPs at 197e12/s.
    assert lines[-3] == (
        "total: 2800 runs, 700 chip-hours by the compiler's estimates, 175 hours on v5e:2x2"
    )
    assert lines[-2].startswith("~: not compiled")
    assert lines[-1].startswith("total: 2800 runs, at least 15.8 chip-hours: arithmetic alone")


def test_a_table_without_estimates_has_the_bound_alone(check, counts):
    text = table.text(check, _findings(counts, check), counts)
    assert "estimates" not in text
    row = "one_hot_depth8 400 compiles 1.07 GB 6.3% - - - 1e+15 709 0.564"
    assert text.splitlines()[1].split() == row.split()


def test_counts_that_the_compiler_contradicts_are_not_used(check, counts):
    doubled = {name: 2 * flops for name, flops in counts.items()}
    text = table.text(check, _findings(doubled, check), counts)
    assert "total" not in text
    assert "counts before and after differ" in text.splitlines()[-1]
    assert text.splitlines()[2].split()[-3:] == ["-", "-", "-"]
    assert "2e+15" in text.splitlines()[1]


def test_compiler_errors_and_too_much_memory_are_failures(check, counts):
    first, last = (point.name for point in check.compiled)
    findings = _findings(counts, check)
    assert tpu_check.failures(check, findings) == {}
    findings[first] = Finding("RESOURCE_EXHAUSTED: no", np.nan, np.nan)
    findings[last] = dataclasses.replace(findings[last], memory=17 * 2**30)
    actual = tpu_check.failures(check, findings)
    assert actual[first].startswith(
        "RESOURCE_EXHAUSTED: no; try --config.training.precision=bfloat16"
    )
    assert actual[last].startswith("needs 18.3 GB of a chip's 16.9 GB")
    assert "fails" in table.text(check, findings, counts)


@pytest.mark.parametrize(
    ("model", "num_arrays"),
    [("mlp", (19, 11)), pytest.param("resnet", (104, 63), marks=pytest.mark.slow)],
)
def test_the_lowered_programs_are_those_that_the_engine_calls(model, num_arrays):
    """Shapes and types of all arguments, of students, two runs in a program."""
    results = _script("arguments", model)
    for images in ("resident", "streamed"):
        for program, number in zip(("train", "evaluate"), num_arrays, strict=True):
            assert results[f"{images}_{program}"] == "same"
            assert int(results[f"{images}_{program}_arrays"]) == number


@pytest.mark.slow
def test_flops_and_estimates_of_a_step_are_the_same_however_runs_are_divided():
    results = {name: float(number) for name, number in (_script("flops")).items()}
    ways = {"none", "map", "vmap", "two_chips", "streamed"}
    assert set(results) == {"counted", *ways, *(f"{name}_step" for name in ways)}
    for name in ("counted", *ways):
        assert results[name] == pytest.approx(_mlp_flops(), rel=0.05), name
    # A step of one run takes as long in a loop over steps as alone, and in a loop over runs.
    steps = {name: results[f"{name}_step"] for name in ways}
    least = 3 * 2 * 128 * (784 * 512 + 512 * 256 + 256 * 10) / 197e12
    assert all(least < seconds < 100 * least for seconds in steps.values())
    assert steps["map"] == pytest.approx(steps["none"], rel=0.5)
    assert steps["streamed"] == pytest.approx(steps["none"], rel=1.0)
    assert steps["vmap"] < steps["none"]


@pytest.mark.slow
def test_memory_is_that_of_the_existing_arrays():
    results = {name: float(number) for name, number in (_script("memory")).items()}
    images = 70_000 * 784
    weights = 4 * (784 * 512 + 512 * 256 + 256 * 10)
    assert images + 2 * weights < results["none"] < 1.2 * images + 4 * weights
    assert 2 * 7 * weights < results["vmap"] - results["none"] < 6 * 7 * weights
    assert results["streamed"] < 0.3 * results["none"]
