"""A flag with a new name of a section gives the section the fields of that name."""

import sys

import pytest
from absl import flags
from memkit.launch import sections
from ml_collections import config_dict

WIDTH = "--config=digits_width"
STEPS = "--config=cifar100_resnet_depth:smoke"


@pytest.fixture
def parse(monkeypatch):
    """Returns a function from the arguments of a command to its config before other overrides."""

    class FileParser(flags.ArgumentParser):
        def parse(self, argument):
            config = config_dict.ConfigDict(
                {
                    "model": {"name": "resnet", "depth": 56, "width": 16},
                    "optimizer": {"name": "sgd", "momentum": 0.5, "weight_decay": 1e-3},
                    "schedule": {"name": "cosine", "peak": 0.3, "warmup_epochs": 2.0},
                    "axis": {"field": "model.depth", "values": (8, 14)},
                }
            )
            return config.lock()

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["memkit", "--config=any.py", *arguments])
        return sections.Parser(FileParser()).parse("any.py").to_dict()

    return run


def test_new_name_replaces_the_fields_of_the_section_by_defaults(parse):
    config = parse("--config.model.name=mlp")
    assert config["model"] == {"name": "mlp", "hidden": (512, 256)}
    assert config["axis"] == {"field": "", "values": ()}


def test_axis_stays_if_the_new_section_has_its_field(parse):
    config = parse("--config.model.name=convnext")
    assert config["model"] == {"name": "convnext", "depth": 12, "width": 40, "patch": 1}
    assert config["axis"] == {"field": "model.depth", "values": (8, 14)}


def test_axis_of_the_command_is_kept(parse):
    config = parse("--config.model.name=mlp", "--config.axis.field=model.hidden")
    assert config["axis"] == {"field": "model.depth", "values": (8, 14)}


def test_new_schedule_keeps_the_fields_that_both_have(parse):
    shared = {"peak": 0.3, "warmup_epochs": 2.0}
    assert parse("--config.schedule.name=linear")["schedule"] == {"name": "linear", **shared}
    steps = {"name": "step", **shared, "milestones": (), "factor": 0.1}
    assert parse("--config.schedule.name=step")["schedule"] == steps


def test_new_optimizer_has_only_the_options_of_the_command(parse):
    options = ["--config.optimizer.weight_decay=0.05", "--config.optimizer.amsgrad=true"]
    config = parse(*options, "--config.optimizer.name=adamw")
    assert config["optimizer"] == {"name": "adamw", "weight_decay": 0.05, "amsgrad": True}
    assert parse("--config.optimizer.name=lion")["optimizer"] == {"name": "lion"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config.model.name", "mlp"],
        ["-config.model.name=mlp"],
        ["--config.model.name=vit", "--config.model.name=mlp"],
    ],
)
def test_flags_may_be_written_in_every_way(parse, arguments):
    assert parse(*arguments)["model"]["name"] == "mlp"


@pytest.mark.parametrize("name", ["resnet", "vgg", "my_models:build", "", "mlp,"])
def test_same_unknown_and_own_names_change_nothing(parse, name):
    assert parse(f"--config.model.name={name}") == parse()


@pytest.mark.parametrize("first", ["name", "hidden"])
def test_plan_takes_another_model_and_its_fields_in_any_order(memkit, first):
    name, hidden = "--config.model.name=mlp", "--config.model.hidden=(9,)"
    words = [name, hidden] if first == "name" else [hidden, name]
    result = memkit("plan", WIDTH, "--no_measure", *words)
    assert result.code == 0, result.err
    assert "total: 20 runs" in result.out
    note = "axis: mlp has no field model.width, so the study has a single point"
    assert result.err == f"info: {note}\n"


def test_plan_takes_the_axis_of_another_model(memkit):
    axis = ["--config.axis.field=model.hidden", "--config.axis.values=((16,),(64,32))"]
    result = memkit("plan", WIDTH, "--no_measure", "--config.model.name=mlp", *axis)
    assert result.code == 0, result.err
    assert "one_hot_hidden16 " in result.out and "one_hot_hidden64-32 " in result.out
    assert result.err == ""


def test_plan_takes_another_schedule(memkit, tmp_path):
    words = ["--config.schedule.name=cosine", "--config.schedule.peak=0.2"]
    result = memkit("plan", STEPS, "--no_measure", *words)
    assert result.code == 0, result.err
    result = memkit("plan", STEPS, "--no_measure", *words, "--config.schedule.factor=0.5")
    assert (result.code, result.err) == (2, "memkit plan: error: --config: unknown field factor\n")


def test_config_without_an_axis_gets_one_line(memkit, tiny_config, tmp_path):
    text = tiny_config.read_text().replace("    return", "    del config.axis\n    return")
    (tmp_path / "damaged.py").write_text(text)
    config = f"--config={tmp_path / 'damaged.py'}"
    result = memkit("plan", config, "--no_measure", "--config.model.name=resnet")
    assert result.code == 2
    assert result.err == "memkit plan: error: config: missing section axis\n"


def test_flag_file_may_name_the_model(memkit, tmp_path):
    (tmp_path / "flags").write_text("--config.model.name=mlp\n--config.model.hidden=(0,)\n")
    result = memkit("plan", WIDTH, "--no_measure", f"--flagfile={tmp_path / 'flags'}")
    assert result.code == 2
    assert "model.hidden: expected a tuple of at most 100 ints" in result.err
