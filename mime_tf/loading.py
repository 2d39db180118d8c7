"""Makes this package's classes known to Keras as soon as both are imported, in whichever order.

Keras opens a saved model only if its classes are registered, and registering them takes Keras, which takes seconds to
import: too long for those who only read or convert a cohort.
"""

import importlib
import importlib.abc
import importlib.util
import sys


def register_with_keras():
    """Registers the Keras classes now if Keras is there, else right after it is imported."""
    if "keras" in sys.modules:
        importlib.import_module("mime_tf.model")
    else:
        sys.meta_path.insert(0, _AfterKeras())


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Has `mime_tf.model` imported right after Keras."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        # Some programs look for Keras without importing it, so this finder stays until Keras is imported.
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        sys.meta_path.insert(0, self)
        if spec is not None:
            self._extend(spec.loader)
        return spec

    def _extend(self, loader):
        execute = loader.exec_module

        def execute_and_register(module):
            sys.meta_path.remove(self)
            execute(module)
            # Where one of our own modules is what imports Keras, it is on its way to register the classes.
            if not any(ours in sys.modules for ours in ("mime_tf.layers", "mime_tf.losses")):
                importlib.import_module("mime_tf.model")

        loader.exec_module = execute_and_register
