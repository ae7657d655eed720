import json

import pytest

from memkit import studies
from memkit.errors import InputError


@pytest.fixture
def without(tmp_path, make_config, tiny):
    """Returns a function that makes a study and takes a field out of its stored config."""

    def make(section, name):
        study = studies.open_or_create(tmp_path / "study", make_config(), tiny)
        file = study.workdir / "study.json"
        info = json.loads(file.read_text())
        del info["config"][section][name], info["checksum"]  # Earlier versions wrote no checksum.
        file.write_text(json.dumps(info))
        return study.workdir

    return make


@pytest.mark.parametrize("name", ["title", "min_influence", "min_memorization", "top_k"])
def test_a_missing_field_of_report_is_named_and_the_config_brings_it_back(
    without, make_config, tiny, name
):
    workdir = without("report", name)
    with pytest.raises(InputError, match=f"without report.{name}$"):
        studies.load(workdir)
    studies.open_or_create(workdir, make_config(), tiny)
    assert studies.load(workdir).config == make_config()


def test_any_other_missing_field_is_another_version(without, make_config, tiny):
    workdir = without("training", "sync_batch_norm")
    for load in (studies.load, lambda where: studies.open_or_create(where, make_config(), tiny)):
        with pytest.raises(InputError, match=r"this version.*without training\.sync_batch_norm$"):
            load(workdir)
