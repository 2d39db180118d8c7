"""`python -m mime_tf COMMAND`, also `mime-tf COMMAND`."""

import argparse
import sys

from mime_tf.commands import ablate, convert, evaluate, explain, export, import_tf1, pack, predict, report, simulate
from mime_tf.errors import InputError
from mime_tf.terminal import environment

COMMANDS = (ablate, convert, evaluate, explain, predict, export, import_tf1, pack, report, simulate)


def main(argv=None):
    """Runs a command line; returns the exit status: 0, 2 for bad input, 130 for Ctrl-C."""
    environment.prepare()
    parser = argparse.ArgumentParser(
        prog="mime-tf", description="MiME for TensorFlow 2. Training is python train.py; see there."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except InputError as error:
        print(f"mime-tf: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"mime-tf: {error.filename or 'writing'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mime-tf: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
