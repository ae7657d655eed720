import re

import pytest

from memkit.errors import InputError
from memkit.studies import checks, fields
from memkit.studies import points as points_lib


@pytest.fixture(autouse=True)
def _tiny_is_known(tiny):
    """Every config here names the data set "tiny"."""


def test_sound_config_passes(make_config):
    checks.check(make_config())


def test_config_with_tuples_passes(make_config):
    checks.check(make_config({"series": ("one_hot",), "axis.values": (1, 2)}))


def test_unknown_section_is_refused_by_name(make_config):
    with pytest.raises(
        InputError, match="^config: unknown section 'optimiser'; did you mean 'optimizer'"
    ):
        checks.check(make_config({"optimiser": {}}))


@pytest.mark.parametrize(
    "section", ["seed", "series", "dataset", "model", "optimizer", "schedule", *checks.FIXED]
)
def test_missing_section_is_refused_by_name(make_config, section):
    config = make_config()
    del config[section]
    with pytest.raises(InputError, match=f"missing section {section}$"):
        checks.check(config)


@pytest.mark.parametrize("section", ["labels", "subsets", "training", "record", "axis", "report"])
def test_unknown_or_missing_field_is_refused_with_its_section(make_config, section):
    config = make_config({f"{section}.extra": 1})
    with pytest.raises(InputError, match=rf"^{section}\.extra: unknown field\b.* Known: "):
        checks.check(config)
    del config[section]["extra"]
    name, _ = config[section].popitem()
    with pytest.raises(InputError, match=rf"^{section}\.{name}: missing value$"):
        checks.check(config)


def test_misspelled_names_get_a_suggestion(make_config):
    for changes, message in (
        ({"training.epocs": 3}, "training.epocs: unknown field; did you mean training.epochs?"),
        ({"schedule.peek": 3}, "schedule.peek: unknown field; did you mean schedule.peak?"),
        (
            {"schedule.name": "cosin"},
            "schedule.name: unknown schedule 'cosin'; did you mean 'cosine'?",
        ),
        (
            {"axis.field": "model.wdith"},
            "axis.field: unknown field 'model.wdith'; did you mean 'model.width'?",
        ),
        ({"series": ["one_hat"]}, "series: unknown series 'one_hat'; did you mean 'one_hot'?"),
    ):
        with pytest.raises(InputError, match=f"^{re.escape(message)}"):
            checks.check(make_config(changes))


