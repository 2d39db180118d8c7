"""The sections of a report on what went into the model."""

import dataclasses

from mime_tf.config import TrainConfig
from mime_tf.report import markup

_KINDS = {"dx": "Diagnoses", "rx": "Medications", "pr": "Procedures"}


def cohort(report, plots):
    """Returns what the cohort consists of."""
    splits = [one.split for one in report.judged]
    sets = [[s.name, f"{len(s.valid):,}", f"{len(s.test):,}", f"{s.test.labels.mean():.1%}"] for s in splits]
    tested = markup.table(["split", "valid", "test", "label 1 in test"], sets, (1, 2, 3))
    if report.data is None:
        sizes = splits[0].configuration.sizes
        room = ", ".join(f"{sizes.get(f'num_{kind}', '?')} {name.lower()}" for kind, name in _KINDS.items())
        text = f"The model has room for {room}. More is told with the cohort at hand: --data."
        return markup.paragraph(text, "missing") + tested
    facts = report.data.facts
    least, median, most = facts.visit_counts
    rows = [
        ["patients (rows)", f"{facts.patients:,}"],
        ["of label 1", f"{facts.ones:,} ({facts.ones / facts.patients:.1%})"],
        ["visits", f"{facts.visits:,}; a patient has {least:,} to {most:,}, median {median:g}"],
        ["Dx-objects", f"{facts.dxobjects:,}; {facts.with_orders:.1%} have an order"],
        *([name.lower(), f"{facts.occurrences[k]:,}; {facts.codes[k]:,} different"] for k, name in _KINDS.items()),
    ]
    parts = [markup.paragraph(f"All of {report.data.source}."), markup.table(["", ""], rows), tested]
    parts.append("<h3>Commonest codes</h3>\n")
    for kind, name in _KINDS.items():
        top = [[name, f"{patients:,}", f"{times:,}"] for name, patients, times in facts.top[kind]]
        parts.append(markup.table([name, "patients", "times"], top, (1, 2)))
    return "".join(parts)


def linkage(report, plots):
    """Returns how orders were linked, and how patients were chosen."""
    if report.data is None:
        return markup.paragraph("Needs the cohort at hand: --data.", "missing")
    origin = report.data.origin
    if origin is None:
        return markup.paragraph(report.data.missing["linkage"], "missing")
    parts = []
    if origin.orders:
        parts.append(markup.paragraph("Of the whole export that the cohort was made from."))
        parts.append(markup.table(["orders", "medications", "procedures"], origin.orders, (1, 2)))
    if origin.links:
        parts.append("<h3>Commonest links, for a clinician to look at</h3>\n")
        parts.append(markup.table(["orders", "diagnosis", "order"], origin.links, (0,)))
    if origin.flow:
        parts.append("<h3>Who is in the cohort</h3>\n")
        parts.append(markup.table(["", "patients", "rows"], origin.flow, (1, 2)))
        asked = [[name, str(value)] for name, value in origin.rules.items() if value is not None]
        parts.append(markup.details("The rules", markup.table(["rule", "value"], asked)))
    if origin.audit:
        parts.append("<h3>Audit for leakage</h3>\n")
        parts.append(markup.bullets(origin.audit))
    return "".join(parts)


def made(report, plots):
    """Returns flags, versions and seeds."""
    configuration = report.detailed.split.configuration
    flags, default = configuration.flags, dataclasses.asdict(TrainConfig())
    changed = [
        [name, _value(value), _value(default.get(name, "no such flag now"))]
        for name, value in flags.items()
        if _value(value) != _value(default.get(name))
    ]
    seeds = ", ".join(f"{one.split.name} {one.split.configuration.split_seed}" for one in report.judged)
    facts = [
        ["random seed of weights and batches", str(flags.get("random_seed"))],
        ["number of the split or fold", seeds],
        ["seed of the bootstrap", str(report.seed)],
        ["input", str(configuration.input)],
        *([name, str(value)] for name, value in (configuration.data or {}).items()),
        *([name, str(value)] for name, value in configuration.versions.items()),
    ]
    everything = markup.table(["flag", "value"], [[name, _value(value)] for name, value in flags.items()])
    parts = [markup.table(["", ""], facts), "<h3>Flags that are not the default</h3>\n"]
    if changed:
        parts.append(markup.table(["flag", "value", "default"], changed))
    else:
        parts.append(markup.paragraph("None."))
    return "".join(parts) + markup.details("All flags", everything)


def _value(value):
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
