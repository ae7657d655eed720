import dataclasses
import json
import os
import pathlib

import numpy as np
import pytest

from memkit import records, storage, studies, subsets
from memkit.data.dataset import ImageDataset
from memkit.errors import InputError
from memkit.studies import creation


def _files(folder):
    """Returns {relative name: (bytes, time of change)} of everything below a folder."""
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in pathlib.Path(folder).rglob("*")
        if file.is_file()
    }


@pytest.fixture
def study(tmp_path, make_config, tiny):
    return studies.open_or_create(tmp_path / "study", make_config(), tiny)


def _assert_same_study(first, second):
    assert first.config == second.config
    assert first.info == second.info
    assert [vars(p) for p in first.points] == [vars(p) for p in second.points]
    np.testing.assert_array_equal(first.train_mask, second.train_mask)
    for name, value in vars(first.examples).items():
        np.testing.assert_array_equal(getattr(second.examples, name), value)


def test_load_gives_the_same_study(study):
    _assert_same_study(studies.load(study.workdir), study)
    assert studies.load(str(study.workdir)).workdir == study.workdir


def test_study_is_what_was_drafted(study, make_config, tiny):
    draft = studies.draft(make_config(), tiny)
    assert draft.workdir is None
    assert draft.config == study.config == make_config()
    assert [vars(p) for p in draft.points] == [vars(p) for p in study.points]
    np.testing.assert_array_equal(draft.train_mask, study.train_mask)
    assert study.train_mask.dtype == bool
    assert study.train_mask.shape == (20, 60)


def test_examples_are_those_of_the_data_set(study, tiny):
    examples = study.examples
    for name in ("train_ids", "train_labels", "test_ids", "test_labels"):
        np.testing.assert_array_equal(getattr(examples, name), getattr(tiny, name))
    assert tuple(examples.class_names) == tiny.class_names
    assert examples.planted.sum() == 6
    np.testing.assert_array_equal(examples.planted, examples.given_labels != tiny.train_labels)


def test_sizes_follow_data_and_config(study):
    assert study.sizes == records.Sizes(train=60, test=21, epochs=3, classes=10, asked=())


def test_asked_arrays_follow_the_config(make_config, tiny):
    draft = studies.draft(make_config({"record.all_probs": True}), tiny)
    assert draft.sizes_at(draft.points[0], 0).asked == ("all_probs",)


def test_design_of_a_length_not_divisible_by_8_comes_back(tmp_path, make_config, tiny):
    odd = dataclasses.replace(
        tiny,
        **{f"train_{k}": getattr(tiny, f"train_{k}")[:51] for k in ("images", "labels", "ids")},
    )
    changes = {"subsets.num_runs": 21, "subsets.train_fraction": 0.7}
    study = studies.open_or_create(tmp_path, make_config(changes), odd)
    expected = subsets.design(
        "balanced", labels=study.examples.given_labels, num_runs=21, train_fraction=0.7, seed=3
    )
    np.testing.assert_array_equal(studies.load(tmp_path).train_mask, expected)


def test_opening_again_changes_nothing(study, make_config, tiny):
    before = _files(study.workdir)
    again = studies.open_or_create(study.workdir, make_config(), tiny)
    assert _files(study.workdir) == before
    _assert_same_study(again, study)


def test_study_file_is_written_last(tmp_path, make_config, tiny, monkeypatch):
    written = []
    real = storage.write

    def write(path, content, **options):
        written.append(os.path.basename(path))
        real(path, content, **options)

    monkeypatch.setattr(storage, "write", write)
    studies.open_or_create(tmp_path, make_config(), tiny)
    first = ["design.npz", "duplicates.json", "examples.npz", "thumbnails.npz"]
    assert sorted(written[:-1]) == first
    assert written[-1] == "study.json"


@pytest.mark.parametrize("completed", [0, 1, 2, 3, 4])
def test_creation_that_was_killed_is_taken_up(tmp_path, make_config, tiny, monkeypatch, completed):
    _fail_after(monkeypatch, completed)
    with pytest.raises(OSError, match="killed"):
        studies.open_or_create(tmp_path / "w", make_config(), tiny)
    monkeypatch.undo()
    assert not studies.exists(tmp_path / "w")
    study = studies.open_or_create(tmp_path / "w", make_config(), tiny)
    assert studies.draft(make_config(), tiny).config == study.config


