"""Sites or periods at which a model was measured, read from the validate.json of `mime-tf validate`."""

import dataclasses
import os
from typing import Any

from mime_tf.assess.measures import MEASURES
from mime_tf.errors import InputError, show
from mime_tf.pages.text import decimal, with_interval
from mime_tf.runs.subject import Subject
from mime_tf.terminal import files

FILE = "validate.json"
_SHOWN = ("auc", "calibration_slope", "observed_to_expected")


@dataclasses.dataclass(frozen=True)
class SiteFigures:
    """Figures of a site.

    Attributes:
        name: of the site.
        patients: its rows, cases and unknown codes, in words.
        performance: its measures with intervals, in words.
    """

    name: str
    patients: str
    performance: str


def read_sites(path: str, subject: Subject) -> list[SiteFigures]:
    """Reads the sites of a validation other than the run's own data.

    Args:
        path: of a validate.json, or of the folder with it.
        subject: of the run that is described.

    Raises:
        InputError: the file is missing, is not as `validate` writes it, or is of a model of other data.
    """
    path = os.path.join(path, FILE) if os.path.isdir(path) else path
    content = files.read_json(path)
    if content is None:
        raise InputError(f"{path}: missing; the {FILE} of mime-tf validate is needed")
    content = content if isinstance(content, dict) else {}
    if not isinstance(content.get("sites"), list) or "trained_on" not in content:
        raise InputError(f"{path}: found {show(content)}; the {FILE} of mime-tf validate is needed")
    trained_on = None if subject.population is None else subject.population.content
    if content["trained_on"] != trained_on:
        raise InputError(f"{path}: of a model that was trained on other data; the validation of this run is needed")
    try:
        return [_figures(site) for site in content["sites"] if site["set"] != "test"]
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: sites: {type(error).__name__}: {error}; not as mime-tf validate writes it"
        ) from error


def _figures(site: dict[str, Any]) -> SiteFigures:
    rows, ones, unknown = int(site["rows"]), int(site["ones"]), float(site["case_mix"]["unknown_codes"])
    patients = f"{rows:,} rows with {ones:,} cases ({ones / rows:.1%}), {unknown:.1%} of codes unknown"
    measured = (f"{MEASURES[name]} {_estimate(site['metrics'][name])}" for name in _SHOWN)
    return SiteFigures(str(site["name"]), patients, ", ".join(measured))


def _estimate(estimate: dict[str, Any]) -> str:
    value, low, high = (float("nan" if estimate[key] is None else estimate[key]) for key in ("value", "low", "high"))
    return with_interval(decimal(value), (low, high))
