"""A section of a report: its data, or the reason why it has none."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of a report, made by the module of its name in `mime_tf.report.sections`.

    Attributes:
        name: str, of its anchor on the page and of its template.
        title: str.
        data: what the section shows, as its module says; or None.
        reason: str, why there are no data; else empty.
    """

    name: str
    title: str
    data: Any = None
    reason: str = ""
