"""The grammar of the command line: values, lists, and errors of one line."""

import pytest

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value, Values, choice
from mime_tf.constraints import at_least, more_than
from mime_tf.terminal.status import UsageError


@pytest.fixture
def parser():
    parser = Parser("mime-tf test", "Tests.", "example:\n  mime-tf test --rate 0.1")
    options.add(parser, "rate", Values(float, more_than(0, at_most=1)), "share, as in 5%", [])
    options.add(parser, "count", Value(int, at_least(1)), "number of things", 3)
    options.add(parser, "kind", choice(("a", "b")), "kind of thing", "a")
    options.add_subgroup(parser)
    options.add_bootstrap(parser, least=1)
    options.add_seed(parser)
    return parser


def test_values(parser):
    arguments = parser.parse_args(
        ["--rate", "0.1,1", "--count=5", "--kind", "b", "--subgroup=sex", "--subgroup=age:1,2"]
    )
    assert (arguments.rate, arguments.count, arguments.kind) == ([0.1, 1.0], 5, "b")
    assert arguments.subgroup == ["sex", "age:1,2"]
    assert (arguments.bootstrap, arguments.seed) == (1000, 0)


def test_defaults(parser):
    arguments = parser.parse_args([])
    assert (arguments.rate, arguments.count, arguments.kind, arguments.subgroup) == ([], 3, "a", None)


def test_help(parser):
    text = parser.format_help()
    for part in (
        "--rate X,...",
        "share, as in 5%\n",
        "--count N",
        "(default: 3)",
        "--kind {a,b}",
        "\n  mime-tf test --",
    ):
        assert part in text
    assert text.endswith("129 after SIGHUP.\n")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--rate", "2"], "rate: found 2; must be more than 0 and at most 1"),
        (["--rate", "0.1,nan"], "rate: found nan; must be more than 0 and at most 1"),
        (["--rate", "0.1,x"], "rate: found x; must be a number"),
        (["--rate", ""], "rate: found ; must be a number"),
        (["--rate", "0.1", "0.2"], "found 0.2 where a flag is expected; a list has commas between its items, as in "),
        (["--count", "0"], "count: found 0; must be 1 or more"),
        (["--count", "1.5"], "count: found 1.5; must be a whole number"),
        (["--count", "9" * 5000], f"count: found {'9' * 60}; must be a whole number"),
        (["--kind", "c"], "kind: found c; must be one of a, b"),
        (["--bootstrap", "0"], "bootstrap: found 0; must be 1 or more"),
        (["--seed", "-1"], "seed: found -1; must be 0 or more"),
        (["--count"], "count: expected one argument"),
        (["--cuont", "3"], "unknown flag --cuont; did you mean --count?"),
        (["--coun=3"], "unknown flag --coun; did you mean --count?"),
        (["--zzz"], "unknown flag --zzz; --help lists them"),
    ],
)
def test_mistakes(argv, message, parser):
    with pytest.raises(UsageError) as caught:
        parser.parse_args(argv)
    assert str(caught.value).startswith(f"mime-tf test: {message}")
    assert "\n" not in str(caught.value)


def test_what_a_command_needs():
    parser = Parser("mime-tf test")
    options.add_model(parser)
    options.add_data(parser)
    options.add_output(parser, "FILE", "file to write")
    with pytest.raises(UsageError, match="the following arguments are required: --model, --data, --output"):
        parser.parse_args([])
    arguments = parser.parse_args(["--model=m", "--data=d", "--output=o"])
    assert (arguments.model, arguments.data, arguments.output, arguments.overwrite) == ("m", "d", "o", False)
