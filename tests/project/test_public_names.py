"""The public names of the package: listed, resolved lazily, and free of frameworks until used."""

import pkgutil
import subprocess
import sys

import keras
import pytest

import mime_tf


@pytest.mark.parametrize("name", mime_tf.__all__)
def test_a_public_name_resolves(name):
    value = getattr(mime_tf, name)
    assert value.__name__ == name
    assert value.__doc__


def test_no_public_name_is_that_of_a_submodule():
    """Importing a submodule sets it as an attribute of the package, which would hide a function of the same name."""
    submodules = {module.name for module in pkgutil.iter_modules(mime_tf.__path__)}
    assert "model" in submodules
    assert not submodules & set(mime_tf.__all__)


@pytest.mark.parametrize("name", ["AuxiliaryHeads", "DxObjectEmbedding", "FusedAdam", "GRUV1", "LogLoss", "MiME"])
def test_keras_classes_are_registered_under_their_names(name):
    assert keras.saving.get_registered_name(getattr(mime_tf, name)) == f"mime_tf>{name}"


def test_dir_shows_the_public_names_without_importing_a_framework():
    code = """
import sys
import mime_tf
names = dir(mime_tf)
assert set(mime_tf.__all__) <= set(names), names
assert "__version__" in names
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_an_unknown_name():
    with pytest.raises(AttributeError, match=r"^module 'mime_tf' has no attribute 'no_such_name'$"):
        _ = mime_tf.no_such_name
