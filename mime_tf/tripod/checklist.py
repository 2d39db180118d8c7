"""The checklists as Markdown and as a page."""

import dataclasses

from mime_tf.pages.templates import render_html, render_markdown
from mime_tf.tripod.answers import Answer, answers, count
from mime_tf.tripod.facts import Facts
from mime_tf.tripod.items import PROBAST, TRIPOD

_NUMBERED = {"TRIPOD+AI": True, "PROBAST+AI": False}


@dataclasses.dataclass(frozen=True, eq=False)
class Checklists:
    """Both checklists, answered.

    Attributes:
        title: outcome and patients.
        run: name of the run.
        answered: dict from the name of a checklist to its answers, in the order of the items.
    """

    title: str
    run: str
    answered: dict[str, list[Answer]]

    @classmethod
    def of(cls, facts: Facts, run: str) -> "Checklists":
        """Answers all items from the facts of a run."""
        answered = {"TRIPOD+AI": answers(facts, TRIPOD), "PROBAST+AI": answers(facts, PROBAST)}
        return cls(facts.subject.title, run, answered)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Number of answers in each state, by checklist."""
        return {name: count(of) for name, of in self.answered.items()}

    def markdown(self) -> str:
        """Returns the checklists as Markdown."""
        return render_markdown("tripod/checklist.md.j2", **self._values(), title=self.title)

    def page(self) -> str:
        """Returns the checklists as an HTML page that needs neither network nor scripts."""
        title = f"Checklist of a report: {self.title}"
        return render_html("tripod/checklist.html.j2", **self._values(), title=title, heading=self.title)

    def _values(self) -> dict:
        return {
            "run": self.run,
            "counts": self.counts,
            "checklists": {name: _by_section(of) for name, of in self.answered.items()},
            "numbered": _NUMBERED,
        }


def _by_section(of: list[Answer]) -> dict[str, list[Answer]]:
    sections: dict[str, list[Answer]] = {}
    for answer in of:
        sections.setdefault(answer.item.section.removeprefix("PROBAST+AI, ").capitalize(), []).append(answer)
    return sections