def _fail_after(monkeypatch, completed):
    """Makes every write after the first `completed` ones fail."""
    real, left = storage.write, [completed]

    def write(path, content, **options):
        if not left[0]:
            raise OSError("killed")
        left[0] -= 1
        real(path, content, **options)

    monkeypatch.setattr(storage, "write", write)


_GROWN = {
    "subsets.num_runs": 50,
    "axis.values": [1, 2, 4],
    "report.title": "Other",
}


@pytest.mark.parametrize("field", _GROWN)
def test_study_grows(study, make_config, tiny, field):
    grown = studies.open_or_create(study.workdir, make_config({field: _GROWN[field]}), tiny)
    section, name = field.split(".")
    assert grown.config[section][name] == _GROWN[field]
    np.testing.assert_array_equal(grown.train_mask[:20], study.train_mask)
    for point in study.points:
        assert grown.point(point.name).fingerprint == point.fingerprint
    assert grown.info["created"] == study.info["created"]
    assert grown.info["fingerprint"] == study.info["fingerprint"]
    _assert_same_study(studies.load(study.workdir), grown)


def test_study_grows_in_every_way_at_once(study, make_config, tiny):
    grown = studies.open_or_create(study.workdir, make_config(_GROWN), tiny)
    assert grown.train_mask.shape == (50, 60)
    assert len(grown.points) == 3


def test_growth_that_was_killed_leaves_a_study(study, make_config, tiny, monkeypatch):
    bigger = make_config({"subsets.num_runs": 40})
    _fail_after(monkeypatch, 1)
    with pytest.raises(OSError, match="killed"):
        studies.open_or_create(study.workdir, bigger, tiny)
    monkeypatch.undo()
    grown = studies.open_or_create(study.workdir, bigger, tiny)
    assert grown.train_mask.shape == (40, 60)


def test_growth_that_was_killed_leaves_the_old_study_usable(study, make_config, tiny, monkeypatch):
    _fail_after(monkeypatch, 1)
    with pytest.raises(OSError, match="killed"):
        studies.open_or_create(study.workdir, make_config({"subsets.num_runs": 40}), tiny)
    monkeypatch.undo()
    assert studies.load(study.workdir).train_mask.shape == (20, 60)
    same = studies.open_or_create(study.workdir, make_config(), tiny)
    np.testing.assert_array_equal(same.train_mask, study.train_mask)


_REFUSED = {
    "seed": 4,
    "dataset.mean": [0.31],
    "dataset.std": [0.38],
    "labels.planted_fraction": 0.2,
    "subsets.design": "random",
    "subsets.train_fraction": 0.7,
    "subsets.num_runs": 19,
    "model.depth": 14,
    "model.width": 2,
    "optimizer.momentum": 0.8,
    "optimizer.nesterov": False,
    "optimizer.weight_decay": 0.0,
    "optimizer.decay_all": True,
    "schedule.peak": 0.2,
    "schedule.warmup_epochs": 0.5,
    "training.epochs": 4,
    "training.batch_size": 16,
    "training.augment": "pad_crop_flip",
    "record.all_probs": True,
    "axis.values": [1, 4],
    "axis.field": "model.depth",
}


@pytest.mark.parametrize("field", _REFUSED)
def test_other_change_is_refused_by_name_and_nothing_is_written(study, make_config, tiny, field):
    changes = {field: _REFUSED[field]}
    if field == "axis.field":
        changes["axis.values"] = [8, 14]
    before = _files(study.workdir)
    with pytest.raises(InputError, match="^axis" if "axis" in field else f"^{field}: expected "):
        studies.open_or_create(study.workdir, make_config(changes), tiny)
    assert _files(study.workdir) == before


def test_other_model_is_refused_by_name(study, make_config, tiny):
    changes = {"model": {"name": "mlp", "hidden": [4]}, "axis": {"field": "", "values": []}}
    with pytest.raises(InputError, match="^(axis|model)"):
        studies.open_or_create(study.workdir, make_config(changes), tiny)


