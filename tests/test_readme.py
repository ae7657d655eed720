import pathlib
import re
import shlex
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = {
    language: re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    for language in ("sh", "python")
}
COMMANDS = [line for block in BLOCKS["sh"] for line in block.splitlines()]


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^make (\w+)", "\n".join(COMMANDS), re.MULTILINE)
    assert targets == ["demo", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_file_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_extra_of_the_readme_exists():
    setup = (ROOT / "setup.cfg").read_text()
    for extra in re.findall(r"pip install -e '\.\[(\w+)\]'", README):
        assert re.search(rf"^{extra} =$", setup, re.MULTILINE)


@pytest.mark.slow
def test_the_memkit_commands_and_the_notebook_lines_of_the_readme_run(tmp_path):
    """In smoke size; in order, in one folder, as a reader would."""
    ran = 0
    for line in COMMANDS:
        words = shlex.split(line, comments=True)
        if words[:1] != ["memkit"]:
            continue
        words = [w + ":smoke" if w.startswith("--config=") else w for w in words[1:]]
        command = [sys.executable, "-m", "memkit.cli", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, (line, done.stderr)
        ran += 1
    assert ran == 10
    (lines,) = BLOCKS["python"]
    lines = lines.replace("width16", "width4") + "print(scores.value.shape, scores.upper.max())"
    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(1437,)")
