"""A CSV file as people's tools write it: its encoding, separator and header, and its rows, read by Python.

The engines read the file itself where it is plain (UTF-8 that begins with its header), and else, or if they refuse it,
a plain copy of the rows that Python reads. Python names the file and the line of what is not unambiguous, which engines
do not in a form that all of them share.
"""

import codecs
import collections
import contextlib
import csv
import dataclasses
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Iterator
from typing import Any, TextIO

from mime_tf.errors import InputError, show
from mime_tf.terminal import reading

SEPARATORS = (",", ";", "\t", "|")
_HEAD = 1 << 20  # bytes in which the header lies
_READ_ERRORS = (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error)


@dataclasses.dataclass(frozen=True)
class CsvFile:
    """A CSV file.

    Attributes:
        path: of the file, plain or .gz.
        encoding: of its text.
        separator: between its fields.
        header: the names of its columns, `""` for one without a name.
        first_line: number of the header's line, counted from 1.
        quoted: a quotation mark at the start of a field quotes it.
    """

    path: str
    encoding: str
    separator: str
    header: tuple[str, ...]
    first_line: int = 1
    quoted: bool = True

    @classmethod
    def open(cls, path: str, check_text: bool = False) -> "CsvFile":
        """Reads the header of a file, and looks for NUL bytes in the whole of it.

        Args:
            path: the file.
            check_text: look for bytes that are not UTF-8 too, for an engine that would replace them.

        Raises:
            InputError: the file is empty, damaged, not text, or has two columns of one name.
        """
        try:
            with reading.open_unzipped(path) as stream:
                head = stream.read(_HEAD)
                encoding = _encoding(head)
                is_text, tail = _read_on(stream, head, check_text) if encoding == "utf-8-sig" else (True, b"")
            first_line, lines = _header_lines(head.decode(encoding, "ignore"))
            header, separator = _header(lines)
        except _READ_ERRORS as error:
            raise InputError(f"{path}: {describe(error)}") from error
        if not header:
            raise InputError(f"{path}: empty; must begin with a line of column names")
        _check_names(path, header)
        file = cls(path, encoding, separator, header, first_line)
        if not is_text:
            file._refuse_bytes()
        if file.plain:
            file._check_end(tail)
        return file

    @property
    def plain(self) -> bool:
        """Whether engines can read the file itself."""
        return self.encoding == "utf-8-sig" and self.first_line == 1 and self.quoted and self.header[-1] != ""

    @property
    def width(self) -> int:
        """Number of fields of a row, without the last ones that have no name."""
        return max(index for index, name in enumerate(self.header, 1) if name)

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Yields the number and the fields of each line after the header, but for blank ones.

        Raises:
            InputError: a line can't be read.
        """
        line = 0
        try:
            with _open_text(self.path, self.encoding) as file:
                for _ in range(self.first_line - 1):
                    file.readline()
                quotes: dict[str, Any] = {"strict": True} if self.quoted else {"quoting": csv.QUOTE_NONE}
                reader = csv.reader(reading.lines(file, self.path), delimiter=self.separator, **quotes)
                for number, row in enumerate(reader):
                    line = self.first_line - 1 + reader.line_num
                    if row and number:
                        yield line, row
        except UnicodeDecodeError as error:
            line = _undecodable_line(self.path, self.encoding) or line
            raise InputError(f"{self.path}: line {line}: {describe(error)}") from error
        except _READ_ERRORS as error:
            raise InputError(f"{self.path}: after line {line}: {describe(error)}") from error

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yields the number of each line and its fields, one for each of the first `width` names of the header.

        Raises:
            InputError: a line can't be read, or has fewer fields, or others that are not empty.
        """
        for line, row in self.lines():
            self._check_width(line, row)
            yield line, row[: self.width]

    def write_plain(self, path: str) -> None:
        """Writes the rows as plain CSV; all lines of a file without unambiguous quotes are taken as they are.

        Raises:
            InputError: as `rows`.
        """
        try:
            self._write(path)
        except InputError:
            if self.separator != "\t" or not self.quoted:
                raise
            try:  # files with tabs often have no quotes, as those of OMOP's vocabularies
                dataclasses.replace(self, quoted=False)._write(path)
            except InputError:
                self._write(path)

    def _check_end(self, tail):
        """Raises InputError if the last line, where it has no end, has too many fields: DuckDB would leave them out."""
        last = tail.rpartition(b"\n")[2]
        # A line break in quotes is rare, and the whole file has to be read to tell it from the end of a line.
        if b'"' not in last and last.count(self.separator.encode()) < len(self.header) and len(last) < _HEAD:
            return
        rows: collections.deque[tuple[int, list[str]]] = collections.deque(maxlen=1)
        with contextlib.suppress(InputError):  # of a line that can't be read, which the engine finds as well
            rows.extend(self.lines())
        for line, row in rows:
            self._check_width(line, row)

    def _check_width(self, line, row):
        """Raises InputError if a line has fewer fields than the header has names, or others that are not empty."""
        if len(row) < self.width or any(row[self.width :]):
            needed = f"must be {self.width}, as in the first line"
            raise InputError(f"{self.path}: line {line}: {len(row)} fields; {needed}")

    def _refuse_bytes(self):
        """Raises InputError at the first NUL byte, or the first that is not UTF-8."""
        for line, row in self.lines():
            if any("\0" in field for field in row):
                raise InputError(f"{self.path}: line {line}: found a NUL byte; must be text")
        raise InputError(f"{self.path}: found a NUL byte, or one that is not UTF-8; must be text")

    def _write(self, path):
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
            writer.writerow(self.header[: self.width])
            writer.writerows(fields for _, fields in self.rows())

    def values(self, name: str) -> Iterator[tuple[str, str]]:
        """Yields the place of each row in words, and its value of a column without surrounding blanks."""
        index = self.header.index(name)
        for line, row in self.rows():
            yield f"line {line}", row[index].strip()


