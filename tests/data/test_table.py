import os

import numpy as np
import PIL.Image
import pyarrow
import pytest
from pyarrow import parquet

from memkit import data
from memkit.data import dataset as datasets
from memkit.errors import InputError

ROWS = [("b/01.png", "dog"), ("a/02.png", "cat"), ("a/03.png", "dog"), ("04.png", "cat")]


@pytest.fixture
def photos(tmp_path):
    """A folder with the images of ROWS, each of its own gray."""
    for number, (name, _) in enumerate(ROWS):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        PIL.Image.new("L", (4, 4), 10 * number).save(file)
    return tmp_path


def write(folder, rows, header="file,label"):
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return str(path)


def test_every_row_is_an_example_with_its_own_pixels_and_label(photos):
    dataset = data.load("table", path=write(photos, ROWS))
    shades = {name: 10 * number for number, (name, _) in enumerate(ROWS)}
    assert sorted(dataset.train_ids.tolist()) == sorted(shades)
    for row, name in enumerate(dataset.train_ids.tolist()):
        assert (dataset.train_images[row] == shades[name]).all()
        assert dataset.class_names[dataset.train_labels[row]] == dict(ROWS)[name]
    assert len(dataset.test_ids) == 0


def test_a_parquet_file_gives_the_same_data_set(photos):
    first = data.load("table", path=write(photos, ROWS))
    columns = {"filename": [name for name, _ in ROWS], "class": [label for _, label in ROWS]}
    parquet.write_table(pyarrow.table(columns), photos / "labels.parquet")
    second = data.load("table", path=str(photos / "labels.parquet"))
    assert datasets.fingerprint(first) == datasets.fingerprint(second)


def test_the_order_of_rows_does_not_matter(photos):
    first = data.load("table", path=write(photos, ROWS))
    second = data.load("table", path=write(photos, ROWS[::-1]))
    assert datasets.fingerprint(first) == datasets.fingerprint(second)


def test_names_that_look_like_numbers_keep_their_zeros(photos):
    PIL.Image.new("L", (4, 4)).save(photos / "007", format="PNG")
    rows = [("007", "7"), ("04.png", "10"), ("a/02.png", "2")]
    dataset = data.load("table", path=write(photos, rows))
    assert "007" in dataset.train_ids.tolist()
    assert dataset.class_names == ("2", "7", "10")


def test_a_column_split_names_the_test_images(photos):
    rows = [(*row, part) for row, part in zip(ROWS, ("train", "train", "test", "val"))]
    dataset = data.load("table", path=write(photos, rows, "file,label,split"))
    assert sorted(dataset.test_ids.tolist()) == ["04.png", "a/03.png"]


def test_other_words_in_the_column_split_are_refused(photos):
    rows = [(*row, part) for row, part in zip(ROWS, ("Train", "train", "tset", "val"))]
    with pytest.raises(InputError, match="split among train, test, .* received 'tset'"):
        data.load("table", path=write(photos, rows, "file,label,split"))


def test_a_share_of_each_class_is_held_out(photos):
    dataset = data.load("table", path=write(photos, ROWS), test_fraction=0.5)
    assert np.bincount(dataset.test_labels).tolist() == [1, 1]


@pytest.mark.parametrize(
    "rows, header, message",
    [
        (ROWS, "file,x", "one column among label, class, .*received file, x"),
        ([(*row, "1") for row in ROWS], "file,path,label", "one column among file, .* file, path"),
        ([*ROWS, ROWS[0]], "file,label", "every file in one row, received b/01.png 2 times"),
        ([*ROWS, ("05.png", "")], "file,label", "a value in every row of column label.* 1 without"),
        ([ROWS[1], ROWS[3]], "file,label", "two labels or more, received cat"),
        ([], "file,label", "a table with rows"),
        ([], "file,Label,label", "columns whose names differ by more than case, received label 2"),
        ([("x",)], "file,label", "a table, received .*labels.csv, which cannot be read"),
    ],
)
def test_tables_that_say_too_little_are_refused(photos, rows, header, message):
    with pytest.raises(InputError, match=f"^dataset.path: expected {message}"):
        data.load("table", path=write(photos, rows, header))


def test_files_that_do_not_exist_are_named_or_skipped(photos):
    path = write(photos, [*ROWS, ("no.png", "cat")])
    with pytest.raises(InputError, match="no.png: No such file"):
        data.load("table", path=path)
    dataset = data.load("table", path=path, skip_bad=True)
    assert len(dataset.train_ids) == 4
    assert any("skipped: 1 damaged image (no.png)" in note for note in dataset.notes)


def test_a_pipe_is_not_read(photos):
    os.mkfifo(photos / "pipe.png")
    with pytest.raises(InputError, match="pipe.png: not a regular file"):
        data.load("table", path=write(photos, [*ROWS, ("pipe.png", "cat")]))


def test_a_flat_folder_with_a_table_is_read_without_naming_the_table(photos):
    named = data.load("table", path=write(photos, ROWS))
    found = data.load("folder", path=str(photos))  # Two images are in the folder a, one in b.
    assert found.class_names == ("a", "b")
    (photos / "b/01.png").rename(photos / "a/01.png")
    rows = [(name.replace("b/", "a/"), label) for name, label in ROWS]
    named = data.load("table", path=write(photos, rows))
    found = data.load("folder", path=str(photos))
    assert found.class_names == ("cat", "dog")
    assert datasets.fingerprint(found) == datasets.fingerprint(named)


def test_several_tables_beside_images_are_refused(photos):
    write(photos, ROWS)
    (photos / "b/01.png").unlink()
    (photos / "b").rmdir()
    (photos / "more.csv").write_text("file,label\n")
    with pytest.raises(InputError, match="beside images, .*received labels.csv, more.csv$"):
        data.load("folder", path=str(photos))
