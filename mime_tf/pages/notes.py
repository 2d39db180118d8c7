"""Notes of several splits or sites, folded by kind."""

import re
from collections.abc import Iterable, Iterator, Sequence

_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?![\w.]*\w)")


def folded(notes: Iterable[tuple[str, str]], everybody: Sequence[str] = ()) -> Iterator[str]:
    """Yields one note per kind: notes that differ in their numbers alone become one, with the range of each number.

    >>> notes = [("a", "E50: only 9, of 1,200"), ("b", "E50: only 12, of 1,200"), ("a", "E90: only 9, of 1,200")]
    >>> list(folded(notes, ["a", "b"]))
    ['all: E50: only 9 to 12, of 1,200', 'a: E90: only 9, of 1,200']

    Args:
        notes: pairs of a name, of a split or a site, and a note on it.
        everybody: all names; a note on two or more, all of them, says so in place of the names.
    """
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, note in notes:
        kinds.setdefault(_NUMBER.sub("#", note), []).append((name, note))
    for members in kinds.values():
        names = list(dict.fromkeys(name for name, _ in members))
        whose = "all" if 1 < len(names) == len(everybody) else ", ".join(names)
        yield f"{whose}: {_in_one([note for _, note in members])}"


def _in_one(notes: Sequence[str]) -> str:
    """Returns notes of one kind as one."""
    columns = zip(*(_NUMBER.findall(note) for note in notes), strict=True)
    numbers = iter([_range(column) for column in columns])
    return _NUMBER.sub(lambda match: next(numbers), notes[0])


def _range(texts: Sequence[str]) -> str:
    """Returns the least and the greatest of numbers, or the number where they are equal."""
    low, high = (choose(texts, key=lambda text: float(text.replace(",", ""))) for choose in (min, max))
    return low if low == high else f"{low} to {high}"