def describe(error: Exception) -> str:
    """Returns the meaning of an error of reading a file, in words."""
    if isinstance(error, UnicodeDecodeError):
        encoding = "UTF-8" if error.encoding.startswith("utf-8") else error.encoding.upper()
        return f"not {encoding}: byte {error.object[error.start]:#04x}"
    if isinstance(error, EOFError):
        return "the .gz ends before its end; the file is cut off"
    if isinstance(error, (gzip.BadGzipFile, zlib.error)):
        return f"not a whole .gz file: {error}"
    if isinstance(error, csv.Error):
        # Python's words for a file that ends in a quoted field.
        is_open = str(error) == "unexpected end of data"
        return "a quotation mark opens a field that no other one ends" if is_open else f"not CSV: {error}"
    return getattr(error, "strerror", None) or str(error)


def _open_text(path: str, encoding: str) -> TextIO:
    return io.TextIOWrapper(reading.open_unzipped(path), encoding=encoding, newline="")


def _undecodable_line(path, encoding):
    """The number of the first line that is not UTF-8; None for another encoding, whose lines can't be told apart."""
    if encoding != "utf-8-sig":
        return None
    with reading.open_unzipped(path) as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None


def _encoding(head):
    """The encoding of a file: UTF-8, or UTF-16 by its mark or by the zeros in its first letters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if re.match(rb"[^\0]\0[^\0]\0", head):
        return "utf-16-le"
    return "utf-16-be" if re.match(rb"\0[^\0]\0[^\0]", head) else "utf-8-sig"


def _read_on(stream, block, check_text):
    """Reads a file to its end; tells if it has no NUL and, with `check_text`, is UTF-8; returns its last bytes too."""
    decoder, tail = codecs.getincrementaldecoder("utf-8")(), b""
    while block:
        if b"\0" in block:
            return False, tail
        try:
            if check_text:
                decoder.decode(block)
        except UnicodeDecodeError:
            return False, tail
        tail = (tail + block)[-_HEAD:]
        block = stream.read(_HEAD)
    return True, tail


def _header_lines(text):
    """The number of the header's line and the lines from it on, without blank lines and Excel's `sep=;`."""
    lines = list(io.StringIO(text, newline=""))
    skipped = itertools.takewhile(lambda line: not line.strip() or re.fullmatch(r"sep=.\s*", line), lines)
    count = sum(1 for _ in skipped)
    return count + 1, lines[count:]


def _header(lines):
    """The header's names, and the separator by which it has the most."""
    headers = {}
    for separator in SEPARATORS:
        names = next(csv.reader(lines, delimiter=separator), [])
        headers[separator] = tuple(name.strip() for name in names)
    separator = max(SEPARATORS, key=lambda separator: len(headers[separator]))
    return (headers[separator] if any(headers[separator]) else ()), separator


def _check_names(path, header):
    lower = [name.lower() for name in header if name]
    twice = next((name for name in header if lower.count(name.lower()) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: two columns {show(twice)}; each column needs a name of its own, whatever its case")
