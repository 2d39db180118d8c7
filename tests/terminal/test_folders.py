"""A folder that takes its place whole, and what a kill between its two renames leaves."""

import os

import pytest

from mime_tf.terminal.folders import replacing_folder, restore


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(text, path="out"):
    with replacing_folder(path) as folder, open(f"{folder}/a", "w") as file:
        file.write(text)


def read():
    with open("out/a") as file:
        return file.read()


def test_a_folder_replaces_another():
    write("old", "out/")
    assert read() == "old"
    write("new")
    assert (read(), os.listdir()) == ("new", ["out"])


def test_a_failure_leaves_the_old_folder():
    write("old")
    with pytest.raises(KeyError), replacing_folder("out") as folder:
        open(f"{folder}/b", "w").close()
        raise KeyError
    assert (os.listdir(), os.listdir("out"), read()) == (["out"], ["a"], "old")


@pytest.mark.parametrize("failing", [1, 2])
def test_a_rename_that_fails_leaves_the_old_folder(failing, monkeypatch):
    write("old")
    rename, count = os.rename, []

    def renamed(*paths):
        count.append(paths)
        if len(count) == failing:
            raise OSError(5, "Input/output error")
        rename(*paths)

    with monkeypatch.context() as patch, pytest.raises(OSError) as caught:
        patch.setattr(os, "rename", renamed)
        write("new")
    assert caught.value.filename == "out"
    assert (os.listdir(), read()) == (["out"], "old")


def test_a_kill_between_the_renames_is_mended():
    write("old")
    os.rename("out", "out.earlier")
    os.makedirs("out.0123abcd.tmp")  # the new one, which is made again
    restore("out")
    assert (os.listdir(), read()) == (["out"], "old")


def test_a_kill_after_the_renames_is_mended():
    write("new")
    os.mkdir("out.earlier")
    restore("out")
    assert (os.listdir(), read()) == (["out"], "new")
    restore("none")
    assert os.listdir() == ["out"]