_BAD = [
    ("seed", -1, "seed"),
    ("seed", 1.5, "seed"),
    ("seed", "0", "seed"),
    ("dataset.name", "nope", "dataset.name"),
    ("dataset.size", 3, "dataset.size"),
    ("labels.planted_fraction", 1, "labels.planted_fraction"),
    ("labels.planted_fraction", -0.1, "labels.planted_fraction"),
    ("labels.planted_fraction", float("nan"), "labels.planted_fraction"),
    ("subsets.design", "folds", "subsets.design"),
    ("subsets.train_fraction", 0, "subsets.train_fraction"),
    ("subsets.train_fraction", 1.0, "subsets.train_fraction"),
    ("subsets.train_fraction", float("nan"), "subsets.train_fraction"),
    ("subsets.num_runs", 1, "subsets.num_runs"),
    ("subsets.num_runs", 20.0, "subsets.num_runs"),
    ("model.name", "vgg", "model.name"),
    ("model.depth", 9, "model.depth"),
    ("model.depth", 2, "model.depth"),
    ("model.depth", 8.0, "model.depth"),
    ("model.hidden", [4], "model.hidden"),
    ("optimizer.name", "adem", "optimizer.name"),
    ("optimizer.beta", 0.9, "optimizer.beta"),
    ("optimizer.momentum", 1.0, "optimizer.momentum"),
    ("optimizer.momentum", -0.1, "optimizer.momentum"),
    ("optimizer.weight_decay", -1e-4, "optimizer.weight_decay"),
    ("schedule.name", "exponential", "schedule.name"),
    ("schedule.factor", 0.1, "schedule.factor"),
    ("schedule.peak", 0.0, "schedule.peak"),
    ("schedule.warmup_epochs", 3, "schedule.warmup_epochs"),
    ("schedule.warmup_epochs", -1, "schedule.warmup_epochs"),
    ("training.epochs", 0, "training.epochs"),
    ("training.batch_size", 0, "training.batch_size"),
    ("training.batch_size", 8.0, "training.batch_size"),
    ("training.augment", "mix", "training.augment"),
    ("training.pad", 128, "training.pad"),
    ("training.pad", -1, "training.pad"),
    ("training.precision", "float16", "training.precision"),
    ("training.data_parallel", 0, "training.data_parallel"),
    ("training.data_parallel", 7, "training.data_parallel"),
    ("training.sync_batch_norm", 1, "training.sync_batch_norm"),
    ("distillation.weight", 1.5, "distillation.weight"),
    ("distillation.temperature", 0, "distillation.temperature"),
    ("record.history_runs", 0.5, "record.history_runs"),
    ("report.top_k", -1, "report.top_k"),
    ("report.min_influence", "low", "report.min_influence"),
    ("dataset.resident", "maybe", "dataset.resident"),
    ("series", ["distilled"], "series"),
    ("series", ["one_hot", "distilled_from_3"], "series"),
    ("axis.field", "distillation.temperature", "axis.field"),
    ("series", [], "series"),
    ("series", ["one_hot", "one_hot"], "series"),
    ("series", ["two_hot"], "series"),
    ("axis.field", "subsets.train_fraction", "axis.field"),
    ("axis.field", "labels.planted_fraction", "axis.field"),
    ("axis.field", "dataset.name", "axis.field"),
    ("axis.field", "record.all_probs", "axis.field"),
    ("axis.field", "seed", "axis.field"),
    ("axis.field", "model", "axis.field"),
    ("axis.field", "model.widht", "axis.field"),
    ("axis.field", "models.width", "axis.field"),
    ("axis.field", "", "axis.values"),
    ("axis.values", [], "axis.values"),
    ("axis.values", [1, 2, 1], "axis.values"),
    ("axis.values", [1, 0], "model.width"),
    ("axis.values", [1, 1.5], "model.width"),
]


@pytest.mark.parametrize("field, value, named", _BAD, ids=lambda v: str(v))
def test_bad_value_is_refused_by_name(make_config, field, value, named):
    with pytest.raises(InputError, match=f"^{named}: (expected .*received |unknown )"):
        checks.check(make_config({field: value}))


@pytest.mark.parametrize(
    "section, option",
    [
        ("model", "depth"),
        ("model", "width"),
        ("optimizer", "momentum"),
        ("optimizer", "nesterov"),
        ("optimizer", "weight_decay"),
        ("optimizer", "decay_all"),
        ("schedule", "peak"),
        ("schedule", "warmup_epochs"),
    ],
)
def test_missing_option_is_refused_by_name(make_config, section, option):
    config = make_config({"axis": {"field": "", "values": []}})
    del config[section][option]
    with pytest.raises(InputError, match=f"^{section}.{option}: missing value"):
        checks.check(config)


@pytest.mark.parametrize("section", ["dataset", "model", "optimizer", "schedule"])
def test_missing_name_is_refused_by_name(make_config, section):
    config = make_config()
    del config[section]["name"]
    with pytest.raises(InputError, match=f"{section}.name"):
        checks.check(config)


@pytest.mark.parametrize("option", ["mean", "std"])
def test_missing_normalization_is_refused_by_name(make_config, option):
    config = make_config()
    del config["dataset"][option]
    with pytest.raises(InputError, match=f"dataset.*{option}"):
        checks.check(config)


def test_normalization_that_is_no_list_is_refused_by_name(make_config):
    with pytest.raises(InputError, match="^dataset.mean"):
        checks.check(make_config({"dataset.mean": 0.3}))


