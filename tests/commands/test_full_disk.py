"""A full disk: one line that names the file, nothing half-written, and another try that goes on."""

import contextlib
import io
import os
import subprocess
from types import SimpleNamespace

import pytest
from support.whole_runs import COHORT, SMALL, arguments
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.terminal import files

pytestmark = pytest.mark.slow
PAGE = os.sysconf("SC_PAGE_SIZE")
SIMULATED = ("--patients", "50", "--num_dx", "40", "--num_rx", "40", "--num_pr", "40")


@pytest.fixture
def disk(tmp_path):
    """A disk of 4 MB in memory, which root may make."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
    if made.returncode:
        pytest.skip("no disk of a given size can be made here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk, pages):
    """Leaves room for so many pages."""
    with open(disk / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(PAGE))
    os.truncate(disk / "filler", os.path.getsize(disk / "filler") // PAGE * PAGE - pages * PAGE)


def command(*argv):
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main([str(argument) for argument in argv])
    return SimpleNamespace(code=code, out=stdout.getvalue(), err=stderr.getvalue().splitlines())


def check_full(done, disk):
    """Asserts that the last line names a file on the disk, and that no temporary file or lock is left there."""
    assert done.code == 2, done
    assert done.err[-1].startswith(f"mime-tf: {disk}/"), done.err
    assert done.err[-1].endswith(": No space left on device"), done.err
    assert not [path for path in disk.rglob("*") if files.is_leftover(path.name)]


@pytest.mark.parametrize("pages", [0, 1, 3])
@pytest.mark.parametrize("name", ["c", "c.parquet"])
def test_simulate(name, pages, disk):
    fill(disk, pages)
    done = command("simulate", *SIMULATED, "--output", disk / "out" / name)
    check_full(done, disk)
    assert os.listdir(disk) == ["filler"]
    os.remove(disk / "filler")
    assert command("simulate", *SIMULATED, "--output", disk / "out" / name).code == 0


def test_pack_keeps_the_earlier_file(disk):
    asked = ["pack", "--data", COHORT, "--output", disk / "c.parquet", "--overwrite"]
    assert command(*asked).code == 0
    before = (disk / "c.parquet").read_bytes()
    fill(disk, 0)
    check_full(command(*asked), disk)
    assert (disk / "c.parquet").read_bytes() == before


@pytest.mark.parametrize("pages", [0, 4, 8])
def test_train(pages, disk):
    """Among the first files is the one that TensorFlow opens for TensorBoard."""
    fill(disk, pages)
    asked = ["train", COHORT, disk / "out" / "a_", disk / "out" / "log", *arguments(SMALL)]
    check_full(command(*asked), disk)
    os.remove(disk / "filler")
    assert command(*asked).code == 0


def test_what_a_model_makes(disk, tmp_path):
    train_run(SMALL, tmp_path / "run", COHORT)
    model = ["--model", tmp_path / "run" / "r0s0", "--output"]
    fill(disk, 0)
    for asked in (
        ("predict", *model, disk / "scores.csv", "--data", COHORT),
        ("evaluate", *model, disk / "evaluated", "--data", COHORT, "--bootstrap", "0"),
        ("export", *model, disk / "served" / "1", "--bootstrap", "0"),
    ):
        check_full(command(*asked), disk)
        assert os.listdir(disk) == ["filler"]
