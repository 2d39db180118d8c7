"""The resources in a file of FHIR, one after another: the file is read as a stream and never held as a whole."""

import codecs
import gzip
import json
import re
import zlib

from mime_tf.errors import InputError, show

CHUNK = 1 << 20  # bytes read at a time
LINES = (".ndjson", ".ndjson.gz")

_SPACE = re.compile(r"[ \t\r\n]*")
_TYPE = re.compile(r'\s*\{\s*"resourceType"\s*:\s*"(\w+)"')
_DECODE = json.JSONDecoder().raw_decode
# A value that was cut off is complained of this close to the cut: no literal or escape is longer.
_LONGEST_TOKEN = 16
# What ends a value for sure, and what follows a number that does not go on in the next chunk.
_CLOSING, _AFTER_NUMBER = frozenset('}]"'), frozenset(",}] \t\r\n")


class Scanner:
    """Takes JSON values and punctuation from text that comes in chunks.

    >>> scanner = Scanner(iter(['[1', '2, {"a": ', '3}]']))
    >>> scanner.take("["), scanner.value(), scanner.take(","), scanner.value(), scanner.take("]"), scanner.peek()
    ('[', 12, ',', {'a': 3}, ']', '')

    Args:
        chunks: iterator of str.
    """

    def __init__(self, chunks):
        self._chunks, self._text, self._at, self._ended = chunks, "", 0, False

    def peek(self):
        """Returns the next character that is not white space, `""` at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._read_on()

    def take(self, expected):
        """Takes one of the characters of `expected` and returns it.

        Raises:
            InputError: there is another one, or none.
        """
        found = self.peek()
        if not found:
            raise InputError("the JSON ends in the middle; the file must be whole")
        if found not in expected:
            raise InputError(f"not JSON: found {show(found)}; must be {' or '.join(expected)}")
        self._at += 1
        return found

    def value(self):
        """Takes a value and returns it as `json.loads` would.

        Raises:
            InputError: the text ends before the value does, or is not JSON.
        """
        self.peek()
        while True:
            try:
                value, end = _DECODE(self._text, self._at)
                if self._ended or self._text[end - 1] in _CLOSING or self._text[end : end + 1] in _AFTER_NUMBER:
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                if self._ended or not self._is_cut(error):
                    raise InputError(_fault(error)) from error
            except (RecursionError, ValueError) as error:
                raise InputError(_fault(error)) from error
            self._read_on()

    def _is_cut(self, error):
        return error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _LONGEST_TOKEN

    def _read_on(self):
        """Reads at least as much as is held, so that a long value is not tried again for every chunk of it."""
        parts = [self._text[self._at :]]
        wanted = max(len(parts[0]), 1)
        while wanted > 0 and not self._ended:
            chunk = next(self._chunks, None)
            self._ended = chunk is None
            parts.append(chunk or "")
            wanted -= len(parts[-1])
        self._text, self._at = "".join(parts), 0


def _fault(error):
    """What is wrong with JSON, from what the decoder raised."""
    if isinstance(error, RecursionError):
        return "JSON nested too deeply to be FHIR"
    if not isinstance(error, json.JSONDecodeError):
        return f"a number too long to be FHIR ({error})"
    rest = len(error.doc) - error.pos
    if error.msg.startswith("Unterminated string") or not error.doc[error.pos :].strip():
        return "the JSON ends in the middle; the file must be whole"
    return f"not JSON: {error.msg}, found {show(error.doc[error.pos : error.pos + min(rest, 20)])}"


class Document:
    """A file of FHIR: a bundle or a resource (.json), or one resource a line (.ndjson); each also .gz.

    Args:
        path: str.
        wanted: resource types; lines that begin by naming another one are passed over unread.
        advance: function that is called with how many bytes of the file have been read since the last call.
        chunk: bytes read at a time.

    Attributes:
        place: where in the file the reading is, in words.
    """

    def __init__(self, path, wanted, advance=lambda count: None, chunk=CHUNK):
        self.path, self.place = path, "at the start"
        self._wanted, self._advance, self._chunk = wanted, advance, chunk

    def resources(self):
        """Yields (full_url, resource): str or None, dict.

        Raises:
            InputError: the file is empty, damaged, cut off, not JSON or of another shape; without path and place.
        """
        lines = self.path.lower().endswith(LINES)
        try:
            yield from self._lines() if lines else self._values(Scanner(self._text()))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"a damaged or cut-off .gz ({error}); the file must be whole") from error
        except UnicodeDecodeError as error:
            raise InputError(f"not UTF-8 text ({error.reason}); JSON must be UTF-8") from error
        except OSError as error:
            raise InputError(f"can't be read ({error.strerror})") from error

    def _text(self):
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        zipped = self.path.lower().endswith(".gz")
        read = 0
        with open(self.path, "rb") as file, gzip.open(file) if zipped else file as stream:
            while data := stream.read(self._chunk):
                self._advance(file.tell() - read)
                read = file.tell()
                yield decoder.decode(data)
        yield decoder.decode(b"", final=True)

    def _lines(self):
        """The resources of .ndjson."""
        found = False
        for number, line in enumerate(_split(self._text()), 1):
            self.place = f"line {number}"
            kind = _TYPE.match(line)
            if kind and kind[1] not in self._wanted and line.rstrip().endswith("}"):
                found = True
            elif not line.isspace() and line:
                found = True
                yield from self._resource(None, _whole(line))
        if not found:
            raise InputError("empty; must have a resource on each line")

    def _values(self, scanner):
        """The resources of .json."""
        if not scanner.peek():
            raise InputError("empty; must be a FHIR bundle or resource")
        while scanner.peek():
            if scanner.peek() != "{":
                raise InputError(f"found {show(scanner.value())}; must be a FHIR bundle or resource, a JSON object")
            yield from self._object(scanner)

    def _object(self, scanner):
        """The resources of a bundle, each as soon as it is read; or the one resource that the object is."""
        members, separator = {}, scanner.take("{")
        if scanner.peek() == "}":
            separator = scanner.take("}")
        while separator != "}":
            name = scanner.value()
            scanner.take(":")
            if name == "entry" and scanner.peek() == "[" and members.get("resourceType", "Bundle") == "Bundle":
                yield from self._entries(_items(scanner))
                self.place = "after the last entry"
            else:
                members[name] = scanner.value()
            separator = scanner.take(",}")
        yield from self._resource(None, members)

    def _entries(self, entries):
        outer = "" if self.place == "at the start" else f"{self.place}, "
        self.place = f"{outer}entry 1"
        for number, entry in enumerate(entries, 1):
            self.place = f"{outer}entry {number}"
            if not isinstance(entry, dict):
                raise InputError(f"found {show(entry)}; must be an entry of a bundle, a JSON object")
            if entry.get("resource") is not None:
                yield from self._resource(entry.get("fullUrl"), entry["resource"])
            self.place = f"{outer}entry {number + 1}"

    def _resource(self, full_url, resource):
        """A resource, or those of the bundle that it is."""
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise InputError(f"not FHIR: found {show(resource)}; must be a resource, an object with a resourceType")
        if resource["resourceType"] != "Bundle":
            yield full_url, resource
        elif isinstance(resource.get("entry", []), list):
            yield from self._entries(resource.get("entry", []))
        else:
            raise InputError(f"Bundle.entry: found {show(resource['entry'])}; must be a list")


def _items(scanner):
    """The values of a list."""
    separator = scanner.take("[")
    if scanner.peek() == "]":
        separator = scanner.take("]")
    while separator != "]":
        scanner.peek()
        yield scanner.value()
        separator = scanner.take(",]")


def _split(chunks):
    """Text in chunks as lines without their ends."""
    rest = ""
    for chunk in chunks:
        first, *others = chunk.split("\n")
        rest += first
        if others:
            yield rest
            yield from others[:-1]
            rest = others[-1]
    yield rest


def _whole(line):
    """The value that a line is."""
    scanner = Scanner(iter([line]))
    value = scanner.value()
    if scanner.peek():
        raise InputError(f"not JSON: more than one value on a line, found {show(scanner.peek())}")
    return value
