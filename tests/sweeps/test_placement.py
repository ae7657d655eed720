"""What flags pick on made-up machines, and every refusal: one line that names the flag."""

import json
import types

import pytest
from memkit.launch import stages, values

from memkit.errors import InputError
from memkit.sweeps import placement
from memkit.training import devices, installation
from memkit.training.devices import Device

HIDING = ("CUDA_VISIBLE_DEVICES", "TPU_VISIBLE_CHIPS", "TPU_VISIBLE_DEVICES", "TF_CONFIG")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in (*HIDING, "XLA_FLAGS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def on_machine(monkeypatch):
    """Returns a function that makes up a machine whose devices every engine can use."""

    def make(*, gpus=0, tpus=0, cores=2, cores_of_chip=1):
        visible = {
            "gpu": tuple(Device("gpu", i) for i in range(gpus)),
            "tpu": tuple(Device("tpu", i, cores_of_chip) for i in range(tpus)),
        }
        monkeypatch.setattr(devices, "visible", lambda *_: visible)
        monkeypatch.setattr(installation, "check", lambda engine, kind, path=None: None)
        monkeypatch.setattr(placement, "available_cores", lambda: cores)

    return make


@pytest.fixture
def listed(monkeypatch):
    """Returns a function that lists processes in TF_CONFIG."""

    def make(**cluster):
        config = {"cluster": cluster, "task": {"type": "worker", "index": 0}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))

    return make


def place(data_parallel=1, **flags):
    return placement.place(data_parallel=data_parallel, **flags)


def refusal(data_parallel=1, **flags):
    """Returns the one line with which flags are refused."""
    with pytest.raises(InputError) as error:
        place(data_parallel, **flags)
    (line,) = str(error.value).splitlines()
    return line


def summary(placement):
    """Returns (strategy, kind, devices of a worker, workers)."""
    return (
        placement.setup.strategy,
        placement.setup.kind,
        placement.setup.num_devices,
        len(placement.worker_envs),
    )


# What auto picks


@pytest.mark.parametrize(
    "engine,machine,data_parallel,expected",
    [
        ("tensorflow", {}, 1, ("one_device", "cpu", 1, 2)),
        ("jax", {}, 1, ("one_device", "cpu", 1, 2)),
        ("tensorflow", {"cores": 8}, 2, ("mirrored", "cpu", 2, 4)),
        ("jax", {"cores": 8}, 2, ("mirrored", "cpu", 2, 4)),
        ("tensorflow", {"cores": 1}, 2, ("mirrored", "cpu", 2, 1)),
        ("tensorflow", {"gpus": 4}, 1, ("one_device", "gpu", 1, 4)),
        ("jax", {"gpus": 4}, 1, ("one_device", "gpu", 1, 4)),
        ("tensorflow", {"gpus": 4}, 2, ("mirrored", "gpu", 2, 2)),
        ("jax", {"gpus": 4}, 4, ("mirrored", "gpu", 4, 1)),
        ("tensorflow", {"tpus": 4}, 1, ("tpu", "tpu", 1, 4)),
        ("tensorflow", {"tpus": 4}, 4, ("tpu", "tpu", 4, 1)),
        ("jax", {"tpus": 4}, 1, ("one_device", "tpu", 1, 4)),
        ("jax", {"tpus": 4}, 2, ("mirrored", "tpu", 2, 2)),
        ("jax", {"gpus": 2, "tpus": 4}, 1, ("one_device", "tpu", 1, 4)),
    ],
)
def test_auto_picks_the_best_devices_and_spreads_a_run_only_where_asked(
    on_machine, engine, machine, data_parallel, expected
):
    on_machine(**machine)
    placement = place(data_parallel, engine=engine)
    assert summary(placement) == expected
    assert placement.setup.engine == engine
    strategy, kind, *_ = expected
    for word in (engine, kind, strategy, "--devices=auto"):
        assert word in placement.note
    assert "\n" not in placement.note


def test_auto_takes_all_processes_of_tf_config_into_one_run(on_machine, listed):
    on_machine(cores=8)
    listed(worker=["a:1", "b:1"])
    assert summary(place(4)) == ("multi_worker", "cpu", 2, 1)
    assert summary(place(2)) == ("multi_worker", "cpu", 1, 1)
    listed(chief=["a:1"], worker=["b:1", "c:1"], ps=["d:1"])
    assert summary(place(3)) == ("multi_worker", "cpu", 1, 1)


