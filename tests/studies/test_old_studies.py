import json

import pytest
from memkit.configs import digits_width

from memkit import studies
from memkit.errors import InputError
from memkit.studies import checks
from memkit.training import compiler


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


def test_a_study_without_a_newer_field_is_the_same_study(without, make_config, tiny):
    workdir = without("record", "ntk")
    old = studies.load(workdir)
    assert not old.points[0].config["record"]["ntk"]
    grown = studies.open_or_create(workdir, make_config(), tiny)
    assert [p.fingerprint for p in grown.points] == [p.fingerprint for p in old.points]
    with pytest.raises(InputError, match=r"record\.ntk: expected False"):
        studies.open_or_create(workdir, make_config({"record.ntk": True}), tiny)


def test_a_study_of_an_earlier_version_keeps_the_batch_normalization_of_keras(
    tmp_path, make_config, tiny
):
    """A config without the field stands for a study of the versions that had no other layer."""
    config = make_config()
    assert "batch_norm" not in config["training"]
    old = studies.open_or_create(tmp_path / "study", config, tiny)
    assert compiler.blueprint(old, old.points[0], tiny).batch_norm == "keras"
    assert digits_width.get_config("").training.batch_norm == "one_pass"
    with pytest.raises(InputError, match=r"batch_norm: expected keras.*received one_pass"):
        one_pass = make_config({"training.batch_norm": "one_pass"})
        studies.open_or_create(tmp_path / "study", one_pass, tiny)


def test_a_config_need_not_have_a_newer_field(tmp_path, make_config, tiny):
    config = make_config()
    del config["record"]["ntk"]
    checks.check(config)
    old = studies.open_or_create(tmp_path / "old", config, tiny)
    new = studies.open_or_create(tmp_path / "new", make_config(), tiny)
    assert old.info["fingerprint"] == new.info["fingerprint"]
    assert [p.fingerprint for p in old.points] == [p.fingerprint for p in new.points]
    assert studies.open_or_create(tmp_path / "old", make_config(), tiny).config == make_config()


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
