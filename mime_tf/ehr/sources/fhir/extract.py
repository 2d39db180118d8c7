"""From files of FHIR to Parquet files of rows, in parallel processes."""

import concurrent.futures
import dataclasses
import functools
import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mime_tf.ehr.sources.fhir import resources
from mime_tf.ehr.sources.fhir.document import Document
from mime_tf.ehr.sources.fhir.files import companion
from mime_tf.errors import InputError

ZIPPED = 10  # factor by which FHIR shrinks in a .gz, about
TASK = 16 << 20  # least bytes of JSON in a task; starting a process takes as long as reading a part of this
TASKS = 64  # tasks per process at most, because each writes files of its own
ROWS = 200_000  # rows that a process holds before it writes

# The index of a file, and why it is passed over; for a file that is no FHIR, what it is.
Faults = list[tuple[int, str]]


@dataclasses.dataclass(frozen=True)
class _Task:
    """Files that one process reads one after another.

    Attributes:
        number: number of the task, which names its Parquet files.
        files: index and path of each file.
        folder: where the rows are written.
        skip: pass over bad files.
    """

    number: int
    files: list[tuple[int, str]]
    folder: str
    skip: bool


def extract(
    paths: list[str],
    folder: str,
    skip: bool = False,
    processes: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Faults, Faults]:
    """Writes the rows of files to `folder/<table>/*.parquet`, for each table of `resources.TABLES`.

    Args:
        paths: the files; a row's `file` is an index of this list.
        folder: where the rows are written; must not exist.
        skip: pass over bad files, which may have left rows.
        processes: number of processes, None for the number of processors. A script that asks for several needs the
            guard `if __name__ == "__main__":`.
        progress: receives a line of text now and then.

    Returns:
        (index of a bad file, error), and (index of a file that is no FHIR, what it is), both sorted.

    Raises:
        InputError: a file is bad, and `skip` is not set.
    """
    for table in resources.TABLES:
        os.makedirs(os.path.join(folder, table))
        _write(table, [], os.path.join(folder, table, "none.parquet"))
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = processes or processors
    sizes = [os.path.getsize(path) for path in paths]
    report = _reporter(sum(sizes), progress or (lambda text: None))
    work = [
        _Task(number, [(index, paths[index]) for index in indices], folder, skip)
        for number, indices in enumerate(_shares(paths, sizes, processes))
    ]
    if min(processes, len(work)) > 1:
        return _joined(_in_processes(work, min(processes, len(work)), report))
    counter = _Counter(report)
    return _joined(_read(task, counter.add) for task in work)


def _joined(results: Iterable[tuple[Faults, Faults]]) -> tuple[Faults, Faults]:
    faults, others = zip(*results, strict=True)
    return sorted(itertools.chain(*faults)), sorted(itertools.chain(*others))


def _shares(paths: list[str], sizes: list[int], processes: int) -> Iterator[list[int]]:
    """Indices of the files of each task: the largest first, small ones together."""
    weights = [size * (ZIPPED if path.lower().endswith(".gz") else 1) for path, size in zip(paths, sizes, strict=True)]
    enough = max(TASK, sum(weights) // (TASKS * processes))
    indices: list[int] = []
    weight = 0
    for index in sorted(range(len(paths)), key=lambda index: -weights[index]):
        indices.append(index)
        weight += weights[index]
        if weight >= enough:
            yield indices
            indices, weight = [], 0
    if indices:
        yield indices


def _reporter(total, progress):
    return lambda done: progress(f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB of FHIR read")


class _Counter:
    """Bytes read so far, reported at each addition."""

    def __init__(self, report):
        self._report, self._done = report, 0

    def add(self, count):
        self._done += count
        self._report(self._done)


# In processes.


class _Stopped(Exception):  # noqa: N818 - no error
    """The parent process asks this one to end."""


def _in_processes(work: list[_Task], processes: int, report: Callable[[int], None]) -> list[tuple[Faults, Faults]]:
    # Spawned on every system: a fork would copy the locks of loaded libraries' threads, TensorFlow's among them.
    context = multiprocessing.get_context("spawn")
    done, stop = context.Value("Q", 0), context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(processes, context, _start, (done, stop))
    try:
        pending = {pool.submit(_read_in_process, task) for task in work}
        results: list[tuple[Faults, Faults]] = []
        while pending:
            ready, pending = concurrent.futures.wait(pending, 0.2, concurrent.futures.FIRST_COMPLETED)
            results += [future.result() for future in ready]
            report(done.value)
        return results
    except concurrent.futures.process.BrokenProcessPool as error:
        raise InputError(f"{work[0].folder}: a process that reads was killed, perhaps for lack of memory") from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


_advance: Callable[[int], None]  # set in each process


def _start(done, stop):
    """Initializes a process."""
    global _advance
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends the others
    _advance = functools.partial(_count, done, stop)


def _count(done, stop, count):
    """Adds to the bytes that all processes have read; ends the reading if the parent asks for it."""
    if stop.is_set():
        raise _Stopped
    with done.get_lock():
        done.value += count


def _read_in_process(task):
    return _read(task, _advance)


# Reading.


def _read(task: _Task, advance: Callable[[int], None]) -> tuple[Faults, Faults]:
    """Reads the files of a task; returns the index and error of bad ones, and the index and kind of those not FHIR."""
    faults: Faults = []
    others: Faults = []
    rows: dict[str, list[tuple]] = {table: [] for table in resources.TABLES}
    parts = 0
    for index, path in task.files:
        document = Document(path, resources.READ, advance)
        try:
            for full_url, resource in document.resources():
                _add_rows(rows, full_url, resource, index, f"{os.path.basename(path)}#{document.location}")
                if sum(map(len, rows.values())) >= ROWS:
                    _flush(rows, task.folder, f"{task.number}-{parts}")
                    parts += 1
        except InputError as error:
            if not document.began and (kind := companion(path)):
                others.append((index, kind))
                continue
            fault = f"{path}: {document.location}: {error}"
            if not task.skip:
                raise InputError(fault) from error
            faults.append((index, fault))
    _flush(rows, task.folder, f"{task.number}-{parts}")
    return faults, others


def _add_rows(rows, full_url, resource, index, default_id):
    resource_rows = resources.rows(full_url, resource, default_id)
    if resource_rows:
        origin = (index, resources.digest(resource_rows))
        for table, row in resource_rows:
            rows[table].append(row + origin)


def _flush(rows, folder, name):
    for table, held in rows.items():
        if held:
            _write(table, held, os.path.join(folder, table, f"{name}.parquet"))
            held.clear()


def _write(table: str, rows: list[tuple], path: str) -> None:
    types: dict[str, Any] = {"string": pa.string(), "int64": pa.int64(), "bool": pa.bool_()}
    columns = resources.TABLES[table] | resources.ORIGIN
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    arrays = [pa.array(list(column), types[kind]) for column, kind in zip(values, columns.values(), strict=True)]
    pq.write_table(pa.table(arrays, names=list(columns)), path)
