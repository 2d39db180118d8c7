"""A validation as one HTML page that needs neither network nor scripts."""

from mime_tf.assess.cross_fitting import FOLDS
from mime_tf.assess.measures import MEASURES
from mime_tf.pages.figure import Picture
from mime_tf.pages.templates import render_html
from mime_tf.pages.text import decimal, file_name, without_folders
from mime_tf.validation.content import MENDED, SHOWN, Validation


def validation_page(validation: Validation, forest: Picture, title: str | None = None) -> str:
    """Returns the page, HTML.

    Args:
        validation: the sites, measured.
        forest: of `mime_tf.validation.picture.forest`.
        title: name of the outcome, in place of the one that the run has; or None.
    """
    model = validation.model
    folders = [model.path, *(split.folder for split in model.splits)]
    aucs = (f"{site.name} {decimal(site.assessment.values['auc'])}" for site in validation.sites)
    return render_html(
        "validation/page.html.j2",
        title=model.subject.titled(title).title,
        validation=validation,
        facts=[(name, text) for name, text in model.subject.facts() if name != "cases" or len(model.splits) == 1],
        described=f"{model.described}: {model.names}" if len(model.splits) > 1 else file_name(model.described),
        notes=[without_folders(note, folders) for note in validation.notes],
        shown={name: MEASURES[name] for name in SHOWN},
        mended={name: MEASURES[name] for name in MENDED},
        folds=FOLDS,
        forest=forest,
        alt=f"ROC AUC: {', '.join(aucs)}.",
    )
