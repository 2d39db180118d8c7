"""SIGTERM and SIGHUP do what Ctrl-C does; a signal waits for short work, and finds a published output done."""

import os
import signal

import pytest

from mime_tf.errors import InputError
from mime_tf.terminal import files, signals, status

STATUSES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def send(number):
    os.kill(os.getpid(), number)
    signal.getsignal(number)  # a bytecode later, Python has run the handler


@pytest.fixture(autouse=True)
def handlers_stay():
    """Each signal does at first what it does to a process that a terminal starts."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, action) for number, action in usual.items()}
    yield
    assert {number: signal.signal(number, action) for number, action in before.items()} == usual


@pytest.mark.parametrize(("number", "code"), STATUSES.items())
def test_a_signal_stops_a_command(number, code, capsys):
    cleaned = []

    def action():
        try:
            send(number)
        finally:
            cleaned.append(True)
        raise AssertionError("went on")

    assert status.run("mime-tf", action, "stopped; and so on") == code
    assert capsys.readouterr().err == "mime-tf: stopped; and so on\n"
    assert cleaned


def test_a_signal_that_the_process_ignores_stays_ignored():
    """As nohup asks for."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert status.run("mime-tf", lambda: send(signal.SIGHUP)) == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_waits_for_work_that_is_held_together():
    steps = []

    def action():
        with signals.held_back():
            with signals.held_back():
                send(signal.SIGTERM)
                steps.append("inner")
            steps.append("outer")
        steps.append("after")

    assert status.run("mime-tf", action) == 143
    assert steps == ["inner", "outer"]


def test_a_second_signal_does_not_break_into_the_cleaning_after_the_first():
    steps = []

    def action():
        try:
            send(signal.SIGTERM)
        finally:
            with signals.held_back():
                send(signal.SIGHUP)
                steps.append("cleaned")

    assert status.run("mime-tf", action) == 143
    assert steps == ["cleaned"]


@pytest.mark.parametrize("number", STATUSES)
def test_a_signal_during_the_publication_comes_too_late(number, tmp_path, monkeypatch, capsys):
    """Two renames make the output; a signal between them leaves a whole one, and the status says so."""
    replace = os.replace

    def replace_and_signal(source, target):
        replace(source, target)
        send(number)

    def action():
        with files.publishing():
            for name in ("first", "last"):
                with files.replacing(tmp_path / name, "w") as file:
                    file.write(name)
        print("written")

    monkeypatch.setattr(os, "replace", replace_and_signal)
    assert status.run("mime-tf", action) == 0
    assert sorted(os.listdir(tmp_path)) == ["first", "last"]
    assert capsys.readouterr() == ("written\n", "")


def test_a_signal_before_the_publication_leaves_nothing(tmp_path):
    def action():
        with files.publishing(), files.replacing(tmp_path / "a", "w") as file:
            file.write("half")
            send(signal.SIGTERM)

    assert status.run("mime-tf", action) == 143
    assert os.listdir(tmp_path) == []


def test_outside_of_a_command_nothing_is_held_or_ignored():
    with pytest.raises(KeyboardInterrupt), signals.held_back():
        signals.ignore()
        send(signal.SIGINT)
        raise AssertionError("went on")


def test_an_error_after_a_signal_has_its_own_status(capsys):
    """Such as a full disk when the best model so far is written."""

    def action():
        try:
            send(signal.SIGTERM)
        except KeyboardInterrupt:
            raise InputError("found x; must be y") from None

    assert status.run("mime-tf", action) == 2
    assert capsys.readouterr().err == "mime-tf: found x; must be y\n"
