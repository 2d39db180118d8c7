"""A filter for TensorFlow's start-up lines: copies stdin to stderr, except for lines that tell nothing new.

Run as a script; with the flag `--gpu` it copies lines about missing GPUs as well. It imports nothing of the package,
and starts in a hundredth of a second.
"""

import os
import re
import sys

# `I0000 00:00:1795803786.508550   11411 port.cc:153] `, or with a date in place of the letter and number.
_PREFIX = rb"^(?:[IWE]\d{4}|\d{4}-\d\d-\d\d) [\d:.]+:? +(?:\d+ |[IWE] )\S*?"
ALWAYS = (
    rb"^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR",
    _PREFIX + rb"port\.cc:\d+\] oneDNN custom operations are on\.",
    _PREFIX + rb"cpu_feature_guard\.cc:\d+\] This TensorFlow binary is optimized to use available CPU instructions",
    _PREFIX + rb"util\.cc:\d+\] oneDNN supports DT_INT32 only on platforms with AVX-512\.",
    rb"^To enable the following instructions: .*rebuild TensorFlow with the appropriate compiler flags\.",
)
WITHOUT_GPU = (
    _PREFIX + rb"cudart_stub\.cc:\d+\] Could not find cuda drivers on your machine",
    _PREFIX + rb"cuda_\w+\.cc:\d+\] failed call to cuInit: ",
)


def is_known(line: bytes, gpu: bool) -> bool:
    """Whether a line is one of TensorFlow's start-up lines.

    Args:
        line: with or without its newline.
        gpu: whether the machine has a GPU; a line that says the contrary is then an error.
    """
    patterns = ALWAYS if gpu else ALWAYS + WITHOUT_GPU
    return any(re.match(pattern, line) for pattern in patterns)


def copy(source: int, target: int, gpu: bool) -> None:
    """Copies lines from one file descriptor to another, each as soon as it is whole, but for known lines."""
    rest = b""
    while block := os.read(source, 1 << 16):
        *lines, rest = (rest + block).split(b"\n")
        wanted = b"".join(line + b"\n" for line in lines if not is_known(line, gpu))
        _write(target, wanted)
    if not is_known(rest, gpu):
        _write(target, rest)


def _write(target: int, content: bytes) -> None:
    while content:
        content = content[os.write(target, content) :]


if __name__ == "__main__":
    copy(0, 2, "--gpu" in sys.argv)
