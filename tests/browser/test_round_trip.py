"""From a report to better labels: decisions in a browser, a file, and studies that use it."""

import csv
import shutil

import numpy as np
import PIL.Image
import pytest
import sklearn.datasets

from memkit import studies
from tests.browser.conftest import Report

COUNT = 240
# A study of the folder whose suspects depend on no clock, unlike those of `memkit audit FOLDER`.
RECIPE = {
    "subsets.num_runs": 20,
    "model.depth": 8,
    "schedule.warmup_epochs": 0.0,
    "training.augment": "none",
    "training.batch_size": 32,
}


@pytest.fixture
def photos(tmp_path):
    """Digits in folders of their classes, every thirtieth in a wrong one."""
    digits = sklearn.datasets.load_digits()
    for row in range(COUNT):
        label = (digits.target[row] + (3 if row % 30 == 0 else 0)) % 10
        file = tmp_path / "photos" / f"class {label}" / f"{row:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(np.rint(digits.images[row] * 255 / 16).astype(np.uint8)).save(file)
    return tmp_path / "photos"


def _decided(page):
    """Accepts every suggestion, keeps the first label after all, and relabels another example.

    Returns the number of accepted suggestions and the id of the relabeled example.
    """
    # Cards have the attribute too, with the decision that was made.
    buttons = page.locator("#label-errors button[data-decision=accepted]:visible")
    for k in range(buttons.count()):
        buttons.nth(k).click()
    page.locator("#label-errors button[data-decision=kept]").first.click()
    page.fill("#search", "class 1/")
    page.locator("#cards button").first.click()
    page.locator("#detail-decide select").focus()
    page.locator("#detail-decide select").select_option(label="class 7")
    relabeled = page.inner_text("#detail-title")
    page.keyboard.press("Escape")
    return buttons.count() - 1, relabeled


@pytest.mark.slow
def test_corrected_labels_train_the_next_study(memkit, visit, photos, tmp_path):
    recipe = [f"--config.{field}={value}" for field, value in RECIPE.items()]
    command = ["run", f"--config=my_images:path={photos},size=8,channels=1", *recipe]
    ran = memkit(*command, "--config.training.epochs=15", f"--workdir={tmp_path / 'first'}")
    assert ran.code == 0, ran.err
    first = studies.load(tmp_path / "first").examples
    report = Report(path=tmp_path / "first" / "report" / "index.html", content=None)
    page = visit(report)
    accepted, relabeled = _decided(page)
    with page.expect_download() as download:
        page.click(".export >> nth=0")
    file = shutil.copy(download.value.path(), photos / "labels.csv")
    with open(file, newline="") as opened:
        label = {row["file"]: row["label"] for row in csv.DictReader(opened)}
    assert list(label) == first.train_ids.tolist()
    assert label[relabeled] == "class 7"
    given = dict(zip(first.train_ids.tolist(), first.class_names[first.given_labels].tolist()))
    changed = {name for name in label if label[name] != given[name]}
    assert len(changed) == accepted + 1 >= 4

    # The same folder with the labels of the file: the decisions count as changes.
    command = ["train", f"--config=my_images:path={photos},size=8,channels=1,holdout=0.2"]
    command += [*recipe, f"--config.labels.file={file}", "--config.training.epochs=1"]
    trained = memkit(*command, f"--workdir={tmp_path / 'second'}")
    assert trained.code == 0, trained.err
    second = studies.load(tmp_path / "second").examples
    names = second.class_names[second.given_labels].tolist()
    assert names == [label[name] for name in second.train_ids.tolist()]
    assert set(second.train_ids[second.planted].tolist()) == changed & set(second.train_ids)

    # The file as a data set of its own: it has the corrected labels and no others.
    again = memkit("audit", str(file), "--minutes=0.1", f"--workdir={tmp_path / 'third'}")
    assert again.code == 0, again.err
    third = studies.load(tmp_path / "third").examples
    assert third.class_names[third.train_labels].tolist() == [label[n] for n in third.train_ids]
    assert sorted(third.train_ids.tolist()) == sorted(label) and not third.planted.any()
