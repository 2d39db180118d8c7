"""The command `monitor`."""

import argparse
import datetime
import os
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value, choice
from mime_tf.constraints import at_least
from mime_tf.terminal import environment, files, outputs, plotting, status
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    from mime_tf.monitor.content import Monitoring

EPILOG = f"""example, for a cron job:
  mime-tf monitor --model runs/a_ --data data/now/cohort.parquet --period quarter --since 2024-01-01 \\
    --min_auc 0.7 --max_oe 1.5 --max_unknown_codes 0.05 --output monitoring --overwrite || mail -s monitor me

The rows of the data are divided by their prediction_time in patients.csv. Data without labels are watched for drift:
the probabilities, the share of codes that the model does not know, and how the codes, age and sex differ from training.
With labels, discrimination and calibration come with it. Labels of rows whose outcomes are not known yet are not used:
convert says which these are, or --known_until does.

A bound is passed in a period where the whole 95% interval of the measure lies beyond it. The command then ends with
exit status {status.BOUND_PASSED}, after it has written everything. A period of fewer than 10 patients is counted and
not measured; with fewer than 10 cases or controls the share of cases and observed / expected alone are. The folder
gets monitor.html, monitor.csv, codes.csv and monitor.json."""

PAGE, TABLE, CODES, RECORD = FILES = ("monitor.html", "monitor.csv", "codes.csv", "monitor.json")
PERIODS = ("month", "quarter", "year")


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    from mime_tf.monitor.bounds import OPTIONS

    text = "Measures one model by month, quarter or year, and tells whether a stated bound is passed."
    parser = Parser(program, text, EPILOG)
    options.add_model(parser, several=True)
    options.add_data(parser, "; labels are not needed")
    options.add_output(parser, "DIR", f"folder for {', '.join(FILES)}")
    options.add(parser, "period", choice(PERIODS), "calendar period", "quarter")
    read, text = _Date(str), "leave out rows predicted before this day (default: none)"
    options.add(parser, "since", read, text, metavar="DATE")
    text = (
        "labels of rows predicted on this day or later are not used, because their outcomes are not known yet "
        "(default: the last event of the export less the horizon, by the convert.json beside the data)"
    )
    options.add(parser, "known_until", read, text, metavar="DATE")
    bounds = parser.add_argument_group("bounds, which are passed by a whole interval")
    for name, (_, about, most) in OPTIONS.items():
        options.add(bounds, name, Value(float, at_least(0, at_most=most)), about)
    options.add_title(parser)
    options.add_bootstrap(parser)
    options.add_seed(parser)
    return parser


class _Date(Value):
    """Reads a day, as argparse's `type`.

    >>> _Date(str)("2024-02-29")
    datetime.date(2024, 2, 29)
    """

    def __call__(self, text: str) -> datetime.date:
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"found {text[:60]}; must be a day such as 2024-01-31") from None


def run(arguments: Namespace) -> int:
    """Runs the command; returns the exit status."""
    output = arguments.output
    with outputs.claimed(lambda: _check_output(output, arguments.overwrite), os.path.join(output, RECORD)):
        return _monitor(arguments)


def _check_output(output: str, overwrite: bool) -> None:
    """Raises InputError unless the results may be written."""
    for name in FILES:
        outputs.check_file(os.path.join(output, name), overwrite)


def _monitor(arguments: Namespace) -> int:
    from mime_tf.commands import inputs
    from mime_tf.data.cohort import Cohort, has_labels
    from mime_tf.runs.mean_model import MeanModel
    from mime_tf.runs.opening import require_one_outcome

    console, output = Console(period=5.0), arguments.output
    model = MeanModel.open(arguments.model)
    require_one_outcome(model.splits[0])
    plotting.require_matplotlib()
    inputs.check_apart([os.path.join(output, name) for name in FILES], arguments.data, arguments.model)
    console.progress(f"reading {arguments.data}")
    cohort = Cohort.open(arguments.data, labelled=has_labels(arguments.data))
    environment.import_tensorflow()
    from mime_tf.assess.bootstrap import Bootstrap
    from mime_tf.monitor import bounds, lines, page, picture, tables
    from mime_tf.monitor.content import Asked, Monitor

    stated = bounds.stated({name: getattr(arguments, name) for name in bounds.OPTIONS})
    bootstrap = Bootstrap(arguments.bootstrap, arguments.seed)
    asked = Asked(arguments.period, arguments.since, arguments.known_until, stated, bootstrap)
    monitoring = Monitor(model, cohort, asked).run(console.progress)
    for note in monitoring.notes:
        console.note(note)
    console.progress("drawing")
    pictures = picture.draw(monitoring)
    with files.publishing():  # monitor.json comes last, and says that all are there
        with files.replacing(os.path.join(output, PAGE), "w") as file:
            file.write(page.monitoring_page(monitoring, pictures, arguments.title))
        files.write_table(os.path.join(output, TABLE), tables.COLUMNS, tables.measures(monitoring))
        files.write_table(os.path.join(output, CODES), tables.CODE_COLUMNS, tables.codes(monitoring))
        files.write_json(os.path.join(output, RECORD), _record(arguments, monitoring))
    for line in lines.printed(monitoring):
        console.line(line)
    console.line(f"{output}: {', '.join(FILES)} written")
    return status.BOUND_PASSED if monitoring.passed else status.DONE


def _record(arguments: Namespace, monitoring: "Monitoring") -> dict[str, Any]:
    """Returns the content of monitor.json."""
    from mime_tf.monitor.text import alarm
    from mime_tf.runs.versions import versions

    asked: dict[str, Any] = {
        name: getattr(arguments, name) for name in ("model", "data", "period", "bootstrap", "seed")
    }
    for name in ("since", "known_until"):
        asked[name] = None if getattr(arguments, name) is None else str(getattr(arguments, name))
    bounds = monitoring.asked.bounds
    return {
        **asked,
        "described": monitoring.model.described,
        "bounds": {bound.option: bound.limit for bound in bounds},
        "passed": [alarm(period, bound) for period, bound in monitoring.passed],
        "not_checked": [bound.option for bound in monitoring.unchecked],
        "when_made": monitoring.reference.values,
        "sex": monitoring.reference.sex,
        "periods": [period.record() for period in monitoring.periods],
        "notes": monitoring.notes,
        "versions": versions(),
    }
