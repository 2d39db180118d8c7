"""`mime-tf COMMAND`, also `python -m mime_tf COMMAND`."""

import importlib
import sys
from collections.abc import Sequence

import mime_tf
from mime_tf.commands import COMMANDS
from mime_tf.terminal import environment, signals, status

EPILOG = "mime-tf COMMAND --help explains a command, with examples."


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line; returns the exit status, one of `mime_tf.terminal.status`."""
    if argv is None:
        code = main(sys.argv[1:])
        signals.ignore_until_exit()
        return code
    if not argv or argv[0] not in COMMANDS:
        return status.run("mime-tf", lambda: _answer(argv))
    name, *rest = argv
    environment.prepare()
    command = importlib.import_module(f"mime_tf.commands.{name}")

    def run() -> int | None:
        return command.run(command.parser(f"mime-tf {name}").parse_args(rest))

    return status.run("mime-tf", run, getattr(command, "IF_STOPPED", status.IF_STOPPED))


def _answer(argv: Sequence[str]) -> None:
    """Answers a command line without a command: `--help`, `--version` or a mistake."""
    from mime_tf.commands.options import Parser

    parser = Parser("mime-tf", "MiME for TensorFlow 2: from an export of health records to a served model.", EPILOG)
    parser.add_argument("--version", action="version", version=f"mime-tf {mime_tf.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary)
    if argv and not argv[0].startswith("-"):
        parser.error(f"found {argv[0]}; must be a command: {', '.join(COMMANDS)}")
    parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
