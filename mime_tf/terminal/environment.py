"""Sets TensorFlow's environment variables before it is imported, and imports it quietly; set variables are kept."""

import contextlib
import errno
import gc
import glob
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from mime_tf.terminal import startup_lines, unneeded

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ERRORS = "2"
# Of a control group, version 2, as inside a container.
CORES_LIMIT, MEMORY_LIMIT = "/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/memory.max"
_PATIENCE = 10  # seconds for the filter to print the last lines


def prepare() -> None:
    """Makes TensorFlow print errors only, divides the cores, and hides packages that it would import for nothing.

    Most operations of MiME are too small to be divided, and two that are independent can nearly always run
    concurrently, so one operation gets half of the cores. TensorFlow itself would count all cores of the machine, which
    a container may use only a few of.
    """
    unneeded.start_hiding()
    usable = cores()
    os.environ.setdefault(LOG_LEVEL, ERRORS)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, usable // 2)))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", str(usable))


def cores() -> int:
    """Returns the number of cores that this process may use: the machine's, or those of its control group."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError), open(CORES_LIMIT, encoding="ascii") as file:
        quota, period = map(int, file.read().split())  # microseconds; a quota of "max" is no limit
        count = min(count, max(1, round(quota / period)))
    return count


def memory() -> int:
    """Returns the bytes of memory that this process may use: the machine's, or those of its control group."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else sys.maxsize
    with contextlib.suppress(OSError, ValueError), open(MEMORY_LIMIT, encoding="ascii") as file:
        total = min(total, int(file.read()))  # "max" where there is no limit
    return total


def import_tensorflow(tf32: bool = False) -> None:
    """Imports TensorFlow without the packages `unneeded.OF_KERAS`, sets its precision, and looks for devices.

    On a machine without a GPU TensorFlow writes that it found none, whatever the log level, and some lines twice. These
    alone are left out; all others come through. Nothing is left out unless `prepare` has set the log level: otherwise
    the user has, or no command is running.

    Args:
        tf32: whether a GPU may multiply float32 in TF32, as TensorFlow lets it by default; a setting of the process.
    """
    if "tensorflow" not in sys.modules:
        is_quiet = os.environ.get(LOG_LEVEL) == ERRORS
        quiet = _filtered_stderr() if is_quiet else contextlib.nullcontext()
        with quiet, _without_collection(), unneeded.hidden(*unneeded.OF_KERAS):
            import tensorflow as tf

            if is_quiet and not tf.config.list_physical_devices("GPU"):
                # The first transposition of integers makes oneDNN say, once, that it leaves such operations to Eigen.
                tf.transpose(tf.zeros((1, 1), tf.int32))
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(tf32)


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """Turns an error of TensorFlow's own writing, such as that of a full disk, into an OSError that names the file."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        reason = " ".join(str(error.message).split())
        full = os.strerror(errno.ENOSPC)
        raise OSError(
            errno.ENOSPC if full in reason else errno.EIO, full if full in reason else reason, path
        ) from error


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Pauses the collection of garbage: an import of many modules makes little, and the search takes a fifth of it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def _filtered_stderr() -> Iterator[None]:
    """Passes everything that is written to file descriptor 2 through the filter `startup_lines`.

    The filter is a process of its own: it prints what it was given even if this process crashes.
    """
    pipe = _start_filter()
    if pipe is None:
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    os.dup2(pipe.stdin.fileno(), 2)
    pipe.stdin.close()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)  # closes the pipe, at whose end the filter ends
        os.close(stderr)
        with contextlib.suppress(subprocess.TimeoutExpired):
            pipe.wait(_PATIENCE)


def _start_filter() -> Any:
    """Returns the filter's process, or None where stderr is closed or no process can be started."""
    command = [sys.executable, "-I", "-S", startup_lines.__file__, *(["--gpu"] if has_gpu() else [])]
    try:
        os.fstat(2)
        # In a session of its own, so that Ctrl-C does not end it before it has printed everything.
        return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    except OSError:
        return None


def has_gpu() -> bool:
    """Whether the system shows an NVIDIA GPU, so that TensorFlow's lines about GPUs tell something."""
    return bool(glob.glob("/dev/nvidia[0-9]*")) or os.path.exists("/dev/dxg") or os.name == "nt"
