"""Names of files that operating systems and tools leave behind."""

import pytest

from memkit.system_files import is_system_file


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "._000.png",
        "Thumbs.db",
        "THUMBS.DB",
        "Thumbs.db:encryptable",
        "desktop.ini",
        "Desktop.ini",
        ".nfs000000000a1b2c3d",
        "lost+found",
        ".snapshot",
        "@eaDir",
        "__MACOSX",
        "$RECYCLE.BIN",
        "System Volume Information",
        ".Trash-1000",
        ".ipynb_checkpoints",
    ],
)
def test_system_files_are_recognized(name):
    assert is_system_file(name)


@pytest.mark.parametrize(
    "name",
    [
        "cat.png",
        "thumbs",
        ".hidden.png",
        "study.json",
        "lost",
        "points",
        "nfs1",
        "icon",
        "",
        ".tmp-a",
    ],
)
def test_files_of_users_and_studies_are_not_system_files(name):
    assert not is_system_file(name)
