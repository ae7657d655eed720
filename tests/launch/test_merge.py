import json
import shutil

import pytest

from memkit import studies


@pytest.fixture
def halves(tiny_study, tmp_path):
    """Two folders with the even and the odd runs of the tiny study."""
    folders = []
    for remainder, name in enumerate(("even", "odd")):
        shutil.copytree(tiny_study[0], tmp_path / name)
        for file in (tmp_path / name / "points").glob("*/runs/*.npz"):
            if int(file.stem) % 2 != remainder:
                file.unlink()
        folders.append(tmp_path / name)
    return folders


def test_studies_made_apart_become_one_with_the_same_estimates(
    memkit, tiny_study, halves, tmp_path
):
    even, odd = halves
    out = tmp_path / "out"
    result = memkit("merge", f"--workdir={out}", f"--with={even}", f"--with={odd}")
    assert result.code == 0, result.err
    assert result.out.splitlines()[:2] == [
        f"merge: {folder}: 20 runs copied, 0 already present, "
        "0 already present with other numbers, which are kept"
        for folder in halves
    ]
    assert memkit("verify", f"--workdir={out}").code == 0
    assert memkit("estimate", f"--workdir={out}").code == 0
    merged, whole = (
        json.loads((folder / "summary.json").read_text()) for folder in (out, tiny_study[0])
    )
    assert merged["points"] == whole["points"]
    assert "nothing is missing" not in result.out
    assert json.loads((out / "study.json").read_text())["command"].startswith("memkit merge ")


def test_damaged_records_are_named_and_the_exit_code_is_1(memkit, halves, tmp_path):
    even, odd = halves
    study = studies.load(even)
    name = f"points/{study.points[0].name}/runs/4.npz"
    (even / name).write_bytes(b"junk")
    result = memkit("merge", f"--workdir={tmp_path / 'out'}", f"--with={even}", f"--with={odd}")
    assert result.code == 1
    assert f"{even / name} is left out: not a complete record" in result.err
    assert len(list((tmp_path / "out" / "points").glob("*/runs/*.npz"))) == 39


def test_another_study_is_refused_in_one_line_and_nothing_is_written(memkit, halves, tmp_path):
    even, odd = halves
    made = json.loads((odd / "study.json").read_text())
    made["config"]["seed"] += 1
    del made["checksum"]  # As a version without checksums would have written it.
    (odd / "study.json").write_text(json.dumps(made))
    result = memkit("merge", f"--workdir={tmp_path / 'out'}", f"--with={even}", f"--with={odd}")
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert line == (
        f"memkit merge: error: --with: expected studies with seed=0, as in {even}, "
        f"received seed=1 in {odd}"
    )
    assert not (tmp_path / "out").exists()


def test_nothing_to_merge_is_refused(memkit, tmp_path):
    result = memkit("merge", f"--workdir={tmp_path / 'out'}")
    assert result.code == 2
    assert "--with: expected at least one study, received none" in result.err