def test_processes_of_one_cluster_train_their_runs_in_step_and_others_do_not(
    on_machine, listed, study, monkeypatch
):
    on_machine(cores=8)
    listed(worker=["a:1", "b:1"])
    asked = []

    def execute(*_, placement, **__):
        asked.append(placement.in_step)
        return [], {}

    monkeypatch.setattr(stages.executor, "execute", execute)
    for placed in (place(2), place(1), place(2, engine="jax")):
        stages.train(study, placed)
    assert asked == [True, False, False]


def test_auto_leaves_tf_config_alone_where_runs_are_not_spread(on_machine, listed):
    on_machine()
    listed(worker=["a:1", "b:1"])
    assert summary(place(1)) == ("one_device", "cpu", 1, 2)
    assert place(2, engine="jax").setup.strategy == "mirrored"


def test_each_worker_gets_devices_of_its_own(on_machine):
    on_machine(gpus=4)
    devices_of_workers = [e["CUDA_VISIBLE_DEVICES"] for e in place(2).worker_envs]
    assert devices_of_workers == ["0,1", "2,3"]
    devices_of_workers = place(devices="gpu:1,gpu:3").worker_envs
    assert [e["CUDA_VISIBLE_DEVICES"] for e in devices_of_workers] == ["1", "3"]


@pytest.mark.parametrize("engine", ["jax", "tensorflow"])
def test_devices_that_share_a_run_train_one_at_a_time(on_machine, engine):
    on_machine(gpus=4)
    placement = place(2, engine=engine)
    assert summary(placement)[2:] == (2, 2)
    assert placement.runs_at_once == 1


def test_jax_workers_may_hold_several_devices_with_a_run_each(on_machine):
    on_machine(gpus=4)
    placement = place(engine="jax", workers=2, packing="vmap", runs_per_program=3)
    assert summary(placement) == ("one_device", "gpu", 2, 2)
    assert placement.runs_at_once == 6
    assert "3 runs per program by vmap" in placement.note


@pytest.mark.parametrize("devices", ["auto", "tpu", "tpu:0,tpu:1,tpu:2,tpu:3"])
def test_jax_trains_a_run_on_each_core_of_a_chip(on_machine, devices):
    on_machine(tpus=4, cores_of_chip=2)
    placement = place(engine="jax", devices=devices)
    assert summary(placement) == ("one_device", "tpu", 2, 4)
    assert placement.runs_at_once == 2
    assert [e["TPU_VISIBLE_CHIPS"] for e in placement.worker_envs] == ["0", "1", "2", "3"]


def test_runs_of_different_lengths_take_one_core_of_a_chip_each(on_machine):
    on_machine(tpus=4, cores_of_chip=2)
    alone = place(engine="jax", one_at_a_time=True)
    assert summary(alone) == ("one_device", "tpu", 1, 4)
    assert alone.runs_at_once == 1
    assert place(2, engine="jax", one_at_a_time=True).setup.num_devices == 2
    assert (
        place(engine="jax", one_at_a_time=True, packing="map", runs_per_program=3).runs_at_once == 3
    )
    assert place(engine="jax", one_at_a_time=True, workers=2).runs_at_once == 4


def test_a_study_that_stops_at_an_accuracy_takes_one_core_of_a_chip(on_machine, make_config):
    on_machine(tpus=2, cores_of_chip=2)
    flags = {"engine": types.SimpleNamespace(value="jax")}
    assert values.placed(flags, make_config()).runs_at_once == 2
    stopping = make_config({"training.until_accuracy": 0.9})
    assert values.placed(flags, stopping).runs_at_once == 1


def test_tensorflow_spreads_a_run_over_both_cores_of_a_chip_or_uses_one(on_machine):
    on_machine(tpus=4, cores_of_chip=2)
    assert summary(place()) == ("tpu", "tpu", 1, 4)
    assert summary(place(2)) == ("tpu", "tpu", 2, 4)
    assert summary(place(4)) == ("tpu", "tpu", 4, 2)
    assert "--workers: expected at least 4" in refusal(workers=2)
    assert "--workers: expected at least 2" in refusal(4, workers=1)


