"""FHIR R4 files as an export. docs/fhir.md lists the elements read of each type, and all that is left out.

Each resource becomes rows on its own, in parallel (`extract`); the rows are then joined along their references, so that
the resources of a bulk export may lie in any file and in any order.
"""

import os
from collections.abc import Callable

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.schema import Export
from mime_tf.ehr.sources.fhir import references
from mime_tf.ehr.sources.fhir.extract import Faults, extract
from mime_tf.ehr.sources.fhir.files import find
from mime_tf.ehr.sources.fhir.resources import TABLES
from mime_tf.errors import InputError, show


def read(
    engine: Engine,
    path: str | os.PathLike,
    on_error: str = "stop",
    processes: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Export:
    """Reads an export.

    Args:
        engine: computes the tables.
        path: a file (.json, .ndjson, each also .gz), or a folder of such files at any depth.
        on_error: with `"skip"`, bad files are passed over, each as a whole.
        processes: number of processes that read the files, None for the number of processors.
        progress: receives a line of text now and then.

    Returns:
        The export. An order's identifier is `Type/id`, a visit's and a patient's is the id.

    Raises:
        InputError: there is no file, a file is bad, or two resources that differ have the same type and id.
    """
    paths, beside = find(path)
    folder = os.path.join(engine.folder, "fhir")
    faults, others = extract(paths, folder, on_error == "skip", processes, progress)
    raw = {name: _good(engine.read_parquet([os.path.join(folder, name)]), faults) for name in TABLES}
    deleted = raw.pop("deleted").select("key").distinct()
    gone = {name: table.semi_join(deleted, "key") for name, table in raw.items()}
    raw = {name: table.anti_join(deleted, "key") for name, table in raw.items()}
    _check_unique(engine, raw, paths)
    raw = {name: table.drop("file", "digest").distinct() for name, table in raw.items()}
    raw["left_out"] = ibis.union(raw["left_out"], _deletions(gone))
    tables, left_out = references.follow(engine, raw)
    skipped = [(paths[index], fault) for index, fault in faults]
    passed_over = sorted(beside + [(paths[index], kind) for index, kind in others])
    return Export(**tables, left_out=_count(engine, left_out), skipped=skipped, passed_over=passed_over)


def _deletions(gone):
    """The resources of deleted keys, as rows that are left out."""
    keys = ibis.union(*(table.select("key") for name, table in gone.items() if name not in ("reasons", "aliases")))
    why = {"why": ibis.literal("resources that an entry with the method DELETE deletes"), "whole": ibis.literal(True)}
    return keys.distinct().mutate(**why)


def _good(table: ibis.Table, faults: Faults) -> ibis.Table:
    """The rows of good files."""
    return table.filter(~table.file.isin([index for index, _ in faults])) if faults else table


def _check_unique(engine, raw, paths):
    """Raises InputError if resources of one type and id differ in their rows."""
    rows = ibis.union(*(table.select("key", "digest", "file") for name, table in raw.items() if name != "reasons"))
    counts = rows.group_by("key").agg(versions=rows.digest.nunique(), first=rows.file.min(), last=rows.file.max())
    differing = engine.arrow(counts.filter(counts.versions > 1).order_by("key").limit(1)).to_pylist()
    if differing:
        resource = differing[0]
        files = " and ".join(dict.fromkeys(paths[resource[end]] for end in ("first", "last")))
        raise InputError(f"{files}: {show(resource['key'])} occurs twice, and the two differ; must occur once")


def _count(engine, tables):
    """The number of rows by their column `why`."""
    rows = ibis.union(*tables)
    counts = engine.arrow(rows.group_by("why").agg(times=rows.count()).order_by("why"))
    return dict(zip(counts["why"].to_pylist(), counts["times"].to_pylist(), strict=True))
