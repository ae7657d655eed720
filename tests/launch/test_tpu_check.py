import importlib.util
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason="libtpu, the compiler, is not installed; it is for Linux on x86-64 only",
)

CONFIG = ["--config=mnist_mlp"]

BAD = {
    "no topology": ([], ["--topology: missing value"]),
    "unknown chip": (
        ["--topology=v9:2x2"],
        ["--topology: expected one of the chips v4, v5e, v5p, v6e, such as v5e:2x2"],
    ),
    "unknown point": (
        ["--topology=v5e:2x2", "--points=depth8"],
        ["point: unknown point 'depth8'"],
    ),
    "an engine": (["--topology=v5e:2x2", "--engine=tensorflow"], ["engine"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_gets_one_line_and_code_2(memkit, case):
    args, words = BAD[case]
    result = memkit("tpu_check", *CONFIG, *args)
    assert result.code == 2, result.err
    assert len(result.err.strip().splitlines()) == 1, result.err
    for word in words:
        assert word in result.err


def test_the_process_of_the_command_imports_no_engine():
    code = """
import sys
from memkit.configs import mnist_mlp
from memkit.studies import points
import memkit.launch.tpu_check
from memkit.tpu_check import check
check.prepare(points.plain(mnist_mlp.get_config().to_dict()), topology="v6e:2x4")
found = {"tensorflow", "keras", "jax"} & set(sys.modules)
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_smoke_study_compiles(memkit):
    result = memkit("tpu_check", "--config=mnist_mlp:smoke", "--topology=v5e:2x2")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0] == "made_up: 48 train and 16 test images of 8x8x1, 4 classes (loaded)"
    row = next(line for line in lines if line.startswith("one_hot"))
    assert "compiles" in row
    assert "total: 20 runs, at least " in result.out
    assert "nothing was run" in lines[-1]


@pytest.mark.slow
def test_what_does_not_fit_a_chip_is_one_line_and_code_1(memkit):
    too_many = ["--packing=vmap", "--runs_per_program=5000"]
    result = memkit("tpu_check", *CONFIG, "--topology=v5e:1x1", *too_many)
    assert result.code == 1, result.err
    assert "fails" in result.out
    failed = [line for line in result.err.splitlines() if line.startswith("failed: one_hot: ")]
    assert len(failed) == 1
    assert "15.75G" in failed[0]
