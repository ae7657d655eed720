import importlib
import json
import pathlib

import pytest

from memkit import recipe
from memkit.errors import InputError
from memkit.studies import checks
from memkit.studies import points as points_lib

FOLDER = pathlib.Path(__file__).parents[1] / "configs"
NAMES = sorted(p.stem for p in FOLDER.glob("*.py") if p.stem not in ("__init__", "common"))

TABLE_4 = {  # Lukasik et al. (TMLR 2024)
    "cifar": {
        "optimizer.momentum": 0.9,
        "optimizer.nesterov": True,
        "optimizer.weight_decay": 1e-4,
        "training.batch_size": 1024,
        "training.epochs": 450,
        "schedule.name": "step",
        "schedule.peak": 1.0,
        "schedule.warmup_epochs": 15.0,
        "schedule.milestones": [200, 300, 400],
        "schedule.factor": 0.1,
        "subsets.num_runs": 400,
        "subsets.train_fraction": 0.7,
        "distillation.weight": 1.0,
        "distillation.temperature": 3.0,
    },
    "tiny_imagenet": {
        "optimizer.momentum": 0.9,
        "optimizer.nesterov": True,
        "optimizer.weight_decay": 5e-4,
        "training.batch_size": 256,
        "training.epochs": 90,
        "schedule.name": "cosine",
        "schedule.peak": 0.1,
        "schedule.warmup_epochs": 5.0,
        "subsets.num_runs": 400,
        "subsets.train_fraction": 0.7,
        "distillation.weight": 1.0,
        "distillation.temperature": 1.0,
    },
}
# The configs that are run whole by `make check`, one for each kind of model besides the ResNets of
# the demo and of docs/results.md.
KINDS_OF_STUDIES = (
    "cifar100_convnext_width",
    "cifar100_mobilenet_width",
    "cifar100_vit_depth",
    "mnist_mlp",
)
RECIPES = {
    "cifar10_resnet_depth": "cifar",
    "cifar100_resnet_depth": "cifar",
    "cifar100_mobilenet_width": "cifar",
    "cifar10_distill": "cifar",
    "cifar100_distill": "cifar",
    "cifar100_teacher_depth": "cifar",
    "cifar100_label_noise": "cifar",
    "cifar100_subset_ratio": "cifar",
    "cifar100_weight_decay": "cifar",
    "tiny_imagenet_resnet_depth": "tiny_imagenet",
    "tiny_imagenet_mobilenet_width": "tiny_imagenet",
    "tiny_imagenet_distill": "tiny_imagenet",
}

FELDMAN_ZHANG = {  # the papers' recipes and released code (NeurIPS 2020)
    "mnist_mlp": {
        "model.hidden": [512, 256],
        "schedule.peak": 0.1,
        "schedule.milestones": [],
        "training.batch_size": 128,
        "training.epochs": 10,
        "subsets.num_runs": 2000,
    },
    "cifar100_resnet50": {
        "model.depth": 50,
        "model.version": 2.0,
        "dataset.mean": [0.0, 0.0, 0.0],
        "dataset.std": [1.0, 1.0, 1.0],
        "schedule.name": "linear",
        "schedule.peak": 0.4,
        "schedule.warmup_epochs": 0.15 * 160,
        "training.batch_size": 512,
        "training.epochs": 160,
        "training.pad": 4,
        "subsets.num_runs": 4000,
    },
    "imagenet_resnet50": {
        "model.depth": 50,
        "model.version": 2.0,
        "schedule.name": "step",
        "schedule.peak": 0.7,
        "schedule.warmup_epochs": 15.0,
        "schedule.milestones": [30, 60, 90],
        "schedule.factor": 0.1,
        "training.batch_size": 896,
        "training.epochs": 100,
        "training.pad": 32,
        "subsets.num_runs": 2000,
    },
}
FELDMAN_ZHANG_ALL = {
    "optimizer.momentum": 0.9,
    "optimizer.nesterov": False,
    "optimizer.weight_decay": 0.0,
    "subsets.train_fraction": 0.7,
    "report.min_influence": 0.15,
    "report.min_memorization": 0.25,
}


def load(name, variant=""):
    if name == "my_images" and not variant:
        variant = "path=pictures"
    config = importlib.import_module(f"memkit.configs.{name}").get_config(variant)
    return points_lib.plain(config.to_dict())


@pytest.mark.parametrize("variant", ["", "smoke"])
@pytest.mark.parametrize("name", NAMES)
def test_every_config_and_its_smoke_are_sound_studies(name, variant):
    checks.check(load(name, variant))


@pytest.mark.parametrize("name", NAMES)
def test_the_header_has_what_a_lab_note_needs(name):
    header = importlib.import_module(f"memkit.configs.{name}").__doc__
    assert f"memkit run --config={name}" in header
    for part in ("What:", "Cost:", "Expect", ":smoke"):
        assert part in header


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_is_table_4(name):
    config = points_lib.flatten(load(name))
    for field, value in TABLE_4[RECIPES[name]].items():
        assert config[field] == value, field