def test_fewer_runs_are_refused_with_both_numbers(study, make_config, tiny):
    with pytest.raises(InputError, match="^subsets.num_runs: .* the 20 runs .* received 10$"):
        studies.open_or_create(study.workdir, make_config({"subsets.num_runs": 10}), tiny)


@pytest.mark.parametrize("part", ["images", "labels", "ids"])
def test_other_data_are_refused_and_nothing_is_written(study, make_config, tiny, part):
    changed = getattr(tiny, f"test_{part}").copy()
    changed[0] = "else" if part == "ids" else (changed[0] + 1) % 10
    before = _files(study.workdir)
    with pytest.raises(InputError, match="^dataset: "):
        other = dataclasses.replace(tiny, **{f"test_{part}": changed})
        studies.open_or_create(study.workdir, make_config(), other)
    assert _files(study.workdir) == before


def test_folder_with_foreign_files_is_refused_and_nothing_is_written(tmp_path, make_config, tiny):
    (tmp_path / "thesis.tex").write_text("years of work")
    before = _files(tmp_path)
    with pytest.raises(InputError, match="^--workdir: "):
        studies.open_or_create(tmp_path, make_config(), tiny)
    assert _files(tmp_path) == before


def test_design_of_another_version_is_refused(study, make_config, tiny, monkeypatch):
    def other_design(*arguments, **named):
        return ~subsets.DESIGNS["balanced"](named["labels"], named["num_runs"], 0.5, 3)

    monkeypatch.setattr(subsets, "design", other_design)
    before = _files(study.workdir)
    with pytest.raises(InputError, match="another memkit version"):
        studies.open_or_create(study.workdir, make_config(), tiny)
    assert _files(study.workdir) == before


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"training.batch_size": 31}, "training.batch_size: .*30 examples.* 31$"),
        ({"axis": {"field": "training.batch_size", "values": [8, 31]}}, "training.batch_size"),
        ({"subsets.num_runs": 3}, "subsets.num_runs"),
        ({"dataset.mean": [0.1, 0.2]}, "dataset.mean: expected one number per channel, 1 for"),
        ({"dataset.std": []}, "dataset.std: expected one number per channel, 1 for"),
    ],
    ids=str,
)
def test_config_that_does_not_suit_the_data_is_refused(tmp_path, make_config, tiny, changes, named):
    with pytest.raises(InputError, match=f"^{named}"):
        studies.open_or_create(tmp_path / "w", make_config(changes), tiny)
    assert not (tmp_path / "w").exists()


def test_absent_study_is_refused(tmp_path):
    assert not studies.exists(tmp_path)
    with pytest.raises(InputError, match="^--workdir: .*study.json"):
        studies.load(tmp_path)
    assert os.listdir(tmp_path) == []


def test_unknown_point_lists_the_valid_ones(study):
    with pytest.raises(
        InputError, match="unknown point 'one_hot_width3'; .* Known: one_hot_width1, one_hot_width2"
    ):
        study.point("one_hot_width3")


def test_a_point_is_found_without_its_series_if_only_one_has_it(study):
    assert study.point("width2") is study.point("one_hot_width2") is study.points[1]
    students = [
        dataclasses.replace(point, series="distilled", name=f"distilled_{size}")
        for point, size in zip(study.points, ("width1", "width4"), strict=True)
    ]
    both = dataclasses.replace(study, points=(*study.points, *students))
    assert both.point("width2").name == "one_hot_width2"
    assert both.point("width4").name == "distilled_width4"
    message = "^point: expected one of one_hot_width1, distilled_width1, received width1$"
    with pytest.raises(InputError, match=message):
        both.point("width1")


def test_small_images_are_their_own_thumbnails(study, tiny):
    train, test = studies.thumbnails(study)
    np.testing.assert_array_equal(train, tiny.train_images)
    np.testing.assert_array_equal(test, tiny.test_images)


