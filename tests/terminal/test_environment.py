"""TensorFlow's environment variables, and its start-up lines."""

import os
import signal
import subprocess
import sys

import pytest
from support.whole_runs import ROOT

from mime_tf.terminal import environment, startup_lines

NOISE = b"""\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795803786.508550   11411 port.cc:153] oneDNN custom operations are on. You may see slightly different \
numerical results due to floating-point round-off errors from different computation orders.
I0000 00:00:1795803786.508850   11411 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be \
used.
2026-11-27 18:08:48.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This TensorFlow binary is optimized \
to use available CPU instructions in performance-critical operations.
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the appropriate compiler \
flags.
E0000 00:00:1795805027.066178   10153 util.cc:131] oneDNN supports DT_INT32 only on platforms with AVX-512. Falling \
back to the default Eigen-based implementation if present.
E0000 00:00:1795803798.279505   11411 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: Failed call to \
cuInit: UNKNOWN ERROR (303)
"""
NEWS = b"""\
E0000 00:00:1795803798.279505   11411 cuda_platform.cc:52] the driver is too old
F0000 00:00:1795803786.508550   11411 cpu_feature_guard.cc:20] The TensorFlow library was compiled to use AVX \
instructions, but these aren't available on your machine.
terminate called after throwing an instance of 'std::bad_alloc'
oneDNN custom operations are on.
"""


@pytest.mark.parametrize("cores, threads", [(1, "1"), (2, "1"), (7, "3"), (16, "8")])
def test_one_operation_gets_half_of_the_cores(monkeypatch, cores, threads):
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(environment, "cores", lambda: cores)
    environment.prepare()
    assert os.environ == {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": str(cores),
    }


def test_variables_that_the_user_has_set_stay(monkeypatch):
    given = {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_NUM_INTRAOP_THREADS": "5", "TF_NUM_INTEROP_THREADS": "6"}
    monkeypatch.setattr(os, "environ", dict(given))
    environment.prepare()
    assert os.environ == given


def test_cores_where_the_system_does_not_tell_which_may_be_used(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(environment, "CORES_LIMIT", "no/such/file")
    assert environment.cores() == 3


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("max 100000\n", 64),
        ("200000 100000\n", 2),
        ("250000 100000\n", 2),
        ("50000 100000\n", 1),
        ("9900000 100000", 64),
        ("not a limit", 64),
    ],
)
def test_cores_of_a_container(limit, cores, tmp_path, monkeypatch):
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(environment, "CORES_LIMIT", str(tmp_path / "cpu.max"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64), raising=False)
    assert environment.cores() == cores


# The filter.


def filtered(content, *flags):
    argv = [sys.executable, "-I", "-S", startup_lines.__file__, *flags]
    return subprocess.run(argv, input=content, capture_output=True).stderr


def test_known_lines_are_left_out_and_all_others_come_through():
    mixed = b"".join(
        b"".join(pair)
        for pair in zip(NOISE.splitlines(keepends=True), (NEWS * 2).splitlines(keepends=True), strict=False)
    )
    assert filtered(NOISE) == b""
    assert filtered(NEWS) == NEWS
    assert filtered(mixed) == (NEWS * 2)[: len(filtered(mixed))] != b""


def test_bytes_that_are_no_text_and_a_last_line_without_its_end():
    content = b"\xff\x00\r\n\n" + b"x" * 200_000 + b"\nno end"
    assert filtered(content) == content
    assert filtered(NOISE.rstrip(b"\n")) == b""


def test_where_there_is_a_gpu_lines_about_gpus_are_news():
    *_, stub = (line for line in NOISE.splitlines(keepends=True) if b"cudart_stub" in line)
    assert filtered(NOISE, "--gpu") == stub + NOISE.splitlines(keepends=True)[-1]


# A process whose TensorFlow is made up.

TENSORFLOW = """
import os, signal, sys
os.write(2, NOISE + NEWS)
print("a warning of Python", file=sys.stderr)
END
class config:
    def list_physical_devices(kind):
        os.write(2, NOISE + b"and more")
        return [kind]
    class experimental:
        enable_tensor_float_32_execution = bool
"""


