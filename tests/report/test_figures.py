"""Learning curves of a blend: one color per kind of network, and a legend that names each line."""

from types import SimpleNamespace

import numpy as np

from mime_tf.config import TrainConfig
from mime_tf.report import figures

QUICK = True
NAMES = ("main_loss", "valid_loss", "valid_auc", "valid_aucpr")


def report(history, **flags):
    configuration = SimpleNamespace(config=TrainConfig(**flags))
    results = SimpleNamespace(history=history, configuration=configuration, iteration=100)
    split = SimpleNamespace(results=results)
    return SimpleNamespace(splits=[split], detailed=split)


def lines_of(drawn):
    (figure,) = figures._learning(drawn).values()
    return [[line for line in axes.get_lines() if len(line.get_xdata()) > 2] for axes in figure.axes]


def test_networks_of_a_kind_have_its_color():
    """Two members of each of two kinds: four networks of three evaluations."""
    history = {"network": np.repeat(np.arange(4), 3), "iteration": np.tile([0, 100, 200], 4)}
    history |= {name: np.arange(12.0) for name in NAMES}
    drawn = report(history, blend=("regression", "recurrent", "bilinear"), members=2)
    for axes in lines_of(drawn):
        colors = {line.get_ydata()[0]: line.get_color() for line in axes}
        assert colors[0.0] == colors[3.0] != colors[6.0] == colors[9.0]
        named = [line.get_label() for line in axes if not line.get_label().startswith("_")]
        assert len(named) == len(set(named)) == 4
        assert sum(label.startswith("bilinear networks, ") for label in named) == 2


def test_a_single_network_has_a_color_per_measure():
    history = {"iteration": np.array([0, 100, 200])} | {name: np.arange(3.0) for name in NAMES}
    for axes in lines_of(report(history)):
        assert len({line.get_color() for line in axes}) == len(axes) == 2


def test_the_thin_lines_of_other_splits_are_named():
    history = {"iteration": np.array([0, 100, 200])} | {name: np.arange(3.0) for name in NAMES}
    drawn = report(history)
    drawn.splits.append(report(history).detailed)
    (figure,) = figures._learning(drawn).values()
    for axes in figure.axes:
        names = [text.get_text() for text in axes.get_legend().get_texts()]
        assert names[2:] == ["the other splits, in the same colors", "the model kept"] and len(set(names)) == 4
