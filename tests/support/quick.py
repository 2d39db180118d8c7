"""Which test files are quick, read from the sources: their imports lead to neither TensorFlow nor Keras."""

import functools
from pathlib import Path

from support.import_graph import imported, is_in

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
FRAMEWORKS = ("tensorflow", "keras")
# In a file that imports modules which load a framework in functions that its tests do not call.
EXPLICIT = "QUICK = True"
# Files without a framework whose tests convert whole exports, several each: half of the time of all quick tests.
WHOLE_CONVERSIONS = ("ehr/test_convert_oracle.py", "ehr/test_fhir.py", "ehr/test_omop.py", "ehr/test_tables.py")
# Folders of modules, each with the folder that its modules' names start from.
SOURCES = ((ROOT, "mime_tf"), (ROOT, "benchmarks"), (TESTS, "support"))


@functools.cache
def imports_of(module):
    """Returns the names that a module of the project imports, its parent packages included; empty for others."""
    for root, folder in SOURCES:
        if module.split(".")[0] == folder:
            path = root.joinpath(*module.split("."))
            for file in (path.with_suffix(".py"), path / "__init__.py"):
                if file.is_file():
                    return imported(root, file) | {module.rpartition(".")[0]} - {""}
    return set()


def is_free(names):
    """Returns whether `names`, and all that importing them may import in turn, are free of the frameworks."""
    seen, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if is_in(name, FRAMEWORKS):
            return False
        if name not in seen:
            seen.add(name)
            waiting += imports_of(name)
    return True


@functools.cache
def is_light(module):
    """Returns whether importing a module of the project, or calling anything in it, loads no framework."""
    return is_free([module])


@functools.cache
def is_quick(path):
    """Returns whether a test file imports light modules only, or says itself that its tests load no framework."""
    if path.is_relative_to(TESTS) and path.relative_to(TESTS).as_posix() in WHOLE_CONVERSIONS:
        return False
    return EXPLICIT in path.read_text(encoding="utf-8").splitlines() or is_free(imported(path.parent, path))
