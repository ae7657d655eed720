import configparser
import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import memkit

ROOT = pathlib.Path(__file__).parents[1]


def run(*command, cwd, path):
    """Runs Python with a folder of packages; returns the completed process."""
    environment = os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=cwd, env=environment
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Returns a folder outside of the checkout into which the wheel is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, since a build leaves a build/ folder whose files the next build would include.
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
def test_the_wheel_installs_only_memkit_and_its_types(installed):
    names = {p.name for p in installed.iterdir() if p.suffix != ".dist-info" and p.name != "bin"}
    assert names == {"memkit"}
    assert (installed / "memkit" / "py.typed").exists()


@pytest.mark.slow
def test_the_wheel_works_outside_of_a_checkout(installed, smoke_study, tmp_path):
    printed = run("-c", "import memkit; print(memkit.__file__)", cwd=tmp_path, path=installed)
    assert printed.stdout.startswith(str(installed))
    study = shutil.copytree(smoke_study, tmp_path / "study")
    shutil.rmtree(study / "report")
    (record, *_) = study.glob("points/*/runs/0.npz")
    record.unlink()
    command = ["run", "--config=digits_width:smoke", "--config.record.all_probs"]
    command += [f"--workdir={study}", "--workers=1"]
    result = run("-m", "memkit.cli", *command, cwd=tmp_path, path=installed)
    assert result.returncode == 0, result.stderr
    assert record.exists()
    assert (study / "report" / "index.html").exists()


def test_the_version_is_the_one_of_the_installed_package():
    assert memkit.__version__ == importlib.metadata.version("memkit")
    with pytest.raises(AttributeError, match="module 'memkit' has no attribute 'version'"):
        memkit.version  # noqa: B018


def test_the_changelog_and_the_citation_name_the_version():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    version = setup["metadata"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest, date = re.search(r"^## (\S+) \((\S+)\)$", changelog, re.MULTILINE).groups()
    assert newest == version
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {version}\ndate-released: {date}\n" in citation


def test_importing_a_checkout_that_is_not_installed_explains_how_to_install_it(tmp_path):
    code = (
        "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in str(f)];"
        "sys.path.insert(0, '.'); import launch"
    )
    result = run("-c", code, cwd=ROOT, path=tmp_path)
    assert result.returncode == 1
    assert "memkit is not installed in this Python: run `make install`" in result.stderr


def test_the_modules_whose_examples_make_runs_exist():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    names = re.search(r"addprefix memkit/,((?:.*\\\n)*.*)\)", text)[1].replace("\\", " ").split()
    assert names
    assert [name for name in names if not (ROOT / "memkit" / name).exists()] == []


@pytest.mark.slow
def test_tests_of_a_file_stay_in_one_process_of_the_slow_suite():
    """Their fixtures are made once; it takes a version of pytest that xdist groups tests under."""
    options = ["-n", "2", "--dist", "loadgroup", "-o", "addopts=--import-mode=importlib", "-v"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        [*command, "tests/test_printable.py"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout
    processes = re.findall(r"^\[(gw\d)\].* PASSED ", done.stdout, re.MULTILINE)
    assert len(processes) > 5
    assert len(set(processes)) == 1


def test_no_tracked_file_has_the_marks_of_an_unresolved_merge():
    command = ["git", "grep", "-lE", "^(<{7}|>{7}) "]
    found = subprocess.run(
        command, cwd=pathlib.Path(__file__).parent.parent, capture_output=True, text=True
    )
    assert (found.returncode, found.stdout) == (1, "")
