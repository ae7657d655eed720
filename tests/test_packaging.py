import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def run(*command, cwd, path):
    environment = os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=cwd, env=environment
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the built wheel unpacked in it, away from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, since building leaves a build/ folder that the next build would take for sources.
    copy = folder / "memkit"
    ignored = shutil.ignore_patterns(".*", "out", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=ignored)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", ".", "--no-deps", "--no-build-isolation", "-w", folder],
        cwd=copy,
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", target, wheel], check=True)
    return target


@pytest.mark.slow
def test_the_wheel_adds_only_memkit(installed):
    names = {p.name for p in installed.iterdir() if p.suffix != ".dist-info" and p.name != "bin"}
    assert names == {"memkit"}


@pytest.mark.slow
def test_the_wheel_works_outside_of_a_checkout(installed, smoke_study, tmp_path):
    where = run("-c", "import memkit; print(memkit.__file__)", cwd=tmp_path, path=installed)
    assert where.stdout.startswith(str(installed))
    study = shutil.copytree(smoke_study, tmp_path / "study")
    shutil.rmtree(study / "report")
    (record, *_) = study.glob("points/*/runs/0.npz")
    record.unlink()
    command = ["run", "--config=digits_width:smoke", f"--workdir={study}", "--workers=1"]
    result = run("-m", "memkit.cli", *command, cwd=tmp_path, path=installed)
    assert result.returncode == 0, result.stderr
    assert record.exists()
    assert (study / "report" / "index.html").exists()


def test_a_checkout_without_an_installation_says_so(tmp_path):
    code = (
        "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in str(f)];"
        "sys.path.insert(0, '.'); import launch"
    )
    result = run("-c", code, cwd=ROOT, path=tmp_path)
    assert result.returncode == 1
    assert "memkit is not installed in this Python: run `make install`" in result.stderr