def test_zero_deviation_is_refused_by_name(make_config):
    with pytest.raises(InputError, match="^dataset.std"):
        checks.check(make_config({"dataset.std": [0.0]}))


@pytest.mark.parametrize(
    "field, values", [("training.batch_size", [8, 0]), ("training.augment", ["none", "mix"])]
)
def test_bad_value_on_the_axis_is_refused_by_name(make_config, field, values):
    with pytest.raises(InputError, match=f"^{field}: "):
        checks.check(make_config({"axis": {"field": field, "values": values}}))


@pytest.mark.parametrize(
    "field, value",
    [
        ("schedule.peak", "high"),
        ("optimizer.momentum", "high"),
        ("dataset.std", ["wide"]),
        ("labels.planted_fraction", "some"),
        ("subsets.train_fraction", None),
        ("model", {"name": "mlp", "hidden": 5}),
    ],
    ids=str,
)
def test_value_of_another_type_is_refused(make_config, field, value):
    config = make_config({field: value, "axis": {"field": "", "values": []}})
    with pytest.raises(InputError):
        checks.check(config)


def test_study_without_axis_has_a_point_per_series(make_config):
    points = points_lib.points(make_config({"axis": {"field": "", "values": []}}))
    assert [(p.name, p.series, p.axis_value) for p in points] == [("one_hot", "one_hot", None)]


def test_points_take_the_axis_values_in_order(make_config):
    points = points_lib.points(make_config({"axis.values": [4, 1, 16]}))
    assert [p.name for p in points] == ["one_hot_width4", "one_hot_width1", "one_hot_width16"]
    assert [p.axis_value for p in points] == [4, 1, 16]
    assert [p.config["model"]["width"] for p in points] == [4, 1, 16]


def test_points_do_not_share_their_configs(make_config):
    config = make_config()
    first, second = points_lib.points(config)
    first.config["model"]["depth"] = 99
    assert second.config["model"]["depth"] == config["model"]["depth"] == 8


def test_tuples_and_lists_make_equal_fingerprints(make_config):
    lists = points_lib.points(make_config(), "d")
    tuples = points_lib.points(make_config({"axis.values": (1, 2), "dataset.mean": (0.3,)}), "d")
    assert [p.fingerprint for p in lists] == [p.fingerprint for p in tuples]


def _first_fingerprint(config, data="d"):
    return points_lib.points(config, data)[0].fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"subsets.num_runs": 400},
        {"axis.values": [1]},
        {"axis.values": [1, 2, 64]},
        {"report.title": "Other"},
        {"axis": {"field": "", "values": []}},
    ],
    ids=str,
)
def test_growth_keeps_a_points_fingerprint(make_config, changes):
    # The point of width 1 is also the study of the base config, whose width is 1.
    assert _first_fingerprint(make_config(changes)) == _first_fingerprint(make_config())


_SCIENCE = [
    {"seed": 4},
    {"dataset.name": "other"},
    {"dataset.mean": [0.31]},
    {"dataset.std": [0.38]},
    {"labels.planted_fraction": 0.2},
    {"labels.noise": "class_map"},
    {"labels.class_map": [1, 0]},
    {"subsets.design": "random"},
    {"subsets.train_fraction": 0.7},
    {"model.depth": 14},
    {"model.name": "mlp"},
    {"optimizer.name": "adam"},
    {"optimizer.momentum": 0.8},
    {"optimizer.nesterov": False},
    {"optimizer.weight_decay": 0.0},
    {"optimizer.decay_all": True},
    {"schedule.name": "step"},
    {"schedule.peak": 0.2},
    {"schedule.warmup_epochs": 0.5},
    {"training.epochs": 4},
    {"training.batch_size": 16},
    {"training.augment": "pad_crop_flip"},
    {"training.pad": 2},
    {"training.precision": "bfloat16"},
    {"training.data_parallel": 2},
    {"training.sync_batch_norm": False},
    {"training.batch_norm": "one_pass"},
    {"record.all_probs": True},
    {"record.history_runs": 1},
    {"record.ntk": True},
    {"training.label_smoothing": 0.1},
    {"training.until_accuracy": 0.9},
    {"axis.values": [2]},
]


