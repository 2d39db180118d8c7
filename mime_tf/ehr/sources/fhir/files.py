"""From files of FHIR to Parquet files of rows, in parallel processes."""

import concurrent.futures
import functools
import multiprocessing
import os
import signal

import pyarrow as pa
import pyarrow.parquet as pq

from mime_tf.ehr.sources.fhir import resources
from mime_tf.ehr.sources.fhir.json_scanner import Document
from mime_tf.errors import InputError

ENDINGS = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
ZIPPED = 10  # times that FHIR shrinks in a .gz, about
TASK = 16 << 20  # bytes of JSON; starting a process takes as long as reading a part of this
TASKS = 64  # a process, at most, because each makes files of its own
ROWS = 200_000  # held by a process before it writes


def find(path):
    """Returns the files of FHIR that `path` is or that lie in it, at any depth, sorted.

    Raises:
        InputError: there is none.
    """
    path = os.fspath(path)
    wanted = ", ".join(ENDINGS)
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise InputError(f"{path}: can't be read (No such file or directory); must be a file or folder of FHIR")
        if not path.lower().endswith(ENDINGS):
            raise InputError(f"{path}: not a file of FHIR by its name; must end in one of {wanted}")
        return [path]
    walked = ((folder, name) for folder, _, names in os.walk(path) for name in names)
    found = sorted(os.path.join(folder, name) for folder, name in walked if name.lower().endswith(ENDINGS))
    if not found:
        raise InputError(f"{path}: no file of FHIR in it; must hold files that end in one of {wanted}")
    return found


def extract(paths, folder, skip=False, processes=None, progress=None):
    """Writes the rows of files to `folder/<table>/*.parquet`, for each of `fhir_resources.TABLES`.

    Args:
        paths: list of str; a row's `file` is its index in it.
        folder: where to; must not be there.
        skip: go on without files that are bad. They may have left rows.
        processes: how many, None for the number of processors. A script that asks for several needs the guard
            `if __name__ == "__main__":`.
        progress: function that is given a text now and then, or None.

    Returns:
        List of (index of a bad file, why), sorted.

    Raises:
        InputError: a file is bad, and `skip` is not set.
    """
    for table in resources.TABLES:
        os.makedirs(os.path.join(folder, table))
        _write(table, [], os.path.join(folder, table, "none.parquet"))
    processes = processes or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count()))
    sizes = [os.path.getsize(path) for path in paths]
    show = _show(sum(sizes), progress or (lambda text: None))
    tasks = list(_tasks(paths, sizes, processes))
    work = [(number, [(index, paths[index]) for index in task], folder, skip) for number, task in enumerate(tasks)]
    if min(processes, len(work)) > 1:
        return sorted(_in_processes(work, min(processes, len(work)), show))
    counter = _Counter(show)
    return sorted(bad for task in work for bad in _read(*task, counter.add))


def _tasks(paths, sizes, processes):
    """Lists of indices of files: the largest first, small ones together."""
    weights = [size * (ZIPPED if path.lower().endswith(".gz") else 1) for path, size in zip(paths, sizes, strict=True)]
    enough = max(TASK, sum(weights) // (TASKS * processes))
    task, weight = [], 0
    for index in sorted(range(len(paths)), key=lambda index: -weights[index]):
        task.append(index)
        weight += weights[index]
        if weight >= enough:
            yield task
            task, weight = [], 0
    if task:
        yield task


def _show(total, progress):
    return lambda done: progress(f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB of FHIR read")


class _Counter:
    def __init__(self, show):
        self._show, self._done = show, 0

    def add(self, count):
        self._done += count
        self._show(self._done)


class _Stopped(Exception):  # noqa: N818 - no error
    """The process that started this one wants no more of it."""


def _in_processes(work, processes, show):
    # Spawned on every system: a fork copies the threads' locks of what is loaded, TensorFlow among it.
    context = multiprocessing.get_context("spawn")
    done, stop = context.Value("Q", 0), context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(processes, context, _start, (done, stop))
    try:
        pending = {pool.submit(_read_in_process, task) for task in work}
        bad = []
        while pending:
            ready, pending = concurrent.futures.wait(pending, 0.2, concurrent.futures.FIRST_COMPLETED)
            bad += [file for future in ready for file in future.result()]
            show(done.value)
        return bad
    except concurrent.futures.process.BrokenProcessPool as error:
        raise InputError(f"{work[0][2]}: a process that reads was killed, for want of memory perhaps") from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _start(done, stop):
    """Runs when a process starts."""
    global _advance
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C goes to all; the one that started this one sees to it
    _advance = functools.partial(_add, done, stop)


def _add(done, stop, count):
    if stop.is_set():
        raise _Stopped
    with done.get_lock():
        done.value += count


def _read_in_process(task):
    return _read(*task, _advance)


def _read(number, files, folder, skip, advance):
    """Reads files one after another; returns a list of (index, why) of bad ones."""
    bad, rows, parts = [], {table: [] for table in resources.TABLES}, 0
    for index, path in files:
        document = Document(path, resources.READ, advance)
        try:
            for full_url, resource in document.resources():
                _add_rows(rows, full_url, resource, index, f"{os.path.basename(path)}#{document.place}")
                if sum(map(len, rows.values())) >= ROWS:
                    _flush(rows, folder, f"{number}-{parts}")
                    parts += 1
        except InputError as error:
            why = f"{path}: {document.place}: {error}"
            if not skip:
                raise InputError(why) from error
            bad.append((index, why))
    _flush(rows, folder, f"{number}-{parts}")
    return bad


def _add_rows(rows, full_url, resource, index, unnamed):
    made = resources.rows(full_url, resource, unnamed)
    if made:
        origin = (index, resources.digest(made))
        for table, row in made:
            rows[table].append(row + origin)


def _flush(rows, folder, name):
    for table, held in rows.items():
        if held:
            _write(table, held, os.path.join(folder, table, f"{name}.parquet"))
            held.clear()


def _write(table, rows, path):
    types = {"string": pa.string(), "int64": pa.int64(), "bool": pa.bool_()}
    columns = resources.TABLES[table] | resources.ORIGIN
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    arrays = [pa.array(list(held), types[kind]) for held, kind in zip(values, columns.values(), strict=True)]
    pq.write_table(pa.table(arrays, names=list(columns)), path)