def run(tmp_path, end="", prepare="environment.prepare()", **variables):
    """Imports a TensorFlow that writes `NOISE` and `NEWS`, then does `end`; returns the process."""
    text = TENSORFLOW.replace("END", end).replace("NOISE", repr(NOISE)).replace("NEWS", repr(NEWS))
    (tmp_path / "tensorflow.py").write_text(text)
    code = f"""
import sys
from mime_tf.terminal import environment
{prepare}
environment.import_tensorflow()
print("; then us", file=sys.stderr)
"""
    variables = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": os.environ["PATH"]} | variables
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, timeout=60)


def test_a_quiet_import(tmp_path, monkeypatch):
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == NEWS + b"a warning of Python\nand more; then us\n"


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("os.abort()", -signal.SIGABRT),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.write(2, b'no end'); os._exit(7)", 7),
    ],
)
def test_nothing_is_lost_in_a_crash(end, status, tmp_path):
    done = run(tmp_path, end)
    assert done.returncode == status
    assert done.stderr.startswith(NEWS)
    assert (b"no end" in done.stderr) == ("no end" in end)


def test_an_error_of_the_import_comes_through(tmp_path):
    done = run(tmp_path, "raise ImportError('libc is too old')")
    assert done.returncode == 1
    assert done.stderr.startswith(NEWS + b"a warning of Python\nTraceback")
    assert done.stderr.endswith(b"ImportError: libc is too old\n")


@pytest.mark.parametrize("prepare", ["environment.prepare()", "pass"])
def test_all_lines_come_through_for_a_user_who_has_set_the_level(prepare, tmp_path):
    variables = {"TF_CPP_MIN_LOG_LEVEL": "0"} if "prepare" in prepare else {}
    done = run(tmp_path, prepare=prepare, **variables)
    assert done.stderr == NOISE + NEWS + b"a warning of Python\n; then us\n"


def test_garbage_is_not_collected_during_the_import_and_is_after_it(tmp_path):
    prepare = "import atexit, gc; atexit.register(lambda: print(gc.isenabled())); environment.prepare()"
    done = run(tmp_path, "import gc; print(gc.isenabled())", prepare=prepare)
    assert done.stdout.split() == [b"False", b"True"]


def test_a_closed_stderr(tmp_path):
    done = run(tmp_path, prepare="environment.prepare(); import os; os.close(2); sys.stderr = open(os.devnull, 'w')")
    assert done.returncode == 0


# Packages that TensorFlow would import for nothing.

OPTIONAL = """
try:
    import pandas, matplotlib
except ImportError as error:
    print(error.name)
"""


def imports(tmp_path, prepare, end=""):
    """The lines that a process prints whose TensorFlow imports pandas and matplotlib where they are installed."""
    for name in ("pandas", "matplotlib"):
        (tmp_path / f"{name}.py").write_text(f"print('{name} is there')")
    text = TENSORFLOW.replace("NOISE", "b''").replace("NEWS", "b''").replace("END", OPTIONAL)
    (tmp_path / "tensorflow.py").write_text(text)
    code = f"""
import sys
from mime_tf.terminal import environment
{prepare}
environment.import_tensorflow()
{end}
print(sorted({{'pandas', 'matplotlib'}} & set(sys.modules)))
"""
    variables = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_command_starts_without_packages_that_keras_imports_for_nothing(tmp_path):
    assert imports(tmp_path, "environment.prepare()") == ["pandas", "[]"]


def test_such_packages_can_be_imported_later(tmp_path):
    lines = imports(tmp_path, "environment.prepare()", "import pandas, matplotlib")
    assert lines == ["pandas", "pandas is there", "matplotlib is there", "['matplotlib', 'pandas']"]


def test_such_packages_stay_if_they_are_imported_already(tmp_path):
    lines = imports(tmp_path, "import pandas; environment.prepare()")
    assert lines == ["pandas is there", "matplotlib", "['pandas']"]


def test_the_library_hides_no_package(tmp_path):
    assert imports(tmp_path, "pass") == ["pandas is there", "matplotlib is there", "['matplotlib', 'pandas']"]


# Precision.


@pytest.mark.slow
@pytest.mark.parametrize("tf32", [True, False])
def test_tf32_is_used_only_where_it_is_asked_for(tf32):
    import tensorflow as tf

    environment.import_tensorflow(tf32)
    assert tf.config.experimental.tensor_float_32_execution_enabled() == tf32
    environment.import_tensorflow()
    assert not tf.config.experimental.tensor_float_32_execution_enabled()
