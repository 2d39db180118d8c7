"""JSON values from a stream of text, so that a file is never held as a whole.

docs/decisions/0003-json-scanner.md says why this is not ijson.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from mime_tf.errors import InputError, show
from mime_tf.terminal import bounds

_NOT_SPACE = re.compile(r"[^ \t\r\n]")
_DECODE = json.JSONDecoder().raw_decode
# In a value that is cut off, the decoder reports an error at most this far before the cut: no token is longer.
_LONGEST_TOKEN = 16
# Characters that surely end a value, and those that surely follow a whole number.
_CLOSING, _AFTER_NUMBER = frozenset('}]"'), frozenset(",}] \t\r\n")


class Scanner:
    """Takes JSON values and punctuation from text that arrives in chunks.

    >>> scanner = Scanner(iter(['[1', '2, {"a": ', '3}]']))
    >>> scanner.take("["), scanner.value(), scanner.take(","), scanner.value(), scanner.take("]"), scanner.peek()
    ('[', 12, ',', {'a': 3}, ']', '')

    Args:
        chunks: the text.
    """

    def __init__(self, chunks: Iterator[str]):
        self._chunks, self._text, self._position, self._ended = chunks, "", 0, False

    def peek(self) -> str:
        """Returns the next character that is not white space, or `""` at the end."""
        while True:
            match = _NOT_SPACE.search(self._text, self._position)
            self._position = match.start() if match else len(self._text)
            if match:
                return match[0]
            if self._ended:
                return ""
            self._read_on()

    def take(self, expected: str) -> str:
        """Takes one of the characters of `expected` and returns it.

        Raises:
            InputError: the next character is another one, or the text has ended.
        """
        character = self.peek()
        if not character:
            raise InputError("the JSON ends in the middle; the file must be whole")
        if character not in expected:
            raise InputError(f"not JSON: found {show(character)}; must be {' or '.join(expected)}")
        self._position += 1
        return character

    def value(self) -> Any:
        """Takes a value and returns it as `json.loads` does.

        Raises:
            InputError: the text ends before the value does, or is not JSON.
        """
        self.peek()
        while True:
            try:
                value, end = _DECODE(self._text, self._position)
                if self._ended or self._text[end - 1] in _CLOSING or self._text[end : end + 1] in _AFTER_NUMBER:
                    self._position = end
                    return value
            except json.JSONDecodeError as error:
                if self._ended or not self._is_cut(error):
                    raise InputError(_describe(error)) from error
            except (RecursionError, ValueError) as error:
                raise InputError(_describe(error)) from error
            self._read_on()

    def _is_cut(self, error):
        return error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _LONGEST_TOKEN

    def _read_on(self):
        """Reads at least as much as is held, so that a long value is not decoded anew for every chunk of it."""
        parts = [self._text[self._position :]]
        missing = max(len(parts[0]), 1)
        while missing > 0 and not self._ended:
            chunk = next(self._chunks, None)
            self._ended = chunk is None
            parts.append(chunk or "")
            missing -= len(parts[-1])
        bounds.check_line(sum(map(len, parts)), "a JSON value")
        self._text, self._position = "".join(parts), 0


def _describe(error):
    """Returns the meaning of the decoder's error, in words."""
    if isinstance(error, RecursionError):
        return "JSON nested too deeply to be FHIR"
    if not isinstance(error, json.JSONDecodeError):
        return f"a number too long to be FHIR ({error})"
    if error.msg.startswith("Unterminated string") or not error.doc[error.pos :].strip():
        return "the JSON ends in the middle; the file must be whole"
    return f"not JSON: {error.msg}, found {show(error.doc[error.pos : error.pos + 20])}"


def single_value(text: str) -> Any:
    """Returns the one value that a text holds; raises InputError if it holds more, or is not JSON."""
    scanner = Scanner(iter([text]))
    value = scanner.value()
    if scanner.peek():
        raise InputError(f"not JSON: more than one value on a line, found {show(scanner.peek())}")
    return value


def items(scanner: Scanner) -> Iterator[Any]:
    """Takes a list and yields its values, each as soon as it is read."""
    separator = scanner.take("[")
    if scanner.peek() == "]":
        separator = scanner.take("]")
    while separator != "]":
        yield scanner.value()
        separator = scanner.take(",]")
