"""`TrainConfig`: each hyperparameter written down once; flags and options made from its fields."""

import argparse

import pytest
from absl import flags

from mime_tf.commands import ablate, import_tf1, options, train
from mime_tf.config import FIELDS, GROUPS, SIZE_NAMES, WIDTHS, TrainConfig
from mime_tf.constraints import Constraint, at_least, more_than, one_of
from mime_tf.errors import InputError

QUICK = True

PROBES = (-1, 0, 1, 2, 2**32, -0.5, 0.5, 1.0, 1.5)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_complete(name):
    field = FIELDS[name]
    assert field.metadata["group"] in GROUPS
    assert field.metadata["help"][0].isupper() and field.metadata["help"].endswith(".")
    assert isinstance(field.metadata["constraint"], Constraint) or field.metadata["constraint"] is None


def test_groups_are_in_their_order():
    order = [GROUPS.index(field.metadata["group"]) for field in FIELDS.values()]
    assert order == sorted(order)


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.metadata["constraint"]])
def test_a_value_that_breaks_its_constraint_is_refused(name):
    """Whatever else such a value may break: the constraint is told first."""
    field = FIELDS[name]
    kind = str if field.type in (str, tuple[str, ...]) else float if field.type is float else int
    bad = [kind(probe) for probe in PROBES if kind(probe) == probe or kind is str]
    bad = [value for value in bad if not field.metadata["constraint"].holds(value)]
    assert bad
    for value in bad:
        given = (value,) if isinstance(field.default, tuple) else value
        with pytest.raises(InputError) as caught:
            TrainConfig(**{name: given})
        assert str(caught.value) == f"{name}: found {given}; must be {field.metadata['constraint'].text}"


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_another_type_is_refused(name):
    right = {int: "a whole number", float: "a finite number", str: "a text", bool: "True or False"}
    is_tuple = isinstance(FIELDS[name].default, tuple)
    text = right.get(FIELDS[name].type, "a tuple of" if is_tuple else "a whole number, or None")
    for value in ([1], {}, 0.5 if FIELDS[name].type is not float else True, float("nan")):
        with pytest.raises(InputError) as caught:
            TrainConfig(**{name: value})
        assert str(caught.value).startswith(f"{name}: found {value}; must be {text}")


@pytest.mark.parametrize("pooling", [(), ("sum", "last", "sum")])
def test_views_are_different(pooling):
    with pytest.raises(InputError, match=r"^pooling: found .*; must be one or more different views$"):
        TrainConfig(pooling=pooling)


def test_days_need_a_view_that_has_times():
    with pytest.raises(
        InputError, match=r"^visit_days, pooling: found auto, .*; must be none, or a view beside distinct"
    ):
        TrainConfig(visit_days="auto", pooling=("distinct",))
    TrainConfig(visit_days="auto", pooling=("distinct", "sum"))


def test_one_width_is_that_of_all():
    config = TrainConfig(width="48")
    assert {getattr(config, name) for name in WIDTHS} == {48}
    assert config.with_widths(5) == config == TrainConfig(width="48", rnn_size=48)
    own = TrainConfig(rnn_size=7)
    assert own.with_widths(5) is own
    with pytest.raises(InputError, match=r"^width, rnn_size: found 48, 7; must be own where rnn_size is set$"):
        TrainConfig(width="48", rnn_size=7)
    with pytest.raises(InputError, match=r"^width, dx_emb_size: found auto, 7; must be own where dx_emb_size is set$"):
        TrainConfig(width="auto", dx_emb_size=7)


@pytest.mark.parametrize(
    ("patients", "width"),
    [(0, 32), (999, 32), (1000, 64), (19_999, 64), (20_000, 128), (99_999, 128), (100_000, 256), (10**7, 256)],
)
def test_a_width_by_the_size_of_the_cohort(patients, width):
    config = TrainConfig(width="auto").with_widths(patients)
    assert {getattr(config, name) for name in WIDTHS} == {width}
    assert config.width == str(width)


@pytest.mark.parametrize(("text", "weight"), [("same", None), ("0", 0.0), ("3e-5", 3e-5)])
def test_the_weight_of_embeddings(text, weight):
    assert TrainConfig(regularize_embeddings=text).weight_of_embeddings == weight


def test_none_is_right_where_it_is_the_default():
    assert {name for name, field in FIELDS.items() if field.default is None} == set(SIZE_NAMES)
    with pytest.raises(InputError, match=r"^batch_size: found None"):
        TrainConfig(batch_size=None)


@pytest.mark.parametrize(
    ("constraint", "right", "wrong", "text"),
    [
        (at_least(1), [1, 2], [0], "1 or more"),
        (at_least(0, below=1), [0, 0.9], [-0.1, 1], "0 or more and less than 1"),
        (at_least(0, at_most=1), [0, 1], [-0.1, 1.1], "from 0 to 1"),
        (more_than(0), [0.1], [0, float("nan")], "more than 0"),
        (more_than(0, below=1), [0.5], [0, 1], "between 0 and 1"),
        (more_than(0, at_most=1), [0.1, 1], [0, 1.1], "more than 0 and at most 1"),
        (one_of(("a", "b")), ["a", "b"], ["c", ""], "one of a, b"),
    ],
)
def test_constraints(constraint, right, wrong, text):
    assert all(map(constraint.holds, right)) and not any(map(constraint.holds, wrong))
    assert constraint.text == repr(constraint) == text


# Flags of train.


def test_flags_are_the_fields_and_those_of_a_run():
    values = flags.FlagValues()
    train.define_flags(values, "here")
    assert set(values) == {*FIELDS, "recipe", "resume", "overwrite"}
    values(["train"])
    assert train.config(values) == TrainConfig()
    assert all(values[flag.name].help.endswith(options.plain(flag.help)) for flag in train.described())


# Options of other commands.


@pytest.mark.parametrize(
    ("parser", "names", "argv"),
    [
        (ablate.parser("ablate"), [*ablate.OPTIONS, "group_column", "split_seeds"], ["--data=d", "--output=o"]),
        (import_tf1.parser("import"), [*import_tf1.MODEL, *import_tf1.COHORT], ["--checkpoint=c", "--output=o"]),
    ],
    ids=["ablate", "import_tf1"],
)
def test_options_have_the_names_and_defaults_of_the_fields(parser, names, argv):
    arguments = vars(parser.parse_args(argv))
    for name in names:
        default = ablate.OPTIONS.get(name) if parser.prog == "ablate" else None
        expected = FIELDS[name].default if default is None else default
        assert arguments[name] == ((0, 1, 2) if name == "split_seeds" else expected), name
    for name in names:
        constraint = FIELDS[name].metadata["constraint"]
        value = "-7" if FIELDS[name].type is str else -7
        if constraint is not None and not constraint.holds(value):
            with pytest.raises(InputError, match=f": {name}: found -7; must be "):
                parser.parse_args([*argv, f"--{name}=-7"])


def test_every_type_of_field_can_be_an_option():
    parser = options.Parser("all")
    for name in FIELDS.keys() - {"tensorboard"}:
        options.add_hyperparameter(parser, name)
    values = vars(parser.parse_args([]))
    assert TrainConfig(**values) == TrainConfig()
    assert parser.parse_args(["--split_seeds=3,4", "--num_dx=9"]) == argparse.Namespace(
        **values | {"split_seeds": [3, 4], "num_dx": 9}
    )
