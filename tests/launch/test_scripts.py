"""The scripts that launch memkit elsewhere, run in real processes without that elsewhere."""

import configparser
import json
import os
import pathlib
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile

import pytest
import yaml

from memkit import cli, studies
from tests.launch import fake_gcloud

ROOT = pathlib.Path(__file__).parents[2]
TPU, GPU = ROOT / "launch" / "tpu_vm.sh", ROOT / "launch" / "gpu_box.sh"
COMMANDS = ("create", "setup", "start", "status", "collect", "delete", "all")
VM = ("--name=depth", "--zone=us-west4-a", "--project=mine", "--accelerator_type=v5litepod-8")
TWO_HOSTS = {"accelerator_type": "v4-16", "hosts": 2}
STUDY = ("--config=cifar100_resnet_depth", "--workdir=gs://bucket/depth")
BOXES = "--boxes=me@one,me@two"
# Everything by which a script could do something.
TOOLS = ("gcloud", "ssh", "scp", "tar", "mkdir", "curl", "rm", "sleep")

needs_flock = pytest.mark.skipif(
    shutil.which("flock") is None, reason="flock is not installed; machines that train are Linux"
)

# Prints the flags that a `memkit train` command stands for, or fails as memkit would.
PARSE = """
import json, sys
from absl import flags as absl_flags
from memkit.launch import flags, train, values
absl_flags.FLAGS(["memkit", *flags.resolve_config(sys.argv[1:])])
config = values.resolved(train._CONFIG.value, train._WORKDIR.value, train._MODEL.value)
print(json.dumps({
    "workdir": train._WORKDIR.value,
    "engine": train._PLACEMENT["engine"].value,
    "packing": train._PLACEMENT["packing"].value,
    "shard": values.selected(train._SELECTION)["shard"],
    "title": config["report"]["title"],
}))
"""


@pytest.fixture
def tools(tmp_path):
    """A folder for PATH with tools that note down their call and fail."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        put_tool(folder / name, f'echo "{name} $*" >> {tmp_path}/called; exit 1')
    return folder


@pytest.fixture
def script(tools, tmp_path):
    """Returns a function that runs a script where every tool fails."""

    def run(path, *words):
        environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}
        return subprocess.run(
            [path, *words], capture_output=True, text=True, cwd=tmp_path, env=environment
        )

    return run


@pytest.fixture
def dry(script, tmp_path):
    """Returns a function that gives the commands, as lists of words, that --dry_run prints."""

    def run(path, *words):
        done = script(path, words[0], "--dry_run", *words[1:])
        assert (done.returncode, done.stderr) == (0, "")
        assert not (tmp_path / "called").exists()
        return [shlex.split(line) for line in done.stdout.splitlines()]

    return run


def put_tool(path, text):
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def remote_commands(commands):
    """The words that follow --command= in a list of commands."""
    words = [word for command in commands for word in command]
    return [word.partition("=")[2] for word in words if word.startswith("--command=")]


def started_words(command, home, **environment):
    """What `memkit` is started with by a command for another machine, run in a home folder."""
    (home / "memkit" / "env" / "bin").mkdir(parents=True)
    put_tool(home / "memkit" / "env" / "bin" / "memkit", 'printf "%s\\n" "$@" > ../words')
    done = subprocess.run(
        ["bash", "-c", f"{command}; wait"], cwd=home, env=os.environ | environment
    )
    assert done.returncode == 0
    assert (home / "memkit" / "train.code").read_text() == "0\n"
    return (home / "words").read_text().splitlines()


def parsed(words, **environment):
    """The meaning of `memkit train` words to memkit's own parser of flags."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE, *words],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_prints_calls_with_the_given_values_and_runs_nothing(dry, command):
    printed = dry(TPU, command, *VM, *STUDY, "--vms=2", "--spot")
    on_vms = [words for words in printed if words[:3] == ["gcloud", "compute", "tpus"]]
    assert len(on_vms) >= 2 if command != "collect" else not on_vms
    for words in on_vms:
        assert "--zone=us-west4-a" in words and "--project=mine" in words
        assert {"depth-0", "depth-1"} & {re.split(":", word)[0] for word in words}


