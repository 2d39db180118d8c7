"""A validation as printed lines: measure by measure, so that the sites can be compared."""

from collections.abc import Iterator

from mime_tf.assess import text
from mime_tf.assess.cross_fitting import FOLDS
from mime_tf.assess.measures import MEASURES
from mime_tf.validation.content import MENDED, SHOWN, Validation

_LETTERS = 26


def printed(validation: Validation) -> Iterator[str]:
    """Yields the lines."""
    yield f"{validation.model.described} at {len(validation.sites)} sites: {validation.model.subject.question}"
    for site in validation.sites:
        of = site.assessment
        unknown = f"{site.case_mix.unknown_codes:.1%} of codes unknown"
        yield f"{site.name[:_LETTERS]:28}{of.rows:9,} rows, {of.ones:,} of label 1 ({of.ones / of.rows:.2%}), {unknown}"
    for name in SHOWN:
        yield f"{MEASURES[name]:28}{'value':>9}   95% interval"
        for site in validation.sites:
            line = text.line(f"  {site.name[:_LETTERS]}", site.assessment.values[name], site.assessment.intervals[name])
            after = site.recalibrated
            yield line + (f"   recalibrated {after.values[name]:.4f}" if after and name in MENDED else "")
    yield (
        f"recalibrated: {validation.method}, on the site's own patients, cross-fitted: each patient by a function "
        f"that was fitted to the other {FOLDS - 1} of {FOLDS} folds"
    )
    yield from (f"{site.name}: not recalibrated: {site.reason}" for site in validation.sites if site.reason)
    bootstrap = validation.bootstrap
    if bootstrap.times:
        yield f"intervals: percentiles of {bootstrap.times:,} resamples of a site's patients, seed {bootstrap.seed}"
