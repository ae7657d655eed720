"""Images of one's own through the real command."""

import numpy as np
import PIL.Image
import pytest

FEW = ["--config.subsets.num_runs=20", "--config.training.batch_size=8"]


@pytest.fixture
def photos(tmp_path):
    """A folder of 40 train and 10 test images of two classes, 8x8, with a comma in its name."""
    root = tmp_path / "photos, all"
    rng = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 5)):
        for name in ("ant", "bee"):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
                PIL.Image.fromarray(pixels).save(root / part / name / f"{number:02d}.png")
    return root


def _plan(memkit, root, *words):
    return memkit("plan", f"--config=my_images:path={root},size=8", "--no_measure", *FEW, *words)


def test_plan_tells_images_classes_shape_and_what_is_ignored(memkit, photos):
    (photos / "train/ant/x.heic").write_bytes(b"x")
    (photos / "test/bee/.DS_Store").write_bytes(b"x")
    (photos / "train/bee/00.png").write_bytes((photos / "train/ant/00.png").read_bytes())
    result = _plan(memkit, photos)
    assert result.code == 0, result.err
    assert result.out.splitlines()[1:4] == [
        "data: 40 train and 10 test images of 8x8x3, 2 classes (ant, bee)",
        "ignored: 1 .heic (train/ant/x.heic), 1 system file (test/bee/.DS_Store)",
        "groups of identical images with different labels: 1, such as train/ant/00.png (ant), "
        "train/bee/00.png (bee); a workdir lists them in duplicates.json",
    ]


def test_broken_images_are_one_line_and_code_2_or_are_skipped(memkit, photos):
    for number in (1, 5, 9):
        (photos / f"train/ant/{number:02d}.png").write_text("<html>404</html>")
    result = _plan(memkit, photos)
    assert result.code == 2
    assert len(result.err.strip().splitlines()) == 1, result.err
    assert all(f"train/ant/0{number}.png: not an image" in result.err for number in (1, 5, 9))
    result = _plan(memkit, photos, "--config.dataset.skip_bad=true")
    assert result.code == 0, result.err
    assert result.out.splitlines()[2].startswith("skipped: 3 damaged images (train/ant/01.png, ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("path=none,size=8", "path=: expected a folder, received none, which"),
        ("size=8", "path=: expected a file or folder of this machine"),
        ("path=gs://B/x,size=8", "path=: expected a file or folder of this machine, no address"),
        ("path=ROOT,size=8,holdout=0.2", "holdout=: expected 0 because"),
        ("path=ROOT,size=0", "size=: expected a size to which images of different"),
        (
            "path=ROOT,size=8,channels=1",
            "channels=: expected one number per channel, 3 for these color images",
        ),
    ],
)
def test_messages_name_the_argument_that_was_typed(memkit, photos, words, message):
    PIL.Image.new("RGB", (9, 8)).save(photos / "train/ant/01.png")
    words = words.replace("ROOT", str(photos))
    result = memkit("plan", f"--config=my_images:{words}", "--no_measure", *FEW)
    assert result.code == 2 and "dataset." not in result.err
    assert result.err.startswith(f"memkit plan: error: {message}"), result.err


def test_messages_name_the_flag_of_a_field_and_the_npz_file(memkit, photos):
    result = _plan(memkit, photos, "--config.dataset.path=none")
    assert result.err.startswith("memkit plan: error: dataset.path: expected a folder, received no")
    result = memkit("plan", "--config=mnist_mlp:npz=none.npz", "--no_measure", *FEW)
    assert result.err.startswith("memkit plan: error: npz=: expected an .npz file, received none")


@pytest.mark.slow
def test_training_logs_what_was_left_out_and_survives_repaired_images_only_by_name(
    memkit, photos, tmp_path
):
    (photos / "train/ant/01.png").write_text("broken")
    (photos / "train/ant/x.heic").write_bytes(b"x")
    words = [f"--config=my_images:path={photos},size=8,skip_bad", *FEW]
    words += ["--config.training.epochs=1", "--config.schedule.warmup_epochs=0.0"]
    words += ["--config.model.depth=8", "--config.model.width=4"]
    words += ["--workers=1", "--runs=0:1", f"--workdir={tmp_path / 'study'}"]
    result = memkit("train", *words)
    assert result.code == 0, result.err
    assert result.err.count("data: 39 train and 10 test images of 8x8x3") == 1
    assert result.err.count("ignored: 1 .heic") == result.err.count("skipped: 1 damaged") == 1
    PIL.Image.new("RGB", (8, 8)).save(photos / "train/ant/01.png")
    result = memkit("train", *words)
    assert result.code == 2
    assert "dataset: expected the images and labels" in result.err
