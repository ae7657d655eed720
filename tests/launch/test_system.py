"""What the system refuses, and streams that take no text, as real processes meet them."""

import os
import shutil
import subprocess
import sys

import fsspec
import pytest

from memkit import studies
from memkit.sweeps import worker
from tests.sweeps import fake_work, small_study

HUGE = """
import keras

def build(*, input_shape, num_classes, hidden):
    images = keras.Input(input_shape)
    x = keras.layers.Flatten()(images)
    for number in range(2):
        x = keras.layers.Dense(10_000_000, name=f"dense{number}")(x)
    return keras.Model(images, keras.layers.Dense(num_classes, name="logits")(x))
"""


def run(*words, env=None, redirect=""):
    """Runs `memkit WORDS` with shell redirections such as "2>&-"."""
    command = [sys.executable, "-m", "memkit.cli", *map(str, words)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirect}', "sh", *command],
        capture_output=True,
        text=True,
        errors="replace",
        env=os.environ | (env or {}),
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def workdir(tmp_path):
    """The folder of a study whose records nobody trained."""
    study = small_study.make(tmp_path / "study")
    for point in study.points:
        for number in range(20):
            arrays = fake_work.arrays(study, point, number)
            studies.write_record(study, point, number, arrays, fake_work.info())
    return tmp_path / "study"


def one_line_of(result):
    return one_line((result.code, result.out, result.err))


def one_line(result):
    code, _, err = result
    assert code == 2, err
    assert len(err.strip().splitlines()) == 1, err
    return err


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        ("status", "study.json"),
        ("status", "points"),
        ("status", ""),
        ("estimate", "points"),
        ("estimate", "design.npz"),
    ],
)
def test_an_unreadable_file_is_named_in_one_line(workdir, memkit, verb, name):
    (workdir / name).chmod(0)
    try:
        line = one_line_of(memkit(verb, f"--workdir={workdir}", is_root=False))
    finally:
        (workdir / name).chmod(0o755)
    assert f"{workdir / name}" in line
    assert "Permission denied" in line


def test_an_unwritable_folder_is_named_in_one_line(workdir, memkit):
    shutil.rmtree(workdir / "tables", ignore_errors=True)
    (workdir / "tables").mkdir(mode=0o555)
    line = one_line_of(memkit("audit", f"--workdir={workdir}", is_root=False))
    assert f"{workdir / 'tables'}" in line
    assert "Permission denied" in line


@pytest.mark.parametrize(
    ("verb", "unbuffered"), [("--version", ""), ("status", ""), ("status", "1")]
)
def test_a_full_disk_behind_the_output_is_one_line(workdir, verb, unbuffered):
    words = [verb, f"--workdir={workdir}"] if verb == "status" else [verb]
    result = run(*words, redirect=">/dev/full", env={"PYTHONUNBUFFERED": unbuffered})
    assert "output" in one_line(result)
    assert "cannot be written: No space left on device" in result[2]


@pytest.mark.parametrize("redirect", ["1>&-", "2>&-", "0<&- 1>&- 2>&-", "2>/dev/full"])
def test_closed_and_full_streams_do_not_stop_a_command(workdir, redirect):
    code, _, err = run("status", f"--workdir={workdir}", redirect=redirect)
    assert (code, err) == (0, "")


@pytest.mark.slow
def test_training_with_closed_streams_trains(tiny_config, tmp_path):
    flags = [f"--workdir={tmp_path / 'study'}", "--workers=1", "--runs=0:2"]
    code, _, _ = run("train", f"--config={tiny_config}", *flags, redirect="0<&- 1>&- 2>&-")
    assert code == 0
    records = sorted(p.name for p in (tmp_path / "study").glob("points/*/runs/*"))
    assert records == ["0.npz", "0.npz", "1.npz", "1.npz"]


