"""The resources in a file of FHIR, one after another; the file is read as a stream."""

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

from mime_tf.ehr.sources.fhir.json_scanner import Scanner, items, single_value
from mime_tf.errors import InputError, show
from mime_tf.terminal import bounds, reading

CHUNK = 1 << 20  # bytes read at a time
LINES = (".ndjson", ".ndjson.gz")

_TYPE = re.compile(r'\s*\{\s*"resourceType"\s*:\s*"(\w+)"')

_ADDRESS = re.compile(r"(.*/)?[A-Z][A-Za-z]+/[^/?#]+(/_history/[^/?#]+)?")
DELETED = "DELETE"  # stands for the type of a resource that an entry deletes

Resources = Iterator[tuple[str | None, dict[str, Any]]]


class Document:
    """A file of FHIR: a bundle or a resource (.json), or one resource a line (.ndjson); each also .gz.

    Args:
        path: the file.
        wanted: resource types; lines that begin by naming another type are passed over unparsed.
        advance: receives the number of bytes read since the last call; an exception that it raises ends the reading.
        chunk: bytes read at a time.

    Attributes:
        location: the entry or line that is being read, in words.
        began: whether a resource was read.
    """

    def __init__(
        self,
        path: str,
        wanted: Collection[str],
        advance: Callable[[int], None] = lambda count: None,
        chunk: int = CHUNK,
    ):
        self.path, self.location, self.began = path, "at the start", False
        self._wanted, self._advance, self._chunk = wanted, advance, chunk

    def resources(self) -> Resources:
        """Yields the full URL of each resource, or None, and the resource.

        Raises:
            InputError: the file is empty, damaged, cut off, not JSON or of another shape; the message has neither path
                nor location.
        """
        lines = self.path.lower().endswith(LINES)
        try:
            yield from self._in_lines() if lines else self._in_values(Scanner(self._text()))
        except InputError as error:
            raise InputError(str(error).removeprefix(f"{self.path}: ")) from error
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
        with reading.open_binary(self.path) as file, reading.Unzipped(file, self.path) if zipped else file as stream:
            while data := stream.read(self._chunk):
                self._advance(file.tell() - read)
                read = file.tell()
                yield decoder.decode(data)
        yield decoder.decode(b"", final=True)

    def _in_lines(self):
        """The resources of .ndjson."""
        empty = True
        for number, line in enumerate(_split(self._text()), 1):
            self.location = f"line {number}"
            kind = _TYPE.match(line)
            if kind and kind[1] not in self._wanted and line.rstrip().endswith("}"):
                empty = False
            elif not line.isspace() and line:
                empty = False
                yield from self._in_resource(None, single_value(line))
        if empty:
            raise InputError("empty; must have a resource on each line")

    def _in_values(self, scanner):
        """The resources of .json."""
        if not scanner.peek():
            raise InputError("empty; must be a FHIR bundle or resource")
        while scanner.peek():
            if scanner.peek() != "{":
                raise InputError(f"found {show(scanner.value())}; must be a FHIR bundle or resource, a JSON object")
            yield from self._in_object(scanner)

    def _in_object(self, scanner):
        """The resources of a bundle, each as soon as it is read; or the single resource that the object is."""
        members: dict[str, Any] = {}
        separator = scanner.take("{")
        if scanner.peek() == "}":
            separator = scanner.take("}")
        while separator != "}":
            name = scanner.value()
            scanner.take(":")
            if name == "entry" and scanner.peek() == "[" and members.get("resourceType", "Bundle") == "Bundle":
                yield from self._in_entries(items(scanner))
                self.location = "after the last entry"
            else:
                members[name] = scanner.value()
            separator = scanner.take(",}")
        yield from self._in_resource(None, members)

    def _in_entries(self, entries):
        prefix = "" if self.location == "at the start" else f"{self.location}, "
        self.location = f"{prefix}entry 1"
        for number, entry in enumerate(entries, 1):
            self.location = f"{prefix}entry {number}"
            if not isinstance(entry, dict):
                raise InputError(f"found {show(entry)}; must be an entry of a bundle, a JSON object")
            deletion = _deletion(entry)
            if deletion is not None:
                self.began = True
                yield None, deletion
            elif entry.get("resource") is not None:
                yield from self._in_resource(entry.get("fullUrl"), entry["resource"])
            self.location = f"{prefix}entry {number + 1}"

    def _in_resource(self, full_url, resource):
        """The resource itself, or the resources of a bundle."""
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise InputError(f"not FHIR: found {show(resource)}; must be a resource, an object with a resourceType")
        self.began = True
        if resource["resourceType"] != "Bundle":
            yield full_url, resource
        elif isinstance(resource.get("entry", []), list):
            yield from self._in_entries(resource.get("entry", []))
        else:
            raise InputError(f"Bundle.entry: found {show(resource['entry'])}; must be a list")


def _deletion(entry):
    """The deletion that an entry asks for, as a resource of the type `DELETED`, or None."""
    request = entry.get("request")
    if not isinstance(request, dict) or request.get("method") not in ("DELETE", "PATCH"):
        return None
    url = request.get("url")
    named = isinstance(url, str) and _ADDRESS.fullmatch(url)
    if request["method"] == "PATCH" or not named:
        right = "must be a whole resource, or the DELETE of Type/id"
        raise InputError(f"entry.request: found {request['method']} of {show(url)}, which can't be applied; {right}")
    return {"resourceType": DELETED, "id": url}


def _split(chunks):
    """Text in chunks as lines, without their ends."""
    rest = ""
    for chunk in chunks:
        first, *others = chunk.split("\n")
        rest += first
        bounds.check_line(len(rest))
        if others:
            yield rest
            yield from others[:-1]
            rest = others[-1]
    yield rest
