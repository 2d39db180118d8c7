"""May results be written here? The checks that every command asks before it reads anything, and the lock."""

import multiprocessing
import os
import re
import signal
import time

import pytest

from mime_tf.errors import InputError
from mime_tf.terminal import locks, outputs


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
    for leftover in ("ours.csv.0123abcd.tmp", "ours.csv.lock"):  # as a command that was killed leaves them
        open(f"full/{leftover}", "w").close()
    outputs.check_folder("full", True, is_ours)
    os.remove("full/ours.csv")
    outputs.check_folder("full", False, is_ours)


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


# Outputs that are inputs.


def test_an_output_is_no_input(tmp_path):
    outputs.check_apart(["new", "file"], ["full/ours.csv", "none"])
    says = "must be another file"
    for output, read in (
        ("file", "./empty/../file"),
        ("file", str(tmp_path / "file")),
        ("new", "empty/../new"),  # neither exists
    ):
        line = refusal(outputs.check_apart, ["other", output], ["full/ours.csv", read])
        assert line == f"{output}: is read as well ({read}); {says}"


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_an_output_is_no_input_by_another_name(link):
    link("file", "name")
    assert "is read as well" in refusal(outputs.check_apart, ["name"], ["file"])
    assert "is read as well" in refusal(outputs.check_apart, ["file"], ["name"])


# The lock.


def test_a_lock_keeps_others_out_and_is_gone_in_the_end():
    with outputs.locked("a/b/new"):
        assert os.listdir("a/b") == ["new.lock"]
        line = refusal(lambda: outputs.locked("a/../a/b/new").__enter__())
        held = r"process \d+ on \S+ since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
        assert re.fullmatch(rf"a/../a/b/new: is being written by {held}; wait for it, or give another", line)
        assert f"process {os.getpid()} on" in line
        with outputs.locked("a/b/newer", "empty/other"):
            pass
    assert not os.path.exists("a")
    assert os.listdir("empty") == []


def test_a_lock_leaves_the_folders_of_what_was_written():
    with outputs.locked("a/b/new"):
        open("a/b/new", "w").close()
    assert os.listdir("a/b") == ["new"]


def test_a_lock_where_nothing_can_be_written():
    assert refusal(lambda: outputs.locked("file/new").__enter__()) == "file/new: can't be written; file is not a folder"


def test_a_lock_with_strange_words_is_told_without_them():
    with outputs.locked("new"):
        with open("new.lock", "w") as file:
            file.write("\x1b[2Jprocess 1 on a since yesterday")
        line = refusal(lambda: outputs.locked("new").__enter__())
    assert line == "new: is being written by another process; wait for it, or give another"


def test_an_output_that_appears_while_the_lock_is_waited_for():
    """Another process writes it between the check and the lock."""
    asked = []

    def check():
        outputs.check_file("new", overwrite=False)
        asked.append(True)
        open("new", "w").close()

    line = refusal(lambda: outputs.claimed(check, "new").__enter__())
    assert (line, len(asked)) == ("new: exists; --overwrite replaces it", 1)


def test_where_there_are_no_locks_everyone_may_write(monkeypatch):
    monkeypatch.setattr(locks, "fcntl", None)
    with outputs.locked("new"), outputs.locked("new"):
        pass


def _hold(path, ready):
    with outputs.locked(path):
        ready.set()
        time.sleep(600)


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_stale():
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    holder = context.Process(target=_hold, args=("new", ready))
    holder.start()
    assert ready.wait(60)
    assert f"process {holder.pid} on" in refusal(lambda: outputs.locked("new").__enter__())
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert os.path.exists("new.lock")
    with outputs.locked("new"):
        pass
    assert not os.path.exists("new.lock")
