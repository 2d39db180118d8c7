"""Input files: regular ones alone, in lines and amounts of bounded length."""

import gzip
import io
import os
import socket
import zipfile

import numpy as np
import pytest

from mime_tf.errors import InputError
from mime_tf.terminal import archives, bounds, files, outputs, reading


def refused(action, *arguments):
    """The one line with which an action refuses its arguments."""
    with pytest.raises(InputError) as error:
        action(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def pipe(tmp_path):
    """A named pipe that nobody writes to: opened as other files are, it would be waited for."""
    os.mkfifo(tmp_path / "pipe")
    return str(tmp_path / "pipe")


def rows(path):
    return list(reading.csv_rows(path))


@pytest.mark.parametrize(
    "action",
    [reading.open_binary, reading.open_text, reading.require_regular, files.read_json, rows],
)
def test_what_is_no_regular_file(action, pipe, tmp_path):
    assert refused(action, pipe) == f"{pipe}: is a named pipe; a regular file is needed"
    assert refused(action, "/dev/zero") == "/dev/zero: is a device; a regular file is needed"
    assert refused(action, str(tmp_path)) == f"{tmp_path}: is a folder; a regular file is needed"


def test_links_count_as_what_they_lead_to(pipe, tmp_path):
    (tmp_path / "link").symlink_to(pipe)
    assert "is a named pipe" in refused(reading.open_binary, tmp_path / "link")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "other").symlink_to("file")
    with reading.open_binary(tmp_path / "other") as file:
        assert file.read() == b"x"


def test_a_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert refused(reading.open_binary, "s") == "s: is a socket; a regular file is needed"


def test_an_archive_in_a_pipe(pipe):
    for opened in (archives.opened, archives.opened_npz):
        with pytest.raises(InputError, match="is a named pipe"), opened(pipe):
            pass


def test_an_output_that_is_a_pipe(pipe):
    assert "is a named pipe" in refused(outputs.check_file, pipe, True)


def test_a_missing_file_is_told_as_by_open(tmp_path):
    with pytest.raises(FileNotFoundError):
        reading.open_binary(tmp_path / "none")
    reading.require_regular(tmp_path / "none")


def test_rows_of_csv(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbfa,b\r\n1,"x\ny"\r\n\r\n2,z')
    assert rows(tmp_path / "a.csv") == [(1, ["a", "b"]), (3, ["1", "x\ny"]), (4, []), (5, ["2", "z"])]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a\n1\n"))
    assert rows(tmp_path / "a.csv.gz") == [(1, ["a"]), (2, ["1"])]


def test_a_long_line(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "_LINE", 10)
    path = tmp_path / "a.csv"
    path.write_text("0123456789\n" + "x" * 25)
    message = refused(rows, path)
    assert (
        message == f"{path}: line 1: a line of 11 characters or more; 10 are read, and MIME_TF_BOUNDS=2 would permit it"
    )
    monkeypatch.setenv("MIME_TF_BOUNDS", "2.5")
    assert rows(path) == [(1, ["0123456789"]), (2, ["x" * 25])]


def test_a_gz_of_nothing(tmp_path, monkeypatch):
    """200 MB of newlines in 0.2 MB: reading ends at the bound, before most of it was unpacked."""
    path, packed = tmp_path / "a.csv.gz", gzip.compress(b"\n" * (1 << 20))
    path.write_bytes(packed * 200)
    size = len(packed) * 200
    count = 0
    with reading.open_unzipped(path) as file, pytest.raises(InputError, match="would permit it") as error:
        while block := file.read(1 << 20):
            count += len(block)
    assert str(error.value).startswith(f"{path}: unpacks to ")
    assert f"a file of {size:,} bytes may unpack to {(64 << 20) + 100 * size:,}" in str(error.value)
    assert count <= (64 << 20) + 100 * size
    monkeypatch.setenv("MIME_TF_BOUNDS", "4")
    with reading.open_unzipped(path) as file:
        assert sum(map(len, iter(lambda: file.read(1 << 20), b""))) == 200 << 20


def test_a_gz_cut_off(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a\n" * 1000)[:-9])
    with reading.open_unzipped(tmp_path / "a.gz") as file, pytest.raises(EOFError):
        file.read()


def test_holes_are_no_data(tmp_path):
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.write(b"a" * 5000)
        file.seek(1 << 40)
        file.write(b"b")
    with open(path, "rb") as file:
        file.seek(3)
        assert 5001 <= reading.data_size(file) < 1 << 20
        assert file.tell() == 3
    path.write_bytes(b"")
    with open(path, "rb") as file:
        assert reading.data_size(file) == 0


@pytest.mark.parametrize("value", ["", "x", "0", "0.5", "-1", "nan", "inf"])
def test_a_factor_that_is_none(value, monkeypatch):
    monkeypatch.setenv("MIME_TF_BOUNDS", value)
    message = f"MIME_TF_BOUNDS: found {value!r}; must be a number of 1 or more, the factor of all bounds"
    assert refused(bounds.line) == message


def test_a_budget():
    budget = bounds.Budget("a.parquet", 10)
    budget.take((64 << 20) + 1000)
    assert refused(budget.take, 1) == (
        "a.parquet: unpacks to 67,109,865 bytes or more; a file of 10 bytes may unpack to 67,109,864, and "
        "MIME_TF_BOUNDS=2 would permit it"
    )


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_an_npz(tmp_path):
    path = npz(tmp_path / "a.npz", a=np.arange(3), b=np.float32([[1.5]]), c=np.array("text"))
    with archives.opened_npz(path) as arrays:
        assert (arrays["a"].tolist(), arrays["b"].tolist(), str(arrays["c"])) == ([0, 1, 2], [[1.5]], "text")


def test_an_array_that_promises_more_than_it_has(tmp_path):
    """NumPy would make room for 8 TB."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", content.getvalue())
    with pytest.raises(InputError, match=r"a\.npy: cut off"), archives.opened_npz(tmp_path / "a.npz"):
        pass


def test_an_npz_that_inflates(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(20 << 20))
    assert (tmp_path / "a.npz").stat().st_size < 1 << 20
    with pytest.raises(InputError, match="unpacks to 167,"), archives.opened_npz(tmp_path / "a.npz"):
        pass


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}', "1e999"])
def test_numbers_that_are_not_finite(text, tmp_path):
    (tmp_path / "a.json").write_text(text)
    assert "a finite number is needed" in refused(files.read_json, tmp_path / "a.json")
