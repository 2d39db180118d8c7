"""What may be named as a cohort, and what it consists of.

A source is one of three things, told apart by its name and by what is on disk:

1. a path that ends in `.parquet`: a Parquet file, or a folder of them as Spark writes it;
2. a folder in which there are `*.parquet` files, unless `<source>.seqs` exists as well: a folder of Parquet files;
3. anything else: a prefix, to which `.seqs` and `.labels` are appended as strings.

Arrow is not imported before a Parquet cohort is asked for: prefixes do without it.
"""

import dataclasses
import glob
import os

import numpy as np

from mime_tf.data import pickled
from mime_tf.data.store import Store
from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Cohort:
    """The patients of a source.

    Attributes:
        store: the patients, a Store.
        labels: int64, shape (patients,), of 0 and 1; None where they were not read.
        patient_ids: shape (patients,), of str (as objects) or int64; None where the source has none.
        source: where it was read from, beside which patients.csv may lie; None where it was made in memory.
    """

    store: Store
    labels: np.ndarray | None
    patient_ids: np.ndarray | None = None
    source: str | None = None


def read(source, labelled=True):
    """Reads a cohort.

    Args:
        source: a path or a prefix, as the module says.
        labelled: read the labels, which have to be there; else they are not looked at.

    Returns:
        A Cohort.

    Raises:
        InputError: there is nothing of that name, or it is bad.
    """
    if is_parquet(source):
        from mime_tf.data import parquet

        return Cohort(*parquet.read(source, labelled), source=os.fspath(source))
    if not os.path.lexists(name(source)):
        expected = "a cohort is a prefix of .seqs and .labels, a .parquet file or a folder of .parquet files"
        raise InputError(f"{name(source)}: can't be read (No such file or directory); {expected}")
    found = pickled.read(source) if labelled else (pickled.read_seqs(name(source)), None)
    return Cohort(*found, source=os.fspath(source))


def paths(source):
    """Returns the files that a source is made of, in the order in which they are read.

    Raises:
        InputError: it is a folder without Parquet files.
    """
    if is_parquet(source):
        from mime_tf.data import parquet

        return parquet.paths(source)
    return [f"{os.fspath(source)}.{kind}" for kind in ("seqs", "labels")]


def name(source):
    """Returns what to call the patients of a source in a message.

    >>> name("data/hf"), name("data/hf.parquet")
    ('data/hf.seqs', 'data/hf.parquet')
    """
    return os.fspath(source) if is_parquet(source) else f"{os.fspath(source)}.seqs"


def folder(source):
    """Returns the folder in which what comes with a source lies, such as vocabulary.csv; `""` is the working folder.

    >>> folder("data/hf"), folder("data/hf.parquet"), folder("hf")
    ('data', 'data', '')
    """
    source = os.fspath(source)
    return source if is_parquet(source) and os.path.isdir(source) else os.path.dirname(source)


def is_parquet(source):
    """Whether a source is a Parquet file or a folder of them, by the rule above."""
    source = os.fspath(source)
    if source.endswith(".parquet"):
        return True
    in_folder = glob.glob(os.path.join(glob.escape(source), "*.parquet")) if os.path.isdir(source) else []
    return bool(in_folder) and not os.path.exists(f"{source}.seqs")
