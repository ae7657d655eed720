"""Every script and notebook of examples/ runs, as a reader would run it."""

import subprocess
import sys

import nbclient
import nbformat
import numpy as np
import PIL.Image
import pytest
import sklearn.datasets

from tests.docs import pages

EXAMPLES = pages.ROOT / "examples"


def run(name, *arguments):
    """Returns what an example prints."""
    command = [sys.executable, EXAMPLES / f"{name}.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def photos(tmp_path):
    """A folder of 64 digits in two classes, of which one in five is in the test part."""
    digits = sklearn.datasets.load_digits(n_class=2)
    for i, (image, label) in enumerate(zip(digits.images[:64], digits.target)):
        folder = tmp_path / "photos" / ("test" if i % 5 == 0 else "train") / "ab"[label]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.rint(image * (255 / 16)).astype(np.uint8)
        PIL.Image.fromarray(pixels).convert("RGB").save(folder / f"{i}.png")
    return tmp_path / "photos"


@pytest.mark.slow
def test_one_run_prints_the_accuracy_on_its_subset_and_on_the_other_images():
    printed = run("one_run", "--epochs=5")
    assert "trains on 1006 of 1437 images" in printed
    inside, outside = (
        float(line.rsplit(" ", 1)[1])
        for line in printed.splitlines()
        if line.startswith("accuracy on")
    )
    assert inside > 0.5 and outside > 0.5


@pytest.mark.slow
def test_own_model_prints_a_row_per_size():
    printed = run("own_model", "--num_runs=20", "--epochs=2")
    assert "one_hot_units4 " in printed and "one_hot_units64" in printed


@pytest.mark.slow
def test_own_images_names_images_of_the_folder(photos):
    printed = run("own_images", photos, "--size=8", "--num_runs=20", "--epochs=3")
    assert "51" in printed.splitlines()[0]
    listed = printed.split("suggested     image\n")[1].splitlines()
    assert all((photos / line.split()[-1]).exists() for line in listed)


@pytest.mark.slow
def test_read_scores_lists_the_most_memorized_examples_first(smoke_study):
    printed = run("read_scores", smoke_study, "--count=5")
    values = [float(line.split()[0]) for line in printed.splitlines()[2:]]
    assert len(values) == 5 and values == sorted(values, reverse=True)


@pytest.fixture
def notebook():
    """The notebook with its saved output."""
    return nbformat.read(EXAMPLES / "digits.ipynb", as_version=4)


def printed(notebook):
    """Returns all that the cells of a notebook print."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    return "".join(output.text for output in outputs if output.output_type == "stream")


def kinds(notebook):
    """Returns the kinds of outputs of every cell, without those about progress."""
    return [
        {output.output_type for output in cell.get("outputs", ()) if output.get("name") != "stderr"}
        for cell in notebook.cells
    ]


@pytest.mark.slow
def test_the_notebook_runs_and_finds_flipped_labels(notebook, tmp_path):
    saved = kinds(notebook)
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": tmp_path}}).execute()
    assert kinds(notebook) == saved
    auroc = printed(notebook).partition("AUROC of finding flipped labels: ")[2].split()[0]
    assert float(auroc) > 0.95


def test_the_notebook_is_saved_with_its_output(notebook):
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(cell.outputs for cell in code)
    assert {output.output_type for cell in code for output in cell.outputs} <= {
        "stream",
        "execute_result",
    }
    assert (EXAMPLES / "digits.ipynb").stat().st_size < 300_000


def test_every_example_is_tested_here():
    text = pages.ROOT.joinpath("tests/docs/test_examples.py").read_text()
    for script in EXAMPLES.glob("*.py"):
        assert f'run("{script.stem}"' in text, script.name
    for notebook in EXAMPLES.glob("*.ipynb"):
        assert f'EXAMPLES / "{notebook.name}"' in text, notebook.name
