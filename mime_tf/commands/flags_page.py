"""Writes docs/flags.md: `python -m mime_tf.commands.flags_page > docs/flags.md`."""

from mime_tf.commands.options import show_default
from mime_tf.commands.train import Flag, described
from mime_tf.config import GROUPS

_HEAD = """\
# Flags of training

The flags of `mime-tf train` and `python train.py`. Each has the name and the default that it has in the authors'
program, if it exists there. `--help` prints them too. `--flagfile=FILE` reads flags from a file, one per line; every
split leaves such a file, `flags.txt`. A flag that is true or false is turned off by `--no<flag>`, as in
`--notensorboard`.
[training.md](training.md) tells how a run goes, and how folds and groups of rows are made.

This page is made from the fields of `mime_tf.TrainConfig`: `python -m mime_tf.commands.flags_page > docs/flags.md`.
"""


def page() -> str:
    """Returns the page, in Markdown."""
    lines = [_HEAD]
    for group in GROUPS:
        lines += [f"## {group}", "", "| Flag | Default | Values | Meaning |", "|---|---|---|---|"]
        lines += [_row(flag) for flag in described() if flag.group == group]
        lines.append("")
    return "\n".join(lines)


def _row(flag: Flag) -> str:
    """Returns a row of the table; choices are set as code, other values are words."""
    values = ", ".join(f"`{choice}`" for choice in flag.choices) or flag.values
    return f"| `--{flag.name}` | {show_default(flag.default)} | {values} | {flag.help} |"


if __name__ == "__main__":
    print(page(), end="")
