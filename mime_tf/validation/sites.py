"""The sites or periods of a validation: named on the command line, and checked before anything is scored."""

import dataclasses
import os
from collections.abc import Callable, Sequence

from mime_tf.data.cohort import Cohort, files_of
from mime_tf.errors import InputError
from mime_tf.runs.mean_model import MeanModel


@dataclasses.dataclass(frozen=True)
class Site:
    """A site or a period.

    Attributes:
        name: of the user's choice, or the last part of the path.
        path: of its cohort.
    """

    name: str
    path: str


@dataclasses.dataclass(frozen=True, eq=False)
class OpenSite:
    """A site whose cohort is read.

    Attributes:
        site: the Site.
        cohort: its patients.
        set_name: set of patients that is scored: `"all"`, or `"test"` of the data that the model was trained on.
    """

    site: Site
    cohort: Cohort
    set_name: str


def parse(texts: Sequence[str]) -> list[Site]:
    """Reads sites as they are given on a command line, each `PREFIX` or `NAME=PREFIX`.

    >>> parse(["data/north", "1999=data/old/hf"])
    [Site(name='north', path='data/north'), Site(name='1999', path='data/old/hf')]

    Raises:
        InputError: a name is empty, or two sites have the same.
    """
    sites: list[Site] = []
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or _exists(text):
            name, path = os.path.basename(os.path.normpath(text)), text
        if not name.strip() or not path:
            raise InputError(f"data: found {text}; a cohort, or NAME=COHORT, is needed")
        same = [site.path for site in sites if site.name == name]
        if same:
            raise InputError(f"data: {same[0]} and {path} are both named {name}; NAME=COHORT gives another name")
        sites.append(Site(name, path))
    return sites


def _exists(path: str) -> bool:
    """Whether a path with an equals sign in it is that of a cohort."""
    try:
        return any(map(os.path.exists, files_of(path)))
    except InputError:
        return False


def open_sites(model: MeanModel, sites: Sequence[Site], progress: Callable[[str], object]) -> list[OpenSite]:
    """Reads the cohorts of all sites.

    Raises:
        InputError: a cohort is missing, damaged, without labels, or of other codes than the model's.
    """
    opened = []
    for site in sites:
        progress(f"reading {site.path}")
        cohort = Cohort.open(site.path)
        cohort.require_labels()
        model.check_codes(cohort)
        opened.append(OpenSite(site, cohort, "test" if model.trained_on(cohort) else "all"))
    return opened