def test_characters_that_the_terminal_lacks_are_escaped(workdir, tmp_path):
    (tmp_path / "größe\x1b[31m").symlink_to(workdir)
    (tmp_path / os.fsdecode(b"\xff")).symlink_to(workdir)
    for name in ("größe\x1b[31m", os.fsdecode(b"\xff")):
        code, out, err = run(
            "status", f"--workdir={tmp_path / name}", env={"PYTHONIOENCODING": "ascii"}
        )
        assert code == 0, err
        assert "\\xf6" in out or "\\udcff" in out
    line = one_line(run("status", f"--workdir={tmp_path}/größe", env={"PYTHONIOENCODING": "ascii"}))
    assert "\\xf6" in line


def test_control_characters_in_errors_are_escaped(memkit, tmp_path):
    assert "\x1b" not in one_line_of(memkit("status", f"--workdir={tmp_path}/\x1b[31m"))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("gs://bucket/x", "pip install -e '.[gcs]'"),
        ("s3://bucket/x", "pip install s3fs"),
        ("az://bucket/x", "pip install adlfs"),
        ("file:///tmp/x", "a local path"),
        ("https://host/x", "a local path"),
    ],
)
def test_addresses_that_cannot_be_opened_are_one_line(memkit, address, words):
    protocol = address.partition(":")[0]
    if protocol in ("gs", "s3", "az") and _can_open(protocol):
        pytest.skip(f"{protocol}:// can be opened here")
    line = one_line_of(memkit("status", f"--workdir={address}"))
    assert f"{address}: expected" in line
    assert words in line


def _can_open(protocol):
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError:
        return False
    return True


def test_a_flag_file_may_name_a_packaged_study(memkit, tmp_path):
    (tmp_path / "my.flags").write_text("--config=digits_width\n--no_measure\n")
    result = memkit("plan", f"--flagfile={tmp_path / 'my.flags'}")
    assert result.code == 0, result.err
    assert "total: 100 runs" in result.out


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_unreadable_flag_file_is_named(memkit, tmp_path, content):
    if content:
        (tmp_path / "my.flags").write_bytes(content)
    line = one_line_of(memkit("status", f"--flagfile={tmp_path / 'my.flags'}"))
    assert f"--flagfile={tmp_path / 'my.flags'}: " in line


@pytest.mark.parametrize(
    "content", ["def x(:", "import no_such_package", "\0", "raise OSError(5, 'x')"]
)
def test_a_config_file_that_cannot_be_loaded_is_one_line(memkit, tmp_path, content):
    (tmp_path / "my.py").write_text(content)
    one_line_of(memkit("plan", f"--config={tmp_path / 'my.py'}", "--no_measure"))


def test_a_bug_shows_its_stack_trace():
    code = "from memkit import cli; from memkit.launch import status; "
    code += "cli.launch('status', lambda: None + 1, ['--workdir=x'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "TypeError" in done.stderr


def test_programs_run_as_files(checkout):
    done = subprocess.run(
        [sys.executable, "launch/status.py", "--help"], cwd=checkout, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "--workdir" in done.stdout


@pytest.mark.slow
def test_a_model_beyond_all_memory_is_one_line_with_advice(tiny_config, tmp_path):
    flags = [f"--workdir={tmp_path / 'study'}", "--workers=1", "--runs=0:2"]
    # Configs refuse layers of such a width; a user's own model may have them.
    (tmp_path / "huge.py").write_text(HUGE)
    huge = "--config.model.name=huge:build"
    words = ["train", f"--config={tiny_config}", huge, *flags]
    code, _, err = run(*words, env={"PYTHONPATH": str(tmp_path)})
    assert code == 2
    *_, last = err.splitlines()
    assert "Traceback" not in err
    assert "too little memory" in last and "training.batch_size" in last


def test_a_study_that_is_deleted_is_not_created_again(workdir):
    study = studies.load(workdir)

    def work(study, point, runs):
        shutil.rmtree(study.workdir)
        yield from fake_work.draw(study, point, runs)

    (kind, what, line), _ = worker.outcomes(study, study.points[0], [0], work)
    assert (kind, what) == ("failed", "mistake")
    assert line.startswith(f"{workdir}: the study has been removed")
    assert not workdir.exists()