def test_more_workers_than_cores_or_gpus_are_as_many_as_asked_for(on_machine):
    on_machine(cores=2)
    assert len(place(workers=5).worker_envs) == 5
    on_machine(gpus=2)
    cards = [e["CUDA_VISIBLE_DEVICES"] for e in place(workers=5).worker_envs]
    assert cards == ["0", "1", "0", "1", "0"]


def test_a_placement_is_the_same_for_all_its_workers_and_needs_no_engine(on_machine):
    on_machine()
    first, second = place().worker_envs
    assert first == second
    assert first["KERAS_BACKEND"] == "tensorflow"
    assert first["CUDA_VISIBLE_DEVICES"] == "-1"


# Refusals

REFUSED = {
    "unknown engine": (
        {},
        {"engine": "torch"},
        ["--engine: unknown engine 'torch'", "Known: tensorflow, jax"],
    ),
    "unknown strategy": (
        {},
        {"strategy": "parameter_server"},
        [
            "--strategy: unknown strategy 'parameter_server'",
            "auto, one_device, mirrored, multi_worker",
        ],
    ),
    "unknown devices": ({}, {"devices": "npu"}, ["--devices: expected auto, cpu, gpu, tpu"]),
    "absent devices": ({}, {"devices": "gpu"}, ["--devices: expected a GPU visible"]),
    "one of two absent": (
        {"gpus": 1},
        {"devices": "gpu:0,gpu:1"},
        ["--devices: expected", "gpu:1"],
    ),
    "jax on several hosts": (
        {},
        {"engine": "jax", "strategy": "multi_worker", "data_parallel": 2},
        ["--strategy: expected auto, one_device or mirrored with --engine=jax", "multi_worker"],
    ),
    "jax with tpu strategy": (
        {"tpus": 1},
        {"engine": "jax", "strategy": "tpu"},
        ["--strategy: expected auto, one_device or mirrored with --engine=jax", "tpu"],
    ),
    "tpu without chips": (
        {},
        {"strategy": "tpu"},
        ["--strategy: expected tpu for TensorFlow on TPU chips", "tpu with tensorflow on cpu"],
    ),
    "chips without tpu": (
        {"tpus": 1},
        {"strategy": "one_device"},
        ["--strategy: expected tpu for TensorFlow on TPU", "one_device with tensorflow on tpu"],
    ),
    "one device for a spread run": (
        {},
        {"strategy": "one_device", "data_parallel": 2},
        ["--strategy: expected auto", "one_device with training.data_parallel=2"],
    ),
    "mirrored for whole runs": (
        {},
        {"strategy": "mirrored"},
        ["training.data_parallel: expected", "--strategy=mirrored, received 1"],
    ),
    "several workers for whole runs": (
        {},
        {"strategy": "multi_worker"},
        ["training.data_parallel: expected", "--strategy=multi_worker, received 1"],
    ),
    "several workers without TF_CONFIG": (
        {},
        {"strategy": "multi_worker", "data_parallel": 2},
        ["--strategy: expected a number of processes in TF_CONFIG that divides 2", "received 1"],
    ),
    "unknown packing": (
        {},
        {"engine": "jax", "packing": "pmap"},
        ["--packing: unknown packing 'pmap'; did you mean 'map'? Known: none, map, vmap"],
    ),
    "packing under TensorFlow": (
        {},
        {"packing": "vmap"},
        ["--packing: expected none, or --engine=jax, received vmap"],
    ),
    "several runs without packing": (
        {},
        {"engine": "jax", "runs_per_program": 2},
        ["--runs_per_program: expected 1, or --packing=map or vmap", "received 2"],
    ),
    "several runs on shared devices": (
        {},
        {"engine": "jax", "packing": "map", "runs_per_program": 2, "data_parallel": 2},
        ["--runs_per_program: expected 1", "without training.data_parallel", "received 2"],
    ),
    "devices that do not divide": (
        {"gpus": 3},
        {"data_parallel": 2},
        ["training.data_parallel: expected a number that divides the 3 devices", "received 2"],
    ),
    "workers that do not divide": (
        {"gpus": 4},
        {"engine": "jax", "workers": 3},
        ["--workers: expected a number that divides 4 groups", "received 3"],
    ),
    "fewer workers under TensorFlow": (
        {"gpus": 4},
        {"workers": 2},
        ["--workers: expected at least 4: TensorFlow trains one run per process, received 2"],
    ),
    "more workers than chips": (
        {"tpus": 4},
        {"engine": "jax", "workers": 5},
        ["--workers: expected at most 4", "received 5"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_flags_that_do_not_fit_together_are_an_error_with_their_name(on_machine, case):
    machine, flags, words = REFUSED[case]
    on_machine(**machine)
    line = refusal(**flags)
    assert line.startswith(words[0])
    for word in words[1:]:
        assert word in line


def test_data_parallel_must_be_shared_by_the_processes_of_tf_config(on_machine, listed):
    on_machine()
    listed(worker=["a:1", "b:1", "c:1"])
    line = refusal(4)
    assert line.startswith("--strategy: expected a number of processes in TF_CONFIG that divides 4")
    assert line.endswith("received 3")


@pytest.mark.parametrize("text", ["{", "worker", '{"cluster": '])
def test_a_broken_tf_config_is_refused(on_machine, monkeypatch, text):
    on_machine()
    monkeypatch.setenv("TF_CONFIG", text)
    assert refusal(2).startswith("TF_CONFIG: expected a JSON object")


@pytest.mark.parametrize("text", ["[1]", '"worker"', "3", "null", '{"cluster": 3}'])
def test_a_tf_config_that_is_json_of_another_shape_is_refused(on_machine, monkeypatch, text):
    on_machine()
    monkeypatch.setenv("TF_CONFIG", text)
    assert refusal(2).startswith("TF_CONFIG: expected")


@pytest.mark.parametrize("text", ["", " ", "{", "[1]", '{"cluster": {"worker": ["a:1", "b:1"]}}'])
@pytest.mark.parametrize(
    "flags",
    [{}, {"data_parallel": 2, "strategy": "mirrored"}, {"data_parallel": 2, "engine": "jax"}],
    ids=str,
)
def test_tf_config_does_not_count_where_no_run_is_spread_over_machines(
    on_machine, monkeypatch, text, flags
):
    on_machine()
    plain = place(**flags)
    monkeypatch.setenv("TF_CONFIG", text)
    assert place(**flags) == plain
    assert all(variables["TF_CONFIG"] == "{}" for variables in plain.worker_envs)


def test_an_empty_tf_config_lists_nobody(on_machine, monkeypatch):
    on_machine()
    monkeypatch.setenv("TF_CONFIG", "")
    assert place(2).setup.strategy == "mirrored"


def test_an_unusable_accelerator_is_named_beside_the_choice(on_machine, monkeypatch):
    on_machine(gpus=1)

    def check(engine, kind, path=None):
        if kind == "gpu":
            raise InputError("no driver")

    monkeypatch.setattr(installation, "check", check)
    placement = place()
    assert placement.setup.kind == "cpu"
    assert "no driver" in placement.note


@pytest.mark.parametrize(
    "kind, model, packing, warned",
    [
        ("tpu", "resnet", "vmap", True),
        ("tpu", "resnet", "map", False),
        ("tpu", "mlp", "vmap", False),
        ("gpu", "resnet", "vmap", False),
    ],
)
def test_one_line_warns_of_convolutional_networks_side_by_side_on_a_tpu(
    on_machine, make_config, caplog, kind, model, packing, warned
):
    on_machine(gpus=1, tpus=1)
    network = {"resnet": {"name": "resnet", "depth": 8, "width": 1}, "mlp": {"name": "mlp"}}
    config = make_config({"model": network[model], "axis": {"field": "", "values": []}})
    placed = place(engine="jax", devices=kind, packing=packing, runs_per_program=8)
    values.warn_of_slow_choices(placed.setup, config)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == warned
    assert all("--packing=vmap" in line and "(resnet)" in line for line in lines)


@pytest.mark.parametrize("kind, precision", [("cpu", "bfloat16"), ("gpu", "bfloat16"), ("cpu", "")])
def test_one_line_warns_of_bfloat16_on_a_cpu(on_machine, make_config, caplog, kind, precision):
    on_machine(gpus=1)
    config = make_config({"training.precision": precision or "float32"})
    values.warn_of_slow_choices(place(devices=kind).setup, config)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == ((kind, precision) == ("cpu", "bfloat16"))