def test_science_changes_a_points_fingerprint(make_config):
    fingerprints = [_first_fingerprint(make_config(changes)) for changes in _SCIENCE]
    fingerprints += [
        _first_fingerprint(make_config()),
        _first_fingerprint(make_config(), "other data"),
    ]
    assert len(set(fingerprints)) == len(_SCIENCE) + 2


def test_every_field_of_the_config_is_tested_above(make_config):
    tested = {field for changes in _SCIENCE for field in changes} | {*points_lib.LOCATIONS}
    tested |= {f"distillation.{name}" for name in fields.FIELDS["distillation"]}
    grows = {"subsets.num_runs", "axis.field", "axis.values", "report.title", "series"}
    grows |= {"report.min_influence", "report.min_memorization", "report.top_k"}
    assert set(points_lib.flatten(make_config())) - {"model.width"} <= tested | grows


def test_points_of_a_study_have_different_fingerprints(make_config):
    points = points_lib.points(make_config({"axis.values": [1, 2, 4, 8]}))
    assert len({p.fingerprint for p in points}) == 4


def test_study_fingerprint_stays_under_growth_only(make_config):
    def fingerprint(changes=()):
        return points_lib.study_fingerprint(make_config(changes), "d")

    for changes in ({"subsets.num_runs": 40}, {"axis.values": [1, 2, 4]}, {"report.title": "T"}):
        assert fingerprint(changes) == fingerprint()
    changed = [fingerprint(c) for c in _SCIENCE if "axis.values" not in c]
    assert fingerprint() not in changed
    assert len(set(changed)) == len(changed)


def test_names_of_points_are_safe_as_folder_names(make_config):
    peaks = {"axis": {"field": "schedule.peak", "values": [0.1, 1e-05]}}
    hidden = {
        "model": {"name": "mlp", "hidden": [4]},
        "axis": {"field": "model.hidden", "values": [[4], [4, 2]]},
    }
    for changes in (peaks, hidden):
        for point in points_lib.points(make_config(changes)):
            assert all(c.isalnum() or c in "_.-" for c in point.name), point.name


@pytest.mark.parametrize(
    "moved",
    [
        {"dataset.resident": False},
        {"dataset.path": "/b"},
        {"labels.file": "/b/labels.npy"},
        {"training.remat": True},
    ],
)
def test_where_data_lie_and_how_they_reach_the_device_may_change(make_config, moved):
    before = make_config({"dataset.path": "/a"})
    after = make_config({"dataset.path": "/a"} | moved)
    assert _first_fingerprint(after) == _first_fingerprint(before)
    points_lib.check_growth(before, after)


STUDENTS = {"series": ["one_hot", "distilled", "distilled_from_2"]}


@pytest.mark.parametrize(
    "field, value",
    [("teacher", "2"), ("weight", 0.5), ("temperature", 1.0), ("scale", True)],
)
def test_distillation_changes_the_fingerprint_of_students_only(make_config, field, value):
    before = points_lib.points(make_config(STUDENTS))
    after = points_lib.points(make_config(STUDENTS | {f"distillation.{field}": value}))
    for old, new in zip(before, after, strict=True):
        assert (old.fingerprint == new.fingerprint) == (old.series == "one_hot"), old.name


def test_teachers_are_one_hot_points(make_config):
    teachers = {p.name: p.teacher for p in points_lib.points(make_config(STUDENTS))}
    assert teachers == {
        "one_hot_width1": "",
        "one_hot_width2": "",
        "distilled_width1": "one_hot_width1",
        "distilled_width2": "one_hot_width2",
        "distilled_from_2_width1": "one_hot_width2",
        "distilled_from_2_width2": "one_hot_width2",
    }
    fixed = points_lib.points(make_config(STUDENTS | {"distillation.teacher": "1"}))
    assert {p.teacher for p in fixed if p.series == "distilled"} == {"one_hot_width1"}


