"""Which tests are quick: the rule, on files that exist and on made-up ones."""

import pytest
from support.quick import TESTS, WHOLE_CONVERSIONS, is_light, is_quick


@pytest.mark.parametrize("name", WHOLE_CONVERSIONS)
def test_files_that_are_called_slow_exist(name):
    assert (TESTS / name).exists()
    assert not is_quick(TESTS / name)


@pytest.mark.parametrize("name, expected", [("data/test_store.py", True), ("model/test_model.py", False)])
def test_a_file_is_quick_by_what_it_imports(name, expected):
    assert is_quick(TESTS / name) is expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("import numpy", True),
        ("from mime_tf.data.store import Store", True),
        ("import keras", False),
        ("from tensorflow import data", False),
        ("def test():\n    import tensorflow", False),
        ("from mime_tf.model import MiME", False),
        ("from mime_tf.commands import predict", False),  # which imports TensorFlow once it runs
        ("from support import whole_runs", False),
        ("from support import cohorts", True),
        ("from mime_tf.commands import predict\n\nQUICK = True", True),
    ],
)
def test_imports_that_lead_to_a_framework(tmp_path, text, expected):
    path = tmp_path / "test_new.py"
    path.write_text(text)
    assert is_quick(path) is expected


def test_a_module_is_light_if_it_can_load_no_framework():
    assert is_light("mime_tf.data.store")
    assert not is_light("mime_tf.layers")