@pytest.mark.parametrize("name", FELDMAN_ZHANG)
def test_the_recipe_is_that_of_feldman_and_zhang(name):
    config = points_lib.flatten(load(name))
    for field, value in (FELDMAN_ZHANG[name] | FELDMAN_ZHANG_ALL).items():
        assert config[field] == value, field


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith(("cifar", "mnist"))])
def test_images_can_come_from_an_npz_file(name):
    config = load(name, "npz=some/file.npz")
    assert config["dataset"]["name"] == "npz"
    assert config["dataset"]["path"] == "some/file.npz"
    checks.check(config)


def test_the_subset_ratio_keeps_the_number_of_steps():
    steps = []
    for ratio in (0.5, 0.7, 0.9):
        config = load("cifar100_subset_ratio", f"ratio={ratio}")
        assert config["subsets"]["train_fraction"] == ratio
        steps.append(round(50_000 * ratio) // 1024 * config["training"]["epochs"])
    assert max(steps) / min(steps) < 1.03


def test_the_two_weight_decays_are_the_readings_of_table_4():
    assert load("cifar100_weight_decay")["axis"]["values"] == [1e-4, 1e-3]
    assert load("cifar100_weight_decay", "depth=20")["model"]["depth"] == 20


def test_equal_fit_stops_at_an_accuracy_and_trains_at_a_constant_rate():
    config = load("cifar100_equal_fit", "accuracy=0.8")
    training = config["training"]
    assert (training["until_accuracy"], training["augment"]) == (0.8, "none")
    rates = recipe.rates(config["schedule"], epochs=training["epochs"], steps_per_epoch=136)
    assert (rates[5:] == rates[5, 0]).all()


@pytest.mark.parametrize("variant", ["tiny", "npz", "ratio=0.5", "smoke,fast"])
def test_unknown_arguments_are_refused_with_the_valid_ones(variant):
    with pytest.raises(ValueError, match="expected arguments among smoke, npz=..., received"):
        load("cifar100_resnet_depth", variant)


def test_a_config_names_what_is_wrong_with_an_override():
    config = load("cifar100_distill")
    config["distillation"]["teacher"] = "57"
    with pytest.raises(InputError, match="^distillation.teacher: expected 'same' or one of 8"):
        checks.check(config)


@pytest.fixture
def check_smoke():
    """Returns a function that checks the folder of a smoke study that was run whole."""

    def check(workdir):
        summary = json.loads((workdir / "summary.json").read_text())
        assert all(point["num_runs"] == 20 for point in summary["points"])
        assert (workdir / "report" / "index.html").exists()

    return check


@pytest.mark.slow
def test_the_smoke_of_the_demo_runs_end_to_end(check_smoke, smoke_study):
    check_smoke(smoke_study)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        name if name in KINDS_OF_STUDIES else pytest.param(name, marks=pytest.mark.proof)
        for name in sorted(set(NAMES) - {"digits_width"})
    ],
)
def test_every_other_smoke_runs_end_to_end(name, check_smoke, memkit, tmp_path):
    workdir = tmp_path / name
    result = memkit("run", f"--config={name}:smoke", f"--workdir={workdir}", "--workers=1")
    assert result.code == 0, result.err
    check_smoke(workdir)


@pytest.mark.parametrize(
    "variant, path, size",
    [
        ("path=/a/photos, 2024,size=16", "/a/photos, 2024", 16),
        ("size=16,path=/a,b,c/x", "/a,b,c/x", 16),
        ("path=/a=b/x,size=8", "/a=b/x", 8),
        ("path=/a b/\u00e9", "/a b/\u00e9", 32),
    ],
)
def test_paths_of_images_may_have_commas_and_equals_signs(variant, path, size):
    dataset = load("my_images", variant)["dataset"]
    assert (dataset["path"], dataset["image_size"]) == (path, size)


@pytest.mark.parametrize(
    "variant, message",
    [
        ("path=/a, b=c/x", "received  b=c/x .*goes into --config.dataset.path"),
        ("path=/a,sise=8", "expected arguments among .*size=..., received sise=8"),
        ("path=/a,size=large", "size=: expected a whole number, received large"),
        ("path=/a,skip_bad=maybe", "skip_bad=: expected true or false, received maybe"),
        ("path=/a,size", "expected arguments among skip_bad, smoke, .*size=..., received size"),
        ("size=8,/a", "expected arguments among .*received /a"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(variant, message):
    with pytest.raises(ValueError, match=f"^--config: .*{message}"):
        load("my_images", variant)


@pytest.mark.parametrize(
    "word, skip_bad", [("=true", True), ("", True), ("=False", False), ("=false", False)]
)
def test_damaged_images_are_skipped_only_where_it_is_said(word, skip_bad):
    config = load("my_images", f"path=/a,skip_bad{word}")
    assert config["dataset"]["skip_bad"] is skip_bad
    checks.check(config)