def test_an_unknown_teacher_is_refused(make_config):
    with pytest.raises(InputError, match="^distillation.teacher: expected 'same' or one of 1, 2"):
        checks.check(make_config(STUDENTS | {"distillation.teacher": "16"}))


def test_a_student_draws_from_streams_of_its_own(make_config):
    streams = {p.series: p.stream for p in points_lib.points(make_config(STUDENTS))}
    assert len(set(streams.values())) == 3
    assert streams["one_hot"] == ""


def _points(make_config, values, field="model.width", **changes):
    axis = {"axis": {"field": field, "values": values}}
    return points_lib.points(make_config(axis | changes))


def test_names_of_usual_points_are_those_of_earlier_versions(make_config):
    changes = {"series": ["one_hot", "distilled_from_0.001", "last_layer"]}
    points = _points(make_config, [1e-05, 0.001, 16], **changes)
    names = [p.name for p in points if p.series == "one_hot"]
    assert names == ["one_hot_width1e-05", "one_hot_width0.001", "one_hot_width16"]
    assert points[3].name == "distilled_from_0.001_width1e-05"
    assert points[3].teacher == "one_hot_width0.001"


@pytest.mark.parametrize(
    "value",
    ["../../etc", "a/b", "..", "caf\u00e9", "x\x1b[31m", "n" * 300, [[1, 2], [3]], None, ""],
)
def test_names_are_short_and_of_safe_characters_whatever_the_value(make_config, value):
    for point in _points(make_config, [value, "other"]):
        assert re.fullmatch(r"one_hot_width[A-Za-z0-9_.-]{0,87}", point.name)


def test_long_values_that_begin_alike_have_different_names(make_config):
    names = {point.name for point in _points(make_config, ["n" * 200 + end for end in "abc"])}
    assert len(names) == 3 and max(map(len, names)) == 100


@pytest.mark.parametrize("values", [["a/b", "a b"], ["a", "A"], ["4", [4]], ["", "[]"]])
def test_values_that_give_files_the_same_name_are_refused(make_config, values):
    with pytest.raises(
        InputError, match="^axis.values: expected .*, which both give one_hot_width"
    ):
        _points(make_config, values)


@pytest.mark.parametrize(
    "series", ["../x", "..", ".hidden", "", "a/b", "x" * 101, "caf\u00e9", "a\n"]
)
def test_a_series_that_is_no_file_name_is_refused(make_config, series):
    with pytest.raises(InputError, match="^series: expected names of up to 100 ASCII"):
        _points(make_config, [1, 2], series=["one_hot", series])


def test_an_axis_of_numbers_has_numbers_and_any_other_has_texts(make_config):
    def values_of_points(values):
        return [point.axis_value for point in _points(make_config, values)]

    assert values_of_points([1, 0.5]) == [1, 0.5]
    assert values_of_points([True, False]) == ["True", "False"]
    assert values_of_points([[4], [8, 4]]) == ["4", "8, 4"]
    assert values_of_points([1, "one", None]) == ["1", "one", "None"]
    assert _points(make_config, [], field="")[0].axis_value is None


def test_a_series_may_be_taught_by_a_list(make_config):
    changes = {"series": ["one_hot", "distilled_from_8-4"], "distillation.teacher": "[4]"}
    points = _points(make_config, [(4,), (8, 4)], field="model.hidden", **changes)
    assert [p.teacher for p in points] == ["", "", *["one_hot_hidden8-4"] * 2]
    changes["series"] = ["one_hot", "distilled"]
    points = _points(make_config, [(4,), (8, 4)], field="model.hidden", **changes)
    assert points[-1].teacher == "one_hot_hidden4"


@pytest.mark.parametrize("values", [[float("nan"), 1], [float("inf"), 1], [2**60], [1, 1.0]])
def test_numbers_without_a_place_on_an_axis_are_refused(make_config, values):
    config = make_config({"axis.field": "schedule.peak", "axis.values": values})
    with pytest.raises(InputError, match="^axis.values: expected different numbers"):
        checks.check(config)
