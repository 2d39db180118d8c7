"""Subject of a fitted split: which outcome it predicts, when, of whom, and how many of them are cases."""

import dataclasses
import os

from mime_tf.data.conversion import Conversion
from mime_tf.data.origin import Origin, origin_of
from mime_tf.data.question import details, links_policy, question, source
from mime_tf.runs.population import Population


@dataclasses.dataclass(frozen=True)
class Subject:
    """Subject of a fitted split, in words that a page can show; no path is among them.

    Attributes:
        cohort_name: name of the cohort's files, without their folders; empty if the run does not say.
        origin: facts of the conversion, or None.
        population: number of patients and cases, or None.
        own_title: title that a user gave, in place of the question; or empty.
    """

    cohort_name: str
    origin: Origin | None
    population: Population | None
    own_title: str = ""

    @classmethod
    def read(cls, folder: str | os.PathLike, cohort_path: str | None) -> "Subject":
        """Reads the account that training left in a fitted split's folder.

        Args:
            folder: of the fitted split.
            cohort_path: path of the cohort that the run was given, or None.

        Raises:
            InputError: a file is not as `convert` or training writes it.
        """
        name = "" if cohort_path is None else os.path.basename(os.path.normpath(cohort_path))
        return cls(name, origin_of(Conversion.read(os.fspath(folder))), Population.read(folder))

    def titled(self, title: str | None) -> "Subject":
        """Returns the subject under a title of the user's, or as it is for None."""
        return self if title is None else dataclasses.replace(self, own_title=title)

    @property
    def question(self) -> str:
        """Outcome, horizon, prediction time and patients; without `convert`'s account, the label of which cohort."""
        asked = self.own_title or (question(self.origin) if self.origin else "")
        if asked:
            return asked
        return (
            f"Label 1 of {self.cohort_name}" if self.cohort_name else "Label 1 of a cohort that the run does not name"
        )

    @property
    def title(self) -> str:
        """The question, with the number of cases and rows where the run knows it."""
        if self.population is None:
            return self.question
        everybody = self.population.counts["all"]
        return f"{self.question}; {everybody.cases:,} of {everybody.rows:,}, {everybody.share:.1%}"

    def facts(self) -> list[tuple[str, str]]:
        """Returns rows of a name and a text: patients, sets, their days, source, links, rules, as far as known."""
        rows = []
        if self.population is not None:
            rows += [("patients", "; ".join(self.population.described()))]
            sets = ((name, self.population.counts[name]) for name in ("train", "valid", "test"))
            told = (f"{name} {count.cases:,} of {count.rows:,}" for name, count in sets if count.rows)
            rows += [("cases", ", ".join(told))]
            days = (f"{name} {first} to {last}" for name, (first, last) in self.population.periods.items())
            rows += [("predicted", ", ".join(days))]
        if self.origin is not None:
            rows += [("source", source(self.origin)), ("links", links_policy(self.origin))]
            rows += [("record", "; ".join(details(self.origin)))]
        return [(name, text) for name, text in rows if text]