def test_all_is_the_commands_one_after_another(dry):
    def calls(command):
        return dry(TPU, command, *VM, *STUDY)

    # Between start and collect it waits, which `all` alone does.
    before = [*calls("create"), *calls("setup"), *calls("start")]
    after = [*calls("collect"), *calls("delete")]
    printed = calls("all")
    assert printed[: len(before)] == before
    assert printed[-len(after) :] == after
    assert len(printed) == len(before) + len(after) + 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ["--spot"],
            "gcloud compute tpus queued-resources create depth-0 --zone=us-west4-a --project=mine "
            "--accelerator-type=v5litepod-8 --node-id=depth-0 "
            "--runtime-version=v2-alpha-tpuv5-lite --spot",
        ),
        (
            ["--api=direct", "--accelerator_type=v6e-8"],
            "gcloud compute tpus tpu-vm create depth-0 --zone=us-west4-a --project=mine "
            "--accelerator-type=v6e-8 --version=v2-alpha-tpuv6e",
        ),
        (
            ["--api=compute", "--accelerator_type=ct6e-standard-8t", "--flex_start=4h"],
            "gcloud compute instances create depth-0 --zone=us-west4-a --project=mine "
            "--machine-type=ct6e-standard-8t "
            "--image-family=ubuntu-accel-2204-amd64-tpu-v5e-v5p-v6e "
            "--image-project=ubuntu-os-accelerator-images --maintenance-policy=TERMINATE "
            "--scopes=cloud-platform --provisioning-model=FLEX_START --max-run-duration=4h "
            "--request-valid-for-duration=2h --instance-termination-action=DELETE",
        ),
        (
            ["--api=compute", "--accelerator_type=tpu7x-standard-4t", "--runtime_version=new"],
            "gcloud compute instances create depth-0 --zone=us-west4-a --project=mine "
            "--machine-type=tpu7x-standard-4t --image-family=new "
            "--image-project=ubuntu-os-accelerator-images --maintenance-policy=TERMINATE "
            "--scopes=cloud-platform",
        ),
    ],
)
def test_each_way_to_a_vm_has_its_own_call(dry, options, expected):
    printed = dry(TPU, "create", *VM, *options)
    assert shlex.split(expected) in printed


@pytest.mark.parametrize("api", ["queued", "direct", "compute"])
def test_deleting_names_the_vm_and_asks_nothing(dry, api):
    (words,) = dry(TPU, "delete", "--name=depth", "--zone=z", f"--api={api}")
    assert "depth-0" in words and "delete" in words and "--quiet" in words
    assert ("--force" in words) == (api == "queued")


@needs_flock
@pytest.mark.parametrize(
    ("worker", "vm", "shard"), [(0, 0, [0, 4]), (1, 0, [1, 4]), (0, 1, [2, 4]), (1, 1, [3, 4])]
)
def test_workers_of_a_slice_start_different_shards(dry, tmp_path, worker, vm, shard):
    more = ("--packing=vmap", "--runs_per_program=8", "--config.report.title=it's $HOME")
    two_hosts = ("--accelerator_type=v4-16", "--vms=2")
    commands = dry(TPU, "start", *VM, *STUDY, *two_hosts, "--", *more)
    command = remote_commands(commands)[vm]
    words = started_words(command, tmp_path / "home", TPU_WORKER_ID=str(worker))
    meaning = parsed(words[1:])
    assert words[0] == "train"
    assert meaning == {
        "workdir": "gs://bucket/depth",
        "engine": "jax",
        "packing": "vmap",
        "shard": shard,
        "title": "it's $HOME",
    }


@pytest.mark.parametrize(
    ("accelerator_type", "hosts"),
    [
        ("v2-8", 1),
        ("v3-32", 4),
        ("v4-8", 1),
        ("v4-16", 2),
        ("v5litepod-1", 1),
        ("v5litepod-8", 1),
        ("v5litepod-16", 4),
        ("v5litepod-256", 64),
        ("v5p-8", 1),
        ("v5p-128", 16),
        ("v6e-4", 1),
        ("v6e-8", 1),
        ("v6e-16", 4),
    ],
)
def test_the_number_of_hosts_follows_from_the_accelerator_type(dry, accelerator_type, hosts):
    words = dry(TPU, "start", *VM, *STUDY, f"--accelerator_type={accelerator_type}", "--vms=3")
    shards = re.findall(r"--shard=[^/]*/(\d+)", remote_commands(words)[2])
    assert shards == [str(3 * hosts)]


