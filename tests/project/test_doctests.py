"""The examples in the docstrings do what they say."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from support import quick

import mime_tf

MODULES = [
    module.name for module in pkgutil.walk_packages(mime_tf.__path__, "mime_tf.") if "__main__" not in module.name
]


def marked(name):
    """A module's name as a test's parameter, marked slow if importing the module may load TensorFlow."""
    return pytest.param(name, marks=() if quick.is_light(name) else pytest.mark.slow)


def names_for(name):
    """The names that a docstring's examples may use."""
    return {"np": np} if quick.is_light(name) else {"np": np, "keras": importlib.import_module("keras")}


@pytest.mark.parametrize("name", [marked(name) for name in MODULES])
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name), extraglobs=names_for(name))
    assert result.failed == 0


@pytest.mark.slow
def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder()
    examples = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(examples) >= 9
