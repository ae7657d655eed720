import re
import subprocess
import sys

import pytest

from memkit import cli, studies

WIDTH = "--config=digits_width"

BAD = {
    "unknown flag": (["run", WIDTH, "--workdr=W"], ["workdr"]),
    "unknown config": (
        ["run", "--config=digit_width", "--workdir=W"],
        ["--config: unknown config", "did you mean 'digits_width'?"],
    ),
    "missing config file": (["run", "--config=no/such.py", "--workdir=W"], ["no/such.py"]),
    "no config": (["run", "--workdir=W"], ["--config: missing value", "study has no study.json)"]),
    "no workdir": (["run", WIDTH], ["--workdir: missing value"]),
    "unknown variant": (["run", WIDTH + ":tiny", "--workdir=W"], ["smoke", "tiny"]),
    "unknown config key": (
        ["run", WIDTH, "--config.subsets.num_run=3", "--workdir=W"],
        ["num_run", "num_runs"],
    ),
    "config field as a flag": (
        ["run", WIDTH, "--num_runs=5", "--workdir=W"],
        ["--num_runs: unknown flag; did you mean --config.subsets.num_runs?"],
    ),
    "field of several sections as a flag": (
        ["plan", WIDTH, "--name=mlp", "--workdir=W"],
        ["did you mean --config.dataset.name or --config.model.name or --config.optimizer.name"],
    ),
    "config field as a flag of a verb without configs": (
        ["estimate", "--num_runs=5", "--workdir=W"],
        ["Unknown command line flag 'num_runs'"],
    ),
    "argument of a config": (
        ["plan", "--config=my_images:path=photos,size=big", "--workdir=W"],
        ["--config: size=: expected a whole number, received big"],
    ),
    "wrong type": (["run", WIDTH, "--config.subsets.num_runs=many", "--workdir=W"], ["many"]),
    "unknown model": (
        ["run", WIDTH, "--config.model.name=vgg", "--workdir=W"],
        ["model.name: unknown model 'vgg'", "Known: mlp, resnet, "],
    ),
    "option of the former model": (
        ["run", WIDTH, "--config.model.name=mlp", "--config.model.depth=8", "--workdir=W"],
        ["--config: unknown field depth"],
    ),
    "values without an axis": (
        ["run", WIDTH, "--config.model.name=mlp", "--config.axis.values=(1,2)", "--workdir=W"],
        ["axis.values: expected no values where axis.field is empty, received [1, 2]"],
    ),
    "impossible depth": (
        ["run", WIDTH, "--config.model.depth=9", "--workdir=W"],
        ["model.depth: expected 6n+2", "received 9"],
    ),
    "unknown data set": (
        ["run", WIDTH, "--config.dataset.name=mnits", "--workdir=W"],
        ["dataset.name: unknown data set 'mnits'; did you mean 'mnist'?"],
    ),
    "fraction of one": (
        ["run", WIDTH, "--config.subsets.train_fraction=1.0", "--workdir=W"],
        ["subsets.train_fraction: expected a number in (0, 1), received 1.0"],
    ),
    "text for a whole number": (
        ["run", WIDTH, "--config.subsets.num_runs=abc", "--workdir=W"],
        ["--config.subsets.num_runs: expected a whole number, received 'abc'"],
    ),
    "text for a number": (
        ["plan", WIDTH, "--halfwidth=abc"],
        ["--halfwidth: expected a number, received 'abc'"],
    ),
    "one run": (
        ["run", WIDTH, "--config.subsets.num_runs=1", "--workdir=W"],
        ["subsets.num_runs: expected an int of at least 2, received 1"],
    ),
    "batch larger than the subset": (
        ["run", WIDTH, "--config.training.batch_size=1007", "--workdir=W"],
        ["training.batch_size: expected at most the subset's 1006 examples, received 1007"],
    ),
    "axis over subsets": (
        ["run", WIDTH, "--config.axis.field=subsets.train_fraction", "--workdir=W"],
        ["axis.field"],
    ),
    "unwritable workdir": (["run", WIDTH, "--workdir=/proc/study"], ["--workdir: expected a writ"]),
    "a file as workdir": (["run", WIDTH, "--workdir=/etc/hosts/x"], ["/etc/hosts"]),
    "unknown engine": (
        ["run", WIDTH, "--workdir=W", "--engine=torch"],
        ["--engine: unknown engine"],
    ),
    "bad shard": (["train", WIDTH, "--workdir=W", "--shard=2/2"], ["--shard: expected i/n"]),
    "bad runs": (["train", WIDTH, "--workdir=W", "--runs=3"], ["--runs"]),
    "bad workers": (["run", WIDTH, "--workdir=W", "--workers=-1"], ["workers"]),
    "stray word": (["run", WIDTH, "--workdir=W", "fast"], ["fast"]),
    "no study there": (["estimate", "--workdir=W"], ["--workdir: expected a folder with a study"]),
    "unknown verb": (
        ["rum"],
        ["command: unknown verb 'rum'; did you mean 'run'? Known: run, plan"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_gets_one_line_code_2_and_nothing_written(memkit, tmp_path, case):
    args, words = BAD[case]
    workdir = tmp_path / "study"
    result = memkit(*[a.replace("=W", f"={workdir}") for a in args])
    assert result.code == 2, result.err
    assert len(result.err.strip().splitlines()) == 1, result.err
    assert "error: " in result.err
    for word in words:
        assert word in result.err
    assert not workdir.exists()


def test_a_workdir_of_another_study_is_refused_by_the_name_of_the_field(
    memkit, tiny_study, tiny_config
):
    workdir, _ = tiny_study
    before = (workdir / "study.json").read_bytes()
    result = memkit(
        "run", f"--config={tiny_config}", f"--workdir={workdir}", "--config.training.epochs=4"
    )
    assert result.code == 2
    assert "training.epochs: expected 3" in result.err
    assert "received 4" in result.err
    assert (workdir / "study.json").read_bytes() == before


def test_a_workdir_with_foreign_files_is_refused_and_left_alone(memkit, tmp_path):
    (tmp_path / "thesis.tex").write_text("do not lose me")
    result = memkit("run", WIDTH, f"--workdir={tmp_path}")
    assert result.code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_help_and_version_exit_0_and_import_nothing_heavy():
    code = """
import sys
from memkit import cli
for word in ("--help", "--version"):
    try:
        cli.main([word])
    except SystemExit as stop:
        assert stop.code == 0, stop.code
heavy = {"numpy", "absl", "tensorflow", "keras", "jax", "etils"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(verb in done.stdout for verb in cli.VERBS)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_the_help_of_a_verb_lists_its_flags_and_exits_0(memkit, verb):
    result = memkit(verb, "--help")
    assert result.code == 0
    assert "--workdir" in result.out
    assert "Traceback" not in result.err


@pytest.mark.parametrize("package, extra", [("tensorflow", "cpu"), ("tensorboard", "tensorboard")])
def test_without_a_package_run_says_what_to_install(tmp_path, package, extra):
    code = f"""
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "{package}" else real(name, *rest)
from memkit import cli
flags = ["--workdir={tmp_path / "study"}", "--tensorboard={tmp_path / "logs"}"]
cli.main(["run", "--config=digits_width", *flags])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"pip install -e '.[{extra}]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_plan_counts_runs_steps_and_disk_without_writing(memkit, tmp_path):
    workdir = tmp_path / "study"
    result = memkit("plan", WIDTH, f"--workdir={workdir}", "--no_measure")
    assert result.code == 0
    assert result.out.count("one_hot_width") == 5
    assert "375" in result.out  # 25 epochs of floor(1006 / 64) steps
    assert "total: 100 runs" in result.out
    assert result.engines == ()
    assert not workdir.exists()


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_the_first_line_says_what_is_read(memkit, tmp_path, verb):
    npz = tmp_path / "images.npz"
    npz.write_bytes(b"no images")
    config = f"--config=mnist_mlp:npz={npz}"
    result = memkit(verb, config, f"--workdir={tmp_path / 'study'}")
    assert result.code == 2 and len(result.err.strip().splitlines()) == 1, result.err
    assert result.out == f"reading the data set npz {npz} ...\n"


def test_plan_says_how_many_runs_a_half_width_takes_without_writing(memkit, tmp_path):
    workdir = tmp_path / "study"
    command = ["plan", WIDTH, f"--workdir={workdir}", "--no_measure"]
    result = memkit(*command, "--halfwidth=0.1")
    assert result.code == 0, result.err
    assert "half width: the pooled intervals of 95% of the examples are +/- 0.1" in result.out
    assert "about 260 runs per point, 1,300 in all" in result.out
    assert "The number comes from a reference" in result.out
    assert result.engines == ()
    assert not workdir.exists()
    assert re.search(r"^ +260 +1300 +0.098$", result.out, re.MULTILINE)
    without = memkit(*command).out
    assert "260" not in without and "--halfwidth=0.1 says how many runs" in without


def test_a_half_width_that_makes_no_sense_is_one_line(memkit):
    design = ["--config.subsets.design=leave_one_out", "--config.subsets.num_runs=1438"]
    for words, expected in (
        (["--halfwidth=1"], "a half width above 0 and below 1, received 1"),
        (["--halfwidth=nan"], "a half width above 0 and below 1, received nan"),
        (["--halfwidth=0.1", *design], "a study of random subsets (subsets.design)"),
    ):
        result = memkit("plan", WIDTH, "--no_measure", *words)
        assert result.code == 2
        assert result.err.count("\n") == 1 and result.out == ""
        assert f"--halfwidth: expected {expected}" in result.err


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_plan_measures_seconds_per_run_of_models_and_their_students(memkit, tiny_config, engine):
    series = "--config.series=('one_hot', 'distilled')"
    result = memkit("plan", f"--config={tiny_config}", series, f"--engine={engine}")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    rows = [line.split() for line in lines if line.startswith(("one_hot", "distilled"))]
    assert len(rows) == 4
    assert all(float(row[-1]) > 0 for row in rows)
    assert "hours of one" in result.out


def test_launchers_run_as_modules_in_a_checkout(checkout, tiny_study):
    workdir, _ = tiny_study
    done = subprocess.run(
        [sys.executable, "-m", "launch.status", f"--workdir={workdir}"],
        capture_output=True,
        text=True,
        cwd=checkout,
    )
    assert done.returncode == 0, done.stderr
    assert "40/40 runs" in done.stdout
    assert studies.exists(workdir)