@pytest.mark.parametrize(("engine", "extra"), [("jax", "jax-tpu"), ("tensorflow", "tpu")])
def test_setup_installs_the_extra_of_the_engine_on_its_python(dry, engine, extra):
    (command,) = remote_commands(dry(TPU, "setup", *VM, *STUDY, f"--engine={engine}"))
    assert f"./upload[{extra},gcs]" in command
    assert ("--python 3.11 " in command) == (engine == "tensorflow")


def test_setup_runs_nothing_that_it_downloads_but_packages(dry):
    (command,) = remote_commands(dry(TPU, "setup", *VM, *STUDY))
    assert "python3 -m pip install --quiet --upgrade --target uv uv" in command
    assert "curl" not in command and "| sh" not in command


@pytest.mark.parametrize(
    ("source", "requirement"),
    [
        ("git+https://host/memkit.git", "'memkit[jax-tpu] @ git+https://host/memkit.git'"),
        ("https://host/memkit-1-py3-none-any.whl", "@ https://host/memkit-1-py3-none-any.whl'"),
        ("here.whl", "'./upload/here.whl[jax-tpu]'"),
    ],
)
def test_setup_installs_from_an_address_or_a_wheel(dry, tmp_path, source, requirement):
    (tmp_path / "here.whl").touch()
    printed = dry(TPU, "setup", *VM, STUDY[0], "--workdir=study", f"--source={source}")
    assert requirement in remote_commands(printed)[0]
    assert (len(printed) == 1) == ("://" in source)  # Nothing to copy.


def test_every_extra_that_a_script_installs_exists():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = [TPU, GPU, ROOT / "launch" / "Dockerfile"]
    named = re.findall(r"(?:extra|EXTRAS)=([a-z,-]+)", "".join(s.read_text() for s in scripts))
    assert len(named) == 5
    assert set(",".join(named).split(",")) <= set(setup["options.extras_require"])


@pytest.mark.slow
def test_what_is_copied_to_a_machine_installs_whole(dry, tmp_path):
    archive = tmp_path / "upload.tar.gz"
    tar = next(words for words in dry(TPU, "setup", *VM, *STUDY) if words[0] == "tar")
    tar[tar.index("-czf") + 1] = archive
    subprocess.run(tar, check=True)
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "upload", filter="data")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", tmp_path, tmp_path / "upload"], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    for package in ("memkit", "launch", "configs"):
        files = {p.relative_to(ROOT).as_posix() for p in (ROOT / package).rglob("*.py")}
        assert {name if package == "memkit" else f"memkit/{name}" for name in files} <= packed
    assert "memkit/report/page.html" in packed


@needs_flock
def test_a_config_file_is_copied_and_used_with_its_variant(dry, tmp_path):
    (tmp_path / "mine.py").write_text((ROOT / "configs" / "digits_width.py").read_text())
    options = ("--config=mine.py:smoke", "--workdir=study")
    tar = next(words for words in dry(TPU, "setup", *VM, *options) if words[0] == "tar")
    assert tar[-3:] == ["-C", str(tmp_path), "mine.py"]
    (command,) = remote_commands(dry(TPU, "start", *VM, *options))
    words = started_words(command, tmp_path / "home")
    assert "--config=upload/mine.py:smoke" in words


