"""The command `predict`."""

import dataclasses
import itertools
import math
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value
from mime_tf.constraints import at_least
from mime_tf.errors import InputError
from mime_tf.terminal import environment, files, outputs
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    from mime_tf.runs.fitted_split import FittedSplit
    from mime_tf.runs.mean_model import MeanModel
    from mime_tf.scoring.prediction import Predictions

EPILOG = """example:
  mime-tf predict --model r0s0 --data data/new_patients --output scores.csv

Columns of the output: row, the index of the patient in the data, or patient_id if the data have ids; probability;
dropped_codes, the number of codes that the model was not shown because training did not hold them; known_share, the
share of the patient's codes that it was shown; and empty, 1 if it was shown none. Nothing is known of such a patient,
whose probability is the share of cases in training. The prefix of a run with several splits scores by the mean of
their probabilities; the columns on codes are then those of the split that knew most of the patient's.

With --unknown_codes ancestor a code that training did not hold is scored as its nearest ancestor that it held, by the
hierarchy.csv beside the data or in the folder of the model; a column ancestor_codes counts such codes. A new export
keeps them by mime-tf convert --vocabulary ... --unknown_codes keep.

A model of several outcomes per patient gives a row for each of the --top most probable: row or patient_id; outcome, its
index, and its name; rank, from 1; probability; and dropped_codes, known_share and empty as above. It scores also a
patient of whom nothing is known, by the number of visits alone."""

_OF_PATIENT = ("dropped_codes", "known_share", "empty")
_PART = 1 << 16  # patients of a Parquet cohort in memory at a time; those of a smaller cohort share batches as ever


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        program, "Scores every patient of a cohort with a fitted split, or with the mean of a run's.", EPILOG
    )
    options.add_model(parser, several=True)
    options.add_data(parser, "; labels are not needed")
    options.add_output(parser, "FILE", "CSV file to write")
    read = Value(int, at_least(1))
    options.add_unknown_codes(parser)
    options.add(parser, "top", read, "of several outcomes, number per patient that is written (default: 20)")
    options.add(parser, "batch_size", read, "largest number of patients in a batch; it matters to speed only", 200)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    output = arguments.output
    with outputs.claimed(lambda: outputs.check_file(output, arguments.overwrite), output):
        _predict(arguments)


