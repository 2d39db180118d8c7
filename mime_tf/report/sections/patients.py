"""The section of a report on five patients and why they were scored as they were."""

from mime_tf.explain import lines as explanation_table
from mime_tf.explain import picture
from mime_tf.report import markup

_LINES = 14
_PICTURED = 32

_READING = (
    "Patients are chosen by rule and not by hand. Numbers are log-odds: above 0 raises the probability, below 0 lowers "
    "it; they add up to the score. They tell what the model did with the record, not what would happen if the care "
    "were another. These are records of patients: treat the page as you treat the data."
)


def pictures(report):
    """Returns the timelines of the explained patients: a dict from such as `"patient_1"` to the bytes of a PNG file."""
    found = report.data.examples.values() if report.data else ()
    return {f"patient_{place}": picture.png(one, _PICTURED) for place, one in enumerate(found, 1)}


def explained(report, plots):
    """Returns the explained patients, each a picture and a short table."""
    if report.data is None:
        return markup.paragraph("Explanations need the cohort at hand: --data.", "missing")
    if not report.data.examples:
        return markup.paragraph(report.data.missing["patients"], "missing")
    parts = [markup.paragraph(f"{_READING} The model is that of {report.detailed.split.name}.")]
    for place, (rule, one) in enumerate(report.data.examples.items(), 1):
        lines = explanation_table.lines(one, _LINES)
        steps = [(name, explanation_table.number(value)) for name, value in explanation_table.summary(one)]
        rows = [[line.text, "" if line.contribution is None else explanation_table.number(line.contribution)]
                for line in lines]  # fmt: skip
        title = explanation_table.title(one)
        parts.append(f"<h3>{markup.text(f'{place}. {rule.capitalize()}')}</h3>\n")
        parts.append(markup.paragraph(title))
        parts.append(markup.paragraph("Steps: " + "; ".join(f"{name} {value}" for name, value in steps), "caption"))
        alt = f"Timeline of {title}; the table below has what matters most."
        parts.append(markup.figure(plots[f"patient_{place}"], alt, wide=True))
        parts.append(
            markup.table(["what moves the score most", "log-odds"], rows, (1,), [line.level for line in lines])
        )
    return "".join(parts)