@needs_flock
def test_training_that_goes_on_is_not_started_again(dry, tmp_path):
    (command,) = remote_commands(dry(TPU, "start", *VM, *STUDY))
    home = tmp_path / "home"
    (home / "memkit").mkdir(parents=True)
    holder = subprocess.Popen(
        ["flock", home / "memkit" / "train.lock", "sh", "-c", "echo held; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    done = subprocess.run(["bash", "-c", command], cwd=home, capture_output=True, text=True)
    holder.communicate(b"\n")
    assert done.stdout == "trains already\n"
    assert not (home / "memkit" / "train.log").exists()


@needs_flock
def test_boxes_train_a_shard_each_and_add_up_in_one_folder(dry, tmp_path):
    options = (BOXES, "--config=digits_width", "--workdir=study")
    commands = dry(GPU, "start", *options, "--", "--workers=2")
    for i, (tool, box, command) in enumerate(commands):
        assert (tool, box) == ("ssh", ["me@one", "me@two"][i])
        meaning = parsed(started_words(command, tmp_path / str(i))[1:])
        assert (meaning["shard"], meaning["engine"]) == ([i, 2], "tensorflow")
    assert dry(GPU, "collect", *options, "--out=here")[1:] == [
        ["scp", "-q", "-r", f"me@{box}:memkit/study", "here"] for box in ("one", "two")
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "command: expected one of"),
        (["begin", *VM], "received begin"),
        (["create", *VM, "--zome=us-west4-a"], "received --zome=us-west4-a"),
        (["create", *VM, "--zone"], "received --zone"),
        (["create", *VM, "more words"], "received 'more words'"),
        (["create", "--name=depth"], "--zone: expected a value, received none"),
        (["create", *VM, "--vms=two"], "--vms: expected a number from 1, received two"),
        (["create", *VM, "--api=cloud"], "--api: expected one of queued direct compute"),
        (["create", *VM, "--accelerator_type=v9-1"], "--runtime_version: expected a value"),
        (["create", *VM, "--flex_start=4h"], "--flex_start: expected --api=compute"),
        (["start", *VM, *STUDY, "--api=compute", "--hosts=2"], "--hosts: expected 1"),
        (["start", *VM, *STUDY, "--hosts=2"], "--hosts: expected 1 for --api=queued"),
        (["start", *VM[:2], *STUDY], "--hosts: expected the number of hosts of a VM"),
        (["start", *VM[:2], *STUDY, "--accelerator_type=v9-8"], "--hosts: expected the number"),
        (["start", *VM[:2], *STUDY, "--hosts=none"], "--hosts: expected a number from 1"),
        (["start", *VM, *STUDY, "--engine=torch"], "--engine: expected one of jax tensorflow"),
        (["start", *VM, STUDY[0], "--workdir=here", "--spot"], "--workdir: expected gs://"),
        (["setup", *VM, *STUDY, "--source=nowhere.whl"], "--source: expected a wheel that exists"),
        (["setup", *VM, STUDY[1], "--config=nowhere.py"], "--config: expected a file that exists"),
        (["setup", *VM, STUDY[1]], "--config: expected a value, received none"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2_before_anything_runs(
    script, tmp_path, words, complaint
):
    done = script(TPU, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tpu_vm.sh: error: ") and done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("create", ["queued-resources describe depth-0"] * 2),
        ("setup", ["tar --exclude"]),
        ("start", ["tpu-vm ssh depth-0"]),
        ("collect", ["mkdir -p out"]),
        ("delete", ["queued-resources delete depth-0", "queued-resources delete depth-1"]),
        ("all", ["queued-resources describe depth-0"] * 2),
    ],
)
def test_a_failing_call_ends_the_script(script, tmp_path, command, calls):
    done = script(TPU, command, *VM, *STUDY, "--vms=2")
    assert done.returncode != 0
    called = (tmp_path / "called").read_text().splitlines()
    assert len(called) == len(calls)
    assert all(expected in line for expected, line in zip(calls, called))


def test_slurm_tasks_train_the_shard_that_the_array_says(tmp_path):
    for name, text in (("srun", 'shift; exec "$@"'), ("memkit", 'printf "%s\\n" "$@"')):
        put_tool(tmp_path / name, text)
    # What Slurm sets for task 6 of --array=2-8:2.
    array = {"ID": "6", "COUNT": "4", "MIN": "2", "MAX": "8", "STEP": "2"}
    scheduled = {f"SLURM_ARRAY_TASK_{name}": value for name, value in array.items()}
    done = subprocess.run(
        ["bash", ROOT / "launch" / "slurm.sbatch", "--config=digits_width", "--workdir=/shared/d"],
        capture_output=True,
        text=True,
        env=os.environ | scheduled | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[0] == "train"
    meaning = parsed(words[1:], **scheduled)
    assert (meaning["shard"], meaning["workdir"]) == ([2, 4], "/shared/d")


def test_kubernetes_pods_train_the_shard_that_the_job_says():
    job = yaml.safe_load((ROOT / "launch" / "k8s_job.yaml").read_text())
    spec = job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    assert spec["completionMode"] == "Indexed"
    assert int(environment["MEMKIT_SHARDS"]) == spec["completions"] == spec["parallelism"]
    verb, *words = container["args"]
    meaning = parsed(words, JOB_COMPLETION_INDEX="3", **environment)
    assert (verb, meaning["shard"]) == ("train", [3, spec["completions"]])


@pytest.mark.parametrize("version", ["1.31", "1.32", "1.33", "1.34"])
def test_the_manifest_is_valid_kubernetes(version):
    validator = pytest.importorskip("kubernetes_validate")
    job = yaml.safe_load((ROOT / "launch" / "k8s_job.yaml").read_text())
    validator.validate(job, version, strict=True)


def test_nodes_of_skypilot_train_the_shard_of_their_rank(tmp_path):
    task = yaml.safe_load((ROOT / "launch" / "sky.yaml").read_text())
    environment = task["envs"] | {"WORKDIR": "gs://bucket/d", "HOME": str(tmp_path)}
    tool = tmp_path / "memkit_env" / "bin" / "memkit"
    tool.parent.mkdir(parents=True)
    put_tool(tool, 'printf "%s\\n" "$@"')
    done = subprocess.run(
        ["bash", "-c", task["run"]], env=os.environ | environment, capture_output=True, text=True
    )
    verb, *words = done.stdout.splitlines()
    rank = {"SKYPILOT_NODE_RANK": "2", "SKYPILOT_NUM_NODES": str(task["num_nodes"])}
    meaning = parsed(words, **rank)
    assert (verb, meaning["shard"], meaning["engine"]) == ("train", [2, 4], "jax")
    assert meaning["workdir"] == "gs://bucket/d"


def test_kubernetes_knows_the_exit_codes_of_memkit():
    job = yaml.safe_load((ROOT / "launch" / "k8s_job.yaml").read_text())
    rules = {rule["action"]: rule for rule in job["spec"]["podFailurePolicy"]["rules"]}
    assert rules["FailJob"]["onExitCodes"]["values"] == [cli.INPUT_ERROR]
    assert rules["FailIndex"]["onExitCodes"]["values"] == [1]


def test_the_image_holds_what_the_scripts_copy(dry):
    lines = (ROOT / "launch" / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    tar = next(words for words in dry(TPU, "setup", *VM, *STUDY) if words[0] == "tar")
    assert copied == tar[tar.index("-C") + 2 :]
    assert 'ENTRYPOINT ["memkit"]' in lines


@pytest.mark.parametrize("path", sorted((ROOT / "launch").glob("*.s[hb]*")), ids=lambda p: p.name)
def test_scripts_are_sound_bash(path):
    assert subprocess.run(["bash", "-n", path], capture_output=True).returncode == 0
    if path.name != "remote.sh":
        assert path.read_text().splitlines()[0] == "#!/usr/bin/env bash"


@pytest.fixture
def cloud(tmp_path):
    """Returns a function that runs tpu_vm.sh with a gcloud whose VMs are folders."""
    tools, state = tmp_path / "tools", tmp_path / "cloud"
    for folder in (tools, state / "vms", state / "preempt", state / "hiccup"):
        folder.mkdir(parents=True)
    fake = pathlib.Path(__file__).with_name("fake_gcloud.py")
    put_tool(tools / "gcloud", f'exec {sys.executable} {fake} "$@"')

    def run(command, *words, accelerator_type, hosts):
        environment = os.environ | {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "FAKE_CLOUD": str(state),
            "FAKE_HOSTS": str(hosts),
        }
        done = subprocess.run(
            [TPU, command, *VM, f"--accelerator_type={accelerator_type}", "--poll=1", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
        )
        return done

    yield run
    for vm in (state / "vms").iterdir():
        fake_gcloud.end(vm)


def is_complete(workdir, num_runs):
    study = studies.load(workdir)
    return all(
        studies.read_runs(study, point).index.tolist() == list(range(num_runs))
        for point in study.points
    )


@needs_flock
@pytest.mark.slow
def test_two_workers_of_a_slice_train_a_study_that_is_collected_whole(
    cloud, memkit, tiny_config, tmp_path
):
    words = (f"--config={tiny_config}", "--workdir=study", "--engine=tensorflow")
    for command in ("create", "setup", "start"):
        done = cloud(command, *words, "--", "--workers=1", **TWO_HOSTS)
        assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["started shard 0/2", "started shard 1/2"]
    homes = sorted((tmp_path / "cloud" / "vms" / "depth-0").glob("[01]"))
    for home in homes:
        subprocess.run(["flock", home / "memkit" / "train.lock", "true"])
        assert (home / "memkit" / "train.code").read_text() == "0\n"
        assert not is_complete(home / "memkit" / "study", 20)
    status = cloud("status", *words, **TWO_HOSTS).stdout
    assert status.count("ended with exit code 0") == 2
    assert cloud("collect", *words, **TWO_HOSTS).returncode == 0
    assert is_complete(tmp_path / "out" / "study", 20)
    estimated = memkit("estimate", f"--workdir={tmp_path / 'out' / 'study'}")
    assert estimated.code == 0, estimated.err
    assert cloud("delete", *words, **TWO_HOSTS).returncode == 0
    assert not list((tmp_path / "cloud" / "vms").iterdir())


@needs_flock
@pytest.mark.slow
def test_a_vm_that_is_taken_away_is_made_again_and_its_shard_trained(cloud, tiny_config, tmp_path):
    (tmp_path / "cloud" / "preempt" / "depth-1").touch()
    words = (f"--config={tiny_config}", "--workdir=study", "--engine=tensorflow", "--vms=2")
    done = cloud("all", *words, "--", "--workers=1", accelerator_type="v5litepod-8", hosts=1)
    assert done.returncode == 0, done.stderr
    assert "depth-1: SUSPENDED; created again" in done.stdout
    assert is_complete(tmp_path / "out" / "study", 20)
    calls = (tmp_path / "cloud" / "log").read_text()
    assert calls.count("queued-resources create depth-0") == 1
    assert calls.count("queued-resources create depth-1") == 2
    assert not list((tmp_path / "cloud" / "vms").iterdir())


@needs_flock
@pytest.mark.slow
def test_a_vm_whose_state_cannot_be_read_for_once_goes_on(cloud, tiny_config, tmp_path):
    (tmp_path / "cloud" / "hiccup" / "depth-0").write_text("2")  # It is asked twice.
    words = (f"--config={tiny_config}", "--workdir=study", "--engine=tensorflow")
    done = cloud("all", *words, "--", "--workers=1", accelerator_type="v5litepod-8", hosts=1)
    assert done.returncode == 0, done.stderr
    assert "depth-0: ERROR: the server cannot be reached; looking again" in done.stdout
    assert (tmp_path / "cloud" / "log").read_text().count("queued-resources create") == 1
    assert is_complete(tmp_path / "out" / "study", 20)


def test_vms_that_are_gone_do_not_keep_the_others(cloud, tmp_path):
    words = (*STUDY, "--vms=3")
    (tmp_path / "cloud" / "vms" / "depth-1").mkdir()
    done = cloud("delete", *words, accelerator_type="v5litepod-8", hosts=1)
    assert done.returncode == 1
    assert "not deleted, unless they were gone before: depth-0 depth-2" in done.stderr
    assert not list((tmp_path / "cloud" / "vms").iterdir())


@needs_flock
@pytest.mark.slow
@pytest.mark.parametrize("accelerator_type", ["v5litepod-16", "v6e-16"])
def test_a_slice_of_four_hosts_is_trained_collected_and_deleted(
    cloud, tiny_config, tmp_path, accelerator_type
):
    words = (f"--config={tiny_config}", "--workdir=study", "--engine=tensorflow")
    slice_of_four = {"accelerator_type": accelerator_type, "hosts": 4}
    done = cloud("all", *words, "--", "--workers=1", **slice_of_four)
    assert done.returncode == 0, done.stderr
    assert "started shard 3/4" in done.stdout
    assert is_complete(tmp_path / "out" / "study", 20)
    assert not list((tmp_path / "cloud" / "vms").iterdir())
