"""Every command of README.md and docs/ runs.

The rule for who writes these pages: a block of ```sh is run, line by line, and a block of
```python too, in the order of the page and in one folder, as a reader would do it. A block with a
title is written to that file instead. Commands of memkit run in a small size, see `smoke`: studies
become `NAME:smoke`, of digits with 20 images per class; those that name images of the reader keep
them and become small by overrides. The folder holds `photos`, `unsplit`, `images.npz` and the
finished study of digits. What cannot run here (other devices, hours of training, files that nobody
may copy) is in blocks of ```console or indented, of which only verbs, flags and configs are
checked; what is no command has no language or ```text. `make`, `pip` and `python -m` are not run;
what they name must exist.
"""

import re
import shutil
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
import sklearn.datasets

from memkit import cli
from tests import once
from tests.docs import pages

# Overrides of studies on images of the reader, of studies on digits, and of what is only compiled.
IMAGES = {
    "subsets.num_runs": 20,
    "training.epochs": 1,
    "training.batch_size": 8,
    "schedule.warmup_epochs": 0.0,
    "model.depth": 8,
    "model.width": 4,
}
DIGITS = {
    "dataset.train_per_class": 20,
    "dataset.test_per_class": 4,
    "training.batch_size": 16,
}
COMPILED = {"axis.values": "(8,)"}
# Verbs that train. One worker spends its time on training, and not each on starting.
TRAINING = ("run", "train", "removal")
RUN = ("sh", "python")
PAGES_THAT_RUN = [p for p in pages.PAGES if any(b.language in RUN for b in pages.blocks(p))]


@pytest.fixture(scope="session")
def run(memkit):
    """Returns a function (words of a command, folder) that fails with what the command prints."""

    def execute(command, folder):
        if command[0] == "memkit":
            result = memkit(*smoke(command[1:]), cwd=folder)
            assert result.code == 0, (command, result.err)
            return
        command = [sys.executable, *command[1:]]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        assert done.returncode == 0, (command, done.stderr)

    return execute


def smoke(words):
    """Returns the words of a memkit command with its study in a small size."""
    verb, *flags = words
    small = [verb]
    for flag in flags:
        config = flag.removeprefix("--config=")
        if flag.startswith("--minutes="):
            small.append("--minutes=0.1")
        elif config == flag:
            small.append(flag)
        elif "path=" in config:
            small += [flag, *_overrides(IMAGES)]
        else:
            name, colon, arguments = config.partition(":")
            small.append(f"--config={name}:{arguments}{',' if colon else ''}smoke")
            small += _overrides(DIGITS) if name.startswith("digits") else []
            is_measured = verb == "plan" and "--no_measure" not in flags
            has_teacher = "distill" in name  # The axis must have its value.
            if (is_measured or verb == "tpu_check") and not has_teacher:
                small += _overrides(COMPILED)
    small += ["--workers=1"] if verb in TRAINING or "--minutes=0.1" in small else []
    small += ["--thresholds=0.25", "--repeats=2"] if verb == "removal" else []
    return small


def _overrides(fields):
    return [f"--config.{field}={value}" for field, value in fields.items()]


def check_unrun(words):
    """Fails where a command that is not run names what does not exist."""
    line = " ".join(words)
    if words[0] == "make":
        makefile = (pages.ROOT / "Makefile").read_text()
        assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), line
    elif words[0] == "pip":
        setup = (pages.ROOT / "setup.cfg").read_text()
        for extra in re.findall(r"\[(.+)\]", line):
            assert re.search(rf"^{extra} =$", setup, re.MULTILINE), line
    else:
        assert words[:2] == ["python", "-m"], f"not a command of these pages: {line}"
        assert (pages.ROOT / (words[2].replace(".", "/") + ".py")).exists(), line


@pytest.fixture(scope="session")
def readers_files(tmp_path_factory, run):
    """A folder with images as a reader has them, and the study of digits; tests only read it."""

    def make(folder):
        folder.mkdir()
        _write_images(folder)
        run(["memkit", "run", "--config=digits_width", "--workdir=out/digits"], folder)

    return once.made(tmp_path_factory, "reader", make)


def _write_images(folder):
    digits = sklearn.datasets.load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    chosen = [i for i in range(100) if digits.target[i] < 3]
    for number, i in enumerate(chosen):
        part = "test" if number % 5 == 0 else "train"
        for path in (f"photos/{part}/{digits.target[i]}", f"unsplit/{digits.target[i]}"):
            (folder / path).mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(images[i]).convert("RGB").save(folder / path / f"{i}.png")
    arrays = {"x_train": images[:60], "x_test": images[60:80]}
    labels = {"y_train": digits.target[:60], "y_test": digits.target[60:80]}
    np.savez(folder / "images.npz", **arrays, **labels)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES_THAT_RUN, ids=pages.name)
def test_the_commands_of_a_page_run_in_order(page, readers_files, run, tmp_path):
    folder = tmp_path / "reader"
    shutil.copytree(readers_files, folder)
    for block in (b for b in pages.blocks(page) if b.language in RUN):
        if block.title:
            (folder / block.title).write_text(block.text)
        elif block.language == "python":
            # The smoke study of digits ends at width 4.
            run(["python", "-c", block.text.replace("width16", "width4")], folder)
        else:
            for words in pages.commands(block.text):
                if words[0] == "memkit" or (words[0] == "python" and words[1] != "-m"):
                    run(words, folder)
                else:
                    check_unrun(words)


@pytest.mark.slow
def test_every_chart_of_a_report_is_explained(smoke_study):
    explained = re.findall(r"`(\w+)(?:_<\w+>)?`", (pages.ROOT / "docs/reading.md").read_text())
    charts = list((smoke_study / "report/charts").glob("*.png"))
    assert charts
    for chart in charts:
        assert chart.stem.startswith(tuple(explained)), chart.stem


@pytest.mark.slow
def test_every_verb_flag_and_config_of_the_pages_exists(memkit):
    known = {
        verb: set(re.findall(r"^  --(\w+)", memkit(verb, "--help").out, re.MULTILINE))
        for verb in cli.VERBS
    }
    configs = {path.stem for path in (pages.ROOT / "configs").glob("*.py")}
    commands = [(page, words) for page in pages.PAGES for words in pages.mentioned(page)]
    assert commands
    for page, (_, verb, *words) in commands:
        line = f"{pages.name(page)}: memkit {verb} {' '.join(words)}"
        assert verb in known, line
        for flag in re.findall(r"(?:^| )--(\w+)", " ".join(words)):
            assert flag in {*known[verb], "help"}, line
        for config in re.findall(r"--config=(\w+)", " ".join(words)):
            assert config in {*configs, "NAME", "FILE"}, line


def test_pages_have_no_block_whose_language_hides_it_from_these_tests():
    languages = {block.language for page in pages.PAGES for block in pages.blocks(page)}
    assert languages <= {"", "sh", "python", "console", "text", "yaml", "bibtex"}


def test_text_of_pages_is_wrapped_at_100_columns():
    names = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
    for page in (*pages.PAGES, *(pages.ROOT / name for name in names)):
        is_code = False
        for number, line in enumerate(page.read_text().splitlines(), 1):
            is_code ^= line.lstrip().startswith("```")
            # Tables, pictures, and what has no spaces to break at, such as links and commands.
            longest = max(map(len, re.findall(r"`[^`]*`|\S+", line)), default=0)
            is_free = line.lstrip().startswith(("|", "<", "![")) or longest > 60
            assert is_code or is_free or len(line) <= 100, f"{pages.name(page)}:{number}"
