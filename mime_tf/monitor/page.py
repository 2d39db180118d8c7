"""A monitoring as one HTML page that needs neither network nor scripts."""

from collections.abc import Mapping

from mime_tf.assess.measures import FEW
from mime_tf.monitor import text
from mime_tf.monitor.content import Monitoring
from mime_tf.monitor.measures import GROUPS, MEASURES
from mime_tf.pages.figure import Picture
from mime_tf.pages.templates import render_html
from mime_tf.pages.text import file_name, without_folders

SHOWN_CODES = 10


def monitoring_page(monitoring: Monitoring, pictures: Mapping[str, Picture], title: str | None = None) -> str:
    """Returns the page, HTML.

    Args:
        monitoring: the periods, measured.
        pictures: of `mime_tf.monitor.picture.draw`.
        title: name of the outcome, in place of the one that the run has; or None.
    """
    model = monitoring.model
    folders = [model.path, *(split.folder for split in model.splits)]
    groups = {name: [measure for measure in of if measure in pictures] for name, of in GROUPS.items()}
    groups = {name: measures for name, measures in groups.items() if measures}
    return render_html(
        "monitor/page.html.j2",
        title=model.subject.titled(title).title,
        monitoring=monitoring,
        facts=[(name, value) for name, value in model.subject.facts() if name != "cases" or len(model.splits) == 1],
        described=f"{model.described}: {model.names}" if len(model.splits) > 1 else file_name(model.described),
        notes=[without_folders(note, folders) for note in monitoring.notes],
        verdict=text.verdict(monitoring),
        groups=groups,
        headers={group: [_title(monitoring, name) for name in names] for group, names in groups.items()},
        measures=MEASURES,
        titles={name: _title(monitoring, name) for name in pictures},
        pictures=pictures,
        alts={name: _alt(monitoring, name) for name in pictures},
        number=text.number,
        interval=text.interval,
        shown_codes=SHOWN_CODES,
        few=FEW,
    )


def _title(monitoring: Monitoring, name: str) -> str:
    return f"share of {monitoring.reference.sex}" if name == "sex" else MEASURES[name].title


def _alt(monitoring: Monitoring, name: str) -> str:
    """Returns a picture in words: the first, the least, the largest and the last value."""
    values = [
        (period.estimates[name].value, period.period.name) for period in monitoring.periods if name in period.estimates
    ]
    ends = {"first": values[0], "least": min(values), "largest": max(values), "last": values[-1]}
    numbers = ", ".join(f"{word} {text.number(name, value)} in {period}" for word, (value, period) in ends.items())
    bounds = [str(bound) for bound in monitoring.asked.bounds if bound.measure == name]
    beyond = [period.period.name for period, bound in monitoring.passed if bound.measure == name]
    told = f" Bounds: {', '.join(bounds)}; passed in {', '.join(beyond) or 'none'}." if bounds else ""
    return f"By {monitoring.asked.period}: {numbers}.{told}"
