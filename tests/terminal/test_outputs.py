"""May results be written here? The three checks that every command asks before it reads anything."""

import os

import pytest

from mime_tf.errors import InputError
from mime_tf.terminal import outputs


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    """A folder with the file `file`, the empty folder `empty` and the folder `full`, which holds `ours.csv`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "ours.csv").write_text("")


def is_ours(name):
    return name == "ours.csv"


def refusal(check, *arguments):
    with pytest.raises(InputError) as caught:
        check(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("path", ["new", "./new", "empty/new", "a/b/c/new", "full/new"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_new_file(path, overwrite):
    outputs.check_file(path, overwrite)
    outputs.check_writable(path)
    assert not os.path.exists(path)


def test_an_existing_file():
    assert refusal(outputs.check_file, "file", False) == "file: exists; --overwrite replaces it"
    outputs.check_file("file", True)
    outputs.check_writable("file")


def test_a_link_to_nothing_is_no_new_file():
    os.symlink("nowhere", "link")
    assert refusal(outputs.check_file, "link", False) == "link: exists; --overwrite replaces it"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_no_file(overwrite):
    assert refusal(outputs.check_file, "empty", overwrite) == "empty: is a folder; a file is written"


@pytest.mark.parametrize("path", ["file/new", "file/new/newer"])
def test_a_file_is_no_folder_to_write_into(path):
    says = f"{path}: can't be written; file is not a folder"
    assert refusal(outputs.check_file, path, True) == says
    assert refusal(outputs.check_writable, path) == says
    assert refusal(outputs.check_folder, path, True, is_ours) == says


@pytest.mark.parametrize("path", ["new", "new/newer", "empty", "empty/"])
def test_a_new_or_empty_folder(path):
    outputs.check_folder(path, False, is_ours)
    outputs.check_folder(path, True, is_ours)


def test_a_folder_of_ours():
    says = "full: has ours.csv in it; must be new or empty, or --overwrite replaces what is in it"
    assert refusal(outputs.check_folder, "full", False, is_ours) == says
    outputs.check_folder("full", True, is_ours)
    open("full/ours.csv.tmp", "w").close()  # as a command that was killed leaves it
    outputs.check_folder("full", True, is_ours)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_a_file_of_someone_else(overwrite):
    open("full/thesis.tex", "w").close()
    says = "full: has thesis.tex in it, which this command does not write; must be new or empty"
    assert refusal(outputs.check_folder, "full", overwrite, is_ours) == says


def test_a_file_where_a_folder_is_written():
    assert refusal(outputs.check_folder, "file", True, is_ours) == "file: is not a folder; a folder is written"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_read_only_places():
    os.chmod("empty", 0o555)
    for path in ("empty/new", "empty/new/newer"):
        says = f"{path}: can't be written; empty is read-only"
        assert refusal(outputs.check_file, path, False) == says
        assert refusal(outputs.check_folder, path, False, is_ours) == says
    assert refusal(outputs.check_folder, "empty", False, is_ours) == "empty: can't be written; it is read-only"
    os.chmod("file", 0o444)
    assert refusal(outputs.check_file, "file", True) == "file: can't be written; file is read-only"


def test_places_closed_to_this_process(monkeypatch):
    """As root sees no mode, the system's answer is made up."""
    monkeypatch.setattr(os, "access", lambda path, mode: path != "empty")
    assert refusal(outputs.check_file, "empty/new", True) == "empty/new: can't be written; empty is read-only"
    assert refusal(outputs.check_folder, "empty", True, is_ours) == "empty: can't be written; it is read-only"
