"""The command `predict`."""

import dataclasses
import itertools
from argparse import Namespace
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value, choice
from mime_tf.constraints import at_least
from mime_tf.terminal import environment, files, outputs
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    from mime_tf.scoring.prediction import Predictions

EPILOG = """example:
  mime-tf predict --model r0s0 --data data/new_patients --output scores.csv

Columns of the output: row, the index of the patient in the data, or patient_id if the data have ids; probability;
dropped_codes, the number of codes that the model was not shown because training did not hold them; and empty, 1 if it
was shown no code at all. Such a probability tells of nothing but the number of visits.

With --unknown_codes ancestor a code that training did not hold is scored as its nearest ancestor that it held, by the
hierarchy.csv beside the data or in the folder of the model; a column ancestor_codes counts such codes. A new export
keeps them by mime-tf convert --vocabulary ... --unknown_codes keep."""

POLICIES = ("drop", "ancestor")  # for codes that training did not hold
_PART = 1 << 16  # patients of a Parquet cohort in memory at a time; those of a smaller cohort share batches as ever


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(program, "Scores every patient of a cohort with the model of a fitted split.", EPILOG)
    options.add_model(parser)
    options.add_data(parser, "; labels are not needed")
    options.add_output(parser, "FILE", "CSV file to write")
    read = Value(int, at_least(1))
    text = "codes that training did not hold: drop, or score as the nearest ancestor that it held"
    options.add(parser, "unknown_codes", choice(POLICIES), text, POLICIES[0])
    options.add(parser, "batch_size", read, "largest number of patients in a batch; it matters to speed only", 200)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    output = arguments.output
    with outputs.claimed(lambda: outputs.check_file(output, arguments.overwrite), output):
        _predict(arguments)


def _predict(arguments: Namespace) -> None:
    from mime_tf.commands import inputs
    from mime_tf.data.cohort import Cohort
    from mime_tf.runs.opening import fitted_split

    console, output = Console(period=5.0), arguments.output
    model = fitted_split(arguments.model)
    for note in model.notes:
        console.note(note)
    inputs.check_apart([output], arguments.data, arguments.model)
    console.progress(f"reading {arguments.data}")
    patients, parts = Cohort.open_parts(arguments.data, _PART)
    first = next(parts)
    model.check_codes(first)
    environment.import_tensorflow()
    from mime_tf.scoring import prediction

    name = "row" if first.patient_ids is None else "patient_id"
    policy = arguments.unknown_codes
    columns = (name, "probability", "dropped_codes", "empty", *(["ancestor_codes"] if policy == "ancestor" else []))
    summary, whole = _Summary(), itertools.chain([first], parts)
    del first  # the parts are held one at a time
    with files.publishing():
        predicted = prediction.predict_parts(model, patients, whole, arguments.batch_size, console.progress, policy)
        files.write_table(output, columns, summary.rows(predicted))
    for line in summary.lines(output):
        console.line(line)


@dataclasses.dataclass
class _Summary:
    """What the printed lines tell, added up part by part.

    Attributes:
        patients: number of patients.
        probability: sum of the probabilities.
        dropped: number of codes that the model was not shown.
        dropping: number of patients who have such codes.
        empty: number of patients of whom nothing is left.
        by_ancestor: number of codes that were scored as an ancestor, or None if they were not to be.
        codes: number of codes, where they were.
    """

    patients: int = 0
    probability: float = 0.0
    dropped: int = 0
    dropping: int = 0
    empty: int = 0
    by_ancestor: int | None = None
    codes: int = 0

    def rows(self, parts: "Iterable[Predictions]") -> Iterator[tuple]:
        """Yields the rows of the table, turned into Python's values a part at a time."""
        for part in parts:
            columns = [part.probabilities, part.dropped, part.empty.astype(int)]
            if part.by_ancestor is not None and part.codes is not None:
                columns.append(part.by_ancestor)
                self.by_ancestor = (self.by_ancestor or 0) + int(part.by_ancestor.sum())
                self.codes += int(part.codes.sum())
            ids = part.patient_ids
            names = range(self.patients, self.patients + len(part)) if ids is None else ids.tolist()
            self.patients += len(part)
            self.probability += len(part) * float(part.probabilities.mean())
            self.dropped += int(part.dropped.sum())
            self.dropping += int((part.dropped > 0).sum())
            self.empty += int(part.empty.sum())
            yield from zip(names, *(column.tolist() for column in columns), strict=True)

    def lines(self, output: str) -> Iterator[str]:
        """Yields the lines that are printed."""
        mean = self.probability / self.patients
        yield f"{output}: {self.patients:,} patients, with a mean probability of {mean:.4f}"
        if self.by_ancestor is not None:
            total, known = max(self.codes, 1), self.codes - self.by_ancestor - self.dropped
            shares = [f"{count / total:.1%}" for count in (known, self.by_ancestor, self.dropped)]
            yield (
                f"of {self.codes:,} codes {shares[0]} were scored as they are, {shares[1]} as an ancestor, "
                f"{shares[2]} not at all"
            )
        if self.dropped:
            yield (
                f"dropped, because training did not hold them: {self.dropped:,} codes of {self.dropping:,} "
                f"patients; nothing is left of {self.empty:,}"
            )
