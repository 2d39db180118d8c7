"""Trains MiME: `python train.py DATA OUTPUT LOG [flags]` from a clone, as `mime-tf train` does once installed."""

import sys

import flags
from mime_tf.commands import train
from mime_tf.terminal import environment, signals, status


def main(argv):
    """Runs a command line, the program's name first; returns the exit status."""
    environment.prepare()
    parser = train.Parser("python train.py", flags.FLAGS)
    return status.run("train.py", lambda: train.run(parser.parse_args(argv[1:])), train.IF_STOPPED)


if __name__ == "__main__":
    code = main(sys.argv)
    signals.ignore_until_exit()
    sys.exit(code)
