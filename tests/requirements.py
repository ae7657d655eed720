"""Whether every extra resolves on every system: asks a resolver and installs nothing.

    python -m tests.requirements

prints a table, and for what cannot be installed why not. It needs a network.
"""

import concurrent.futures
import configparser
import dataclasses
import pathlib
import shutil
import subprocess
import sys
import tempfile

from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
# Name -> the platform as uv knows it. libtpu needs a glibc of 2.31, the others less.
PLATFORMS = {
    "Linux x86-64": "x86_64-manylinux_2_31",
    "Linux aarch64": "aarch64-manylinux_2_31",
    "macOS arm64": "aarch64-apple-darwin",
}
# The extras that `make` installs, with the versions of constraints.txt.
CONSTRAINED = ("cpu", "test")
# promise, which is pure Python, has no wheel; it need not be built to know what it requires.
SETTINGS = """
no-binary-package = ["promise"]
dependency-metadata = [{name = "promise", version = "2.3", requires-dist = ["six"]}]
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """An extra of memkit on one system.

    Attributes:
      extra: key of [options.extras_require] in setup.cfg.
      platform: key of PLATFORMS.
      python: version, such as "3.11".
    """

    extra: str
    platform: str
    python: str


def extras() -> tuple[str, ...]:
    """Returns the names of all extras in the order of setup.cfg."""
    return tuple(_setup()["options.extras_require"])


def lines(extra: str) -> list[Requirement]:
    """Returns what an extra requires."""
    text = _setup()["options.extras_require"][extra]
    return [Requirement(line) for line in text.splitlines() if line and line[0] != "#"]


def _setup() -> configparser.ConfigParser:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return setup


def cases(extra: str) -> list[Case]:
    """Returns one extra on every platform with every Python."""
    return [Case(extra, platform, python) for platform in PLATFORMS for python in PYTHONS]


def why_not(case: Case) -> str:
    """Returns why nobody can install an extra somewhere, "" where everybody can."""
    is_x86 = case.platform == "Linux x86-64"
    if case.extra in ("gpu", "jax-gpu") and case.platform == "macOS arm64":
        return "there is no CUDA for macOS"
    if case.extra == "tpu" and not is_x86:
        return "tensorflow-tpu is for Linux on x86-64 only"
    if case.extra == "tpu" and case.python == "3.13":
        return "tensorflow-tpu 2.19, the last one, is for Python 3.9 to 3.12"
    if case.extra == "jax-tpu" and not is_x86:
        return "libtpu is for Linux on x86-64 only"
    return ""


def wheel(folder: pathlib.Path) -> pathlib.Path:
    """Builds the wheel of this checkout in an empty folder, beside the settings of the resolver."""
    # A copy, since building leaves a build/ folder that the next build would take for sources.
    ignored = shutil.ignore_patterns(".*", "out", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, folder / "memkit", ignore=ignored)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel")
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    subprocess.run([*pip, *options, folder / "memkit"], check=True)
    (folder / "uv.toml").write_text(SETTINGS)
    (built,) = folder.glob("*.whl")
    return built


def problem(case: Case, built: pathlib.Path) -> str:
    """Returns what the resolver complains of, "" where it finds a set of wheels.

    Raises:
      ConnectionError: no package index answers.
    """
    command = (sys.executable, "-m", "uv", "pip", "compile", "--quiet", "-")
    system = (f"--python-platform={PLATFORMS[case.platform]}", f"--python-version={case.python}")
    settings = (f"--config-file={built.with_name('uv.toml')}", "--only-binary=:all:")
    tested = (f"--constraints={ROOT / 'constraints.txt'}",) if case.extra in CONSTRAINED else ()
    done = subprocess.run(
        [*command, *system, *settings, *tested],
        input=f"memkit[{case.extra}] @ {built.as_uri()}",
        capture_output=True,
        text=True,
    )
    if "Failed to fetch" in done.stderr:
        raise ConnectionError(done.stderr)
    return " ".join(done.stderr.split()) if done.returncode else ""


def main() -> int:
    """Prints the table; returns 1 where an extra does not resolve for no known reason."""
    unknown, reasons = [], set()
    print(f"{'extra':9}" + "".join(f"{platform:>20}" for platform in PLATFORMS))
    print(f"{'':9}" + f"{' '.join(PYTHONS):>20}" * len(PLATFORMS))
    with (
        tempfile.TemporaryDirectory() as folder,
        concurrent.futures.ThreadPoolExecutor(9) as threads,
    ):
        built = wheel(pathlib.Path(folder))
        for extra in extras():
            everywhere = cases(extra)
            problems = list(threads.map(lambda case: problem(case, built), everywhere))
            cells = ["no" if cell else "yes" for cell in problems]
            rows = (" ".join(f"{cell:>4}" for cell in cells[i : i + 3]) for i in range(0, 9, 3))
            print(f"{extra:9}" + "".join(f"{row:>20}" for row in rows), flush=True)
            for case, received in zip(everywhere, problems):
                reasons.add(why_not(case))
                if bool(received) != bool(why_not(case)):
                    unknown.append(f"{case}: {received or 'it resolves'}")
    print(*(f"no: {reason}" for reason in sorted(reasons - {""})), *unknown, sep="\n")
    return 1 if unknown else 0


if __name__ == "__main__":
    raise SystemExit(main())
