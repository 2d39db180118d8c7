"""Files that take their places whole: one by one, or together at the end of a command; and what a kill leaves."""

import multiprocessing
import os
import stat

import pytest

from mime_tf.terminal import files, locks


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, text):
    with files.replacing(path, "w") as file:
        file.write(text)


def read(path):
    with open(path) as file:
        return file.read()


def test_a_file_appears_when_it_is_whole():
    write("a", "old")
    with files.replacing("a", "w") as file:
        file.write("new")
        file.flush()
        assert read("a") == "old"
    assert read("a") == "new"
    assert os.listdir() == ["a"]


def test_a_failure_leaves_the_old_file():
    write("a", "old")
    with pytest.raises(KeyError), files.replacing("a", "w") as file:
        file.write("half")
        raise KeyError
    assert (os.listdir(), read("a")) == (["a"], "old")


def test_a_new_file_has_the_mode_of_any_other():
    write("ours", "")
    open("other", "w").close()
    assert stat.S_IMODE(os.stat("ours").st_mode) == stat.S_IMODE(os.stat("other").st_mode)


def test_two_writers_of_one_file_have_temporary_files_of_their_own():
    with files.replacing("a", "w") as first:
        with files.replacing("a", "w") as second:
            first.write("first")
            second.write("second")
            assert len(os.listdir()) == 2
        assert read("a") == "second"
    assert (os.listdir(), read("a")) == (["a"], "first")


def test_a_leftover_of_a_killed_process_goes_and_others_stay():
    for name in ("a.0123abcd.tmp", "a.0123abcd.tmp.keras", "a.0123abcd.tmp.d", "a.mine.tmp", "b.0123abcd.tmp"):
        open(name, "w").close()
    os.mkdir("a.89abcdef.tmp")
    write("a", "")
    assert sorted(os.listdir()) == ["a", "a.mine.tmp", "b.0123abcd.tmp"]


def test_leftovers_without_locks_stay(monkeypatch):
    """On a file system without locks nobody knows whether the writer lives."""
    monkeypatch.setattr(locks, "fcntl", None)
    open("a.0123abcd.tmp", "w").close()
    write("a", "")
    assert sorted(os.listdir()) == ["a", "a.0123abcd.tmp"]


def test_the_names_of_leftovers():
    for name in ("run.json.lock", "a.csv.0123abcd.tmp", "model.keras.0123abcd.tmp.keras"):
        assert files.is_leftover(name)
    for name in ("a.csv", "a.tmp", "a.0123ABCD.tmp", "a.123abcd.tmp", "0123abcd.tmp", "lock"):
        assert not files.is_leftover(name), name


def _write_again_and_again(path, letter, times):
    for _ in range(times):
        write(path, letter * 10_000)


@pytest.mark.slow
def test_readers_see_whole_files_of_two_writers():
    context = multiprocessing.get_context("fork")
    write("a", "")
    writers = [context.Process(target=_write_again_and_again, args=("a", letter, 100)) for letter in "xy"]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        seen.add(read("a"))
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert seen | {""} <= {"", "x" * 10_000, "y" * 10_000}
    assert os.listdir() == ["a"]


# Together.


def test_published_files_appear_together():
    write("last", "old")
    write("outdated", "")
    with files.publishing() as publication:
        write("first", "1")
        write("last", "2")
        publication.remove("outdated")
        publication.remove("not there")
        assert (read("last"), os.path.exists("first"), os.path.exists("outdated")) == ("old", False, True)
    assert sorted(os.listdir()) == ["first", "last"]
    assert (read("first"), read("last")) == ("1", "2")


def test_a_failure_publishes_nothing():
    write("last", "old")
    with pytest.raises(KeyError), files.publishing() as publication:
        publication.remove("last")
        write("first", "1")
        raise KeyError
    assert (os.listdir(), read("last")) == (["last"], "old")
    write("later", "at once")
    assert read("later") == "at once"


def test_a_file_that_can_t_take_its_place_is_named():
    with pytest.raises(OSError) as caught, files.publishing():
        write("file", "")
        write("folder", "")
        os.mkdir("folder")
    assert caught.value.filename == "folder"
    assert os.listdir() == ["folder"]


# A full disk.


def full_disk(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_names_the_file(call, monkeypatch):
    write("a", "old")
    if call == "fsync":
        monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError) as caught, files.replacing("a", "w") as file:
        file.write("new") if call == "fsync" else full_disk()
    assert (caught.value.filename, caught.value.strerror) == ("a", "No space left on device")
    assert (os.listdir(), read("a")) == (["a"], "old")


def test_a_folder_that_is_not_there_is_named_by_the_file():
    with pytest.raises(FileNotFoundError) as caught, files.replacing("none/a"):
        pass
    assert caught.value.filename == "none/a"


def test_an_error_about_another_file_keeps_its_name():
    with pytest.raises(FileNotFoundError) as caught, files.replacing("a"):
        os.stat("other")
    assert caught.value.filename == "other"
