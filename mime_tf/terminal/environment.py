"""What a command asks of TensorFlow through the environment, before it starts; what the user has set stays."""

import os


def prepare():
    """Makes TensorFlow print errors only, and divides the cores between operations and the threads inside one.

    Much of MiME's work is in operations too small to be worth dividing, and two that do not wait for each other can
    nearly always run at once, so one operation gets half of the cores.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, cores() // 2)))


def cores():
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
