"""Standard streams of a command: in any encoding, closed, and with nothing on them that steers a terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mime_tf.errors import InputError, escaped
from mime_tf.terminal import status
from mime_tf.terminal.console import Console

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "a\x1b[2J\x9bb\r\nc\u202ed\u2066e\u2028f\x00\x7fg\udcffé"
SHOWN = r"a\x1b[2J\x9bb\r\nc\u202ed\u2066e\u2028f\x00\x7fg\udcffé"


def test_escapes():
    assert escaped(HOSTILE) == SHOWN
    assert escaped("naïve Ünïcode: 心不全, قصور القلب, 1 \\ 2") == "naïve Ünïcode: 心不全, قصور القلب, 1 \\ 2"


def test_lines_notes_and_progress(capsys):
    console = Console(period=0)
    console.line(f"line {HOSTILE}")
    console.note(f"note {HOSTILE}")
    console.progress(f"progress {HOSTILE}")
    out, err = capsys.readouterr()
    assert out == f"line {SHOWN}\n"
    assert err == f"note {SHOWN}\nprogress {SHOWN}\n"


@pytest.mark.parametrize("error", [InputError(HOSTILE), status.UsageError(HOSTILE), OSError(5, HOSTILE, HOSTILE)])
def test_errors_are_one_line(error, capsys):
    def action():
        raise error

    assert status.run("mime-tf", action) == status.BAD_INPUT
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and SHOWN in err and "\x1b" not in err


def command(*argv, redirect="", **environment):
    """Runs mime-tf in a shell of its own."""
    script = f'exec "$@" {redirect}'
    argv = ["sh", "-c", script, "sh", sys.executable, "-m", "mime_tf", *argv]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(argv, env=environment, capture_output=True, timeout=300)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict"])
def test_a_stream_that_lacks_letters(encoding):
    done = command("train", "心", "b", "c", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"mime-tf: \\u5fc3.seqs: can't be read (No such file or directory)")
    code = "from mime_tf.terminal import status; status.run('p', lambda: print('\\u5fc3 \\xe9'))"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=300)
    assert done.stdout.decode("latin-1") == f"\\u5fc3 {'é' if encoding == 'latin-1' else chr(92) + 'xe9'}\n"
    assert done.stderr == b""


def test_a_closed_stderr():
    done = command("train", "no_such", "b", "c", redirect="2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")
    done = command("--version", redirect="2>&- <&-")
    assert (done.returncode, done.stdout[:8]) == (0, b"mime-tf ")


def test_a_closed_stdout():
    done = command("train", "no_such", "b", "c", redirect=">&-")
    assert done.returncode == 2
    assert done.stderr.startswith(b"mime-tf: no_such.seqs: can't be read")


def test_a_full_stderr():
    assert command("train", "no_such", "b", "c", redirect="2>/dev/full").returncode == 2