@pytest.mark.parametrize("shape", [(64, 48, 3), (33, 100, 1), (40, 40, 3), (500, 2, 1)])
def test_large_images_become_thumbnails_in_their_rows(tmp_path, make_config, shape):
    dataset = _gray_levels(shape)
    changes = {"dataset.mean": [0.5] * shape[2], "dataset.std": [0.5] * shape[2]}
    study = studies.open_or_create(tmp_path, make_config(changes), dataset)
    for pictures, images in zip(
        studies.thumbnails(study), (dataset.train_images, dataset.test_images), strict=True
    ):
        assert pictures.dtype == np.uint8
        assert max(pictures.shape[1:3]) == 32
        assert pictures.shape[3] == shape[2]
        expected = images[:, 0, 0]
        np.testing.assert_array_equal(
            pictures, np.broadcast_to(expected[:, None, None], pictures.shape)
        )


def test_thumbnails_keep_their_corners(tmp_path, make_config):
    dataset = _gray_levels((64, 48, 1))
    dataset.train_images[:] = 0
    dataset.train_images[:, :32, :12] = 255
    train, _ = studies.thumbnails(studies.open_or_create(tmp_path, make_config(), dataset))
    assert train.shape == (60, 32, 24, 1)
    assert train[:, :14, :4].min() > 240
    assert train[:, 18:].max() < 15
    assert train[:, :, 8:].max() < 15


def _gray_levels(shape):
    """Returns a data set whose image i is one color, different for every i."""
    levels = np.arange(63, dtype=np.uint8)
    images = np.broadcast_to(levels[:, None, None, None] * 4, (63, *shape)).copy()
    labels = np.arange(63, dtype=np.int32) % 3
    ids = np.array([f"g{i}" for i in range(63)])
    return ImageDataset(
        train_images=images[:60],
        train_labels=labels[:60],
        train_ids=ids[:60],
        test_images=images[60:],
        test_labels=labels[60:],
        test_ids=ids[60:],
        class_names=("a", "b", "c"),
    )


def test_study_file_is_plain_json_with_the_config(study, make_config):
    info = json.loads((study.workdir / "study.json").read_text())
    assert info["config"] == make_config()
    assert info["points"] == ["one_hot_width1", "one_hot_width2"]
    assert {"fingerprint", "data_fingerprint", "created", "changed", "versions"} <= set(info)


def test_command_is_kept_and_is_no_part_of_the_fingerprint(tmp_path, make_config, tiny):
    command = "memkit run --config=digits_width"
    study = studies.open_or_create(tmp_path / "a", make_config(), tiny, command=command)
    assert studies.load(study.workdir).info["command"] == command
    again = studies.open_or_create(study.workdir, make_config(), tiny, command="memkit train")
    assert again.info["command"] == command
    other = studies.open_or_create(tmp_path / "b", make_config(), tiny)
    assert other.info["fingerprint"] == study.info["fingerprint"]


def test_given_labels_that_changed_under_the_same_file_are_refused(tmp_path, make_config, tiny):
    file, given = tmp_path / "labels.npy", tiny.train_labels.copy()
    given[::2] = (given[::2] + 1) % 10
    np.save(file, given)
    config = make_config({"labels.planted_fraction": 0.0, "labels.file": str(file)})
    study = studies.open_or_create(tmp_path / "w", config, tiny)
    np.testing.assert_array_equal(study.examples.planted, given != tiny.train_labels)
    np.save(file, tiny.train_labels)
    with pytest.raises(InputError, match="^labels: expected the given labels"):
        studies.open_or_create(tmp_path / "w", config, tiny)


def test_exact_copies_are_counted_and_listed(tmp_path, make_config, tiny):
    images = tiny.train_images.copy()
    images[7] = images[3]
    copied = dataclasses.replace(tiny, train_images=images)
    study = studies.open_or_create(tmp_path / "w", make_config(), copied)
    duplicates = studies.duplicates(study)
    assert duplicates["train_copies"] == 1
    assert duplicates["train_groups"] == [["d3", "d7"]]
    assert duplicates["groups_with_different_labels"] == 1
    assert duplicates["test_in_train"] == 0


@pytest.mark.parametrize("name", ["lost+found/", ".snapshot/", ".DS_Store", "._x", "Thumbs.db"])
def test_what_systems_leave_in_a_folder_does_not_make_it_anything_else(tmp_path, name):
    left = tmp_path / name
    left.mkdir() if name.endswith("/") else left.touch()
    creation.check_new(tmp_path)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="with thesis.tex"):
        creation.check_new(tmp_path)
