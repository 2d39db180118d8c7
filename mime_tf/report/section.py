"""A section of a report: its data, or the reason why it has none."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, repr=False)
class Section:
    """A section of a report, made by the module of its name in `mime_tf.report.sections`.

    Attributes:
        name: str, of its anchor on the page and of its template.
        title: str.
        data: contents of the section, of a class that its module names; or None.
        reason: str, why the section has no data; else empty.
    """

    name: str
    title: str
    data: Any = None
    reason: str = ""

    def __repr__(self):
        return f"Section({self.name!r}, {self.reason or type(self.data).__name__})"
