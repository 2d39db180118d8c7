"""The examples in the docstrings do what they say."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest

import mime_tf

MODULES = [
    module.name for module in pkgutil.walk_packages(mime_tf.__path__, "mime_tf.") if "__main__" not in module.name
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name), extraglobs={"np": np, "keras": keras})
    assert result.failed == 0


def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder()
    examples = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(examples) >= 9