def _predict(arguments: Namespace) -> None:
    from mime_tf.assess.outcomes import ranking
    from mime_tf.commands import inputs
    from mime_tf.data.cohort import Cohort
    from mime_tf.runs.mean_model import MeanModel

    console, output = Console(period=5.0), arguments.output
    model = MeanModel.open(arguments.model)
    if model.outcomes == 1 and arguments.top:
        raise InputError(f"top: {arguments.model} has one outcome per patient, and nothing is ranked")
    for note in model.notes:
        console.note(note)
    inputs.check_apart([output], arguments.data, arguments.model)
    console.progress(f"reading {arguments.data}")
    patients, parts = Cohort.open_parts(arguments.data, max(_PART // model.outcomes, 1024))
    first = next(parts)
    model.check_codes(first)
    environment.import_tensorflow()
    from mime_tf.scoring import mean

    name = "row" if first.patient_ids is None else "patient_id"
    policy, whole = arguments.unknown_codes, itertools.chain([first], parts)
    del first  # the parts are held one at a time
    summary = _Summary() if model.outcomes == 1 else _RankedSummary(model.splits[0], arguments.top or ranking.TOP)
    with files.publishing():
        predicted = mean.predict_parts(model, patients, whole, arguments.batch_size, console.progress, policy)
        columns = (name, *summary.columns, *(["ancestor_codes"] if policy == "ancestor" else []))
        files.write_table(output, columns, summary.rows(predicted))
    for line in summary.lines(output, model):
        console.line(line)


@dataclasses.dataclass
class _Summary:
    """Sums behind the printed lines, added up part by part.

    Attributes:
        patients: number of patients.
        probability: sum of the probabilities.
        codes: number of codes.
        dropped: number of codes that the model was not shown.
        dropping: number of patients who have such codes.
        empty: number of patients of whom nothing is left.
        by_ancestor: number of codes that were scored as an ancestor, or None if they were not to be.
    """

    patients: int = 0
    probability: float = 0.0
    codes: int = 0
    dropped: int = 0
    dropping: int = 0
    empty: int = 0
    by_ancestor: int | None = None
    columns: ClassVar[tuple[str, ...]] = ("probability", *_OF_PATIENT)

    def rows(self, parts: "Iterable[Predictions]") -> Iterator[tuple]:
        """Yields the rows of the table, turned into Python's values a part at a time."""
        for part in parts:
            if part.by_ancestor is not None:
                self.by_ancestor = (self.by_ancestor or 0) + int(part.by_ancestor.sum())
            ids = part.patient_ids
            names = range(self.patients, self.patients + len(part)) if ids is None else ids.tolist()
            self.patients += len(part)
            self.probability += len(part) * float(part.probabilities.mean())
            self.codes += int(part.codes.sum())
            self.dropped += int(part.dropped.sum())
            self.dropping += int((part.dropped > 0).sum())
            self.empty += int(part.empty.sum())
            yield from self._rows(names, part)

    def _rows(self, names: Sequence, part: "Predictions") -> Iterator[tuple]:
        """Yields the rows of a part."""
        yield from zip(names, part.probabilities.tolist(), *_of_patients(part), strict=True)

    def _described(self) -> str:
        """Returns the probabilities in words."""
        return f"with a mean probability of {self.probability / self.patients:.4f}"

    def lines(self, output: str, model: "MeanModel") -> Iterator[str]:
        """Yields the lines that are printed."""
        yield f"{output}: {self.patients:,} patients, {self._described()}"
        if len(model.splits) > 1:
            yield f"scored by the {model.described}: {model.names}"
        yield from model.recalibrations()
        if self.by_ancestor is not None:
            from mime_tf.scoring.substitution import shares

            yield f"of {self.codes:,} codes {shares(self.codes, self.by_ancestor, self.dropped)}"
        if self.dropped:
            yield (
                f"dropped, because training did not hold them: {self.dropped:,} codes of {self.dropping:,} "
                f"patients; the model knew {1 - self.dropped / self.codes:.1%} of all codes"
            )
        if self.empty:
            yield f"nothing is known of {self.empty:,} patients (empty is 1): scored {model.rule}"


class _RankedSummary(_Summary):
    """Sums and rows for a model of several outcomes.

    Args:
        model: the fitted split, which names the outcomes.
        top: number of outcomes per patient.
    """

    columns: ClassVar[tuple[str, ...]] = ("outcome", "name", "rank", "probability", *_OF_PATIENT)

    def __init__(self, model: "FittedSplit", top: int):
        super().__init__()
        self.top = min(top, model.outcomes)
        self.outcomes = [model.outcome_name(index) for index in range(model.outcomes)]

    def _rows(self, names: Sequence, part: "Predictions") -> Iterator[tuple]:
        from mime_tf.assess.outcomes import ranking

        of_patient = list(zip(*_of_patients(part), strict=True))
        for row, outcome, rank in ranking.highest(part.probabilities, self.top):
            probability = float(part.probabilities[row, outcome])
            yield names[row], outcome, self.outcomes[outcome], rank, probability, *of_patient[row]

    def _described(self) -> str:
        return f"the {self.top:,} most probable of {len(self.outcomes):,} outcomes of each"


def _of_patients(part: "Predictions") -> list[list]:
    """Returns the columns `_OF_PATIENT` of a part, and its number of codes scored as an ancestor if it has one."""
    columns = [part.dropped.tolist(), _shares(part), part.empty.astype(int).tolist()]
    return columns + ([] if part.by_ancestor is None else [part.by_ancestor.tolist()])


def _shares(part: "Predictions") -> list[float | str]:
    """Returns the share of each patient's codes that the model knew; empty for a patient without codes."""
    return ["" if math.isnan(share) else round(share, 4) for share in part.known_share.tolist()]
