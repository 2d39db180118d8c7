"""The import graph of the sources, read without running them."""

import ast
import functools


def source_files(root, *folders):
    """Returns the Python files directly in `root`, and all files in its `folders`."""
    return sorted({*root.glob("*.py"), *(path for folder in folders for path in (root / folder).rglob("*.py"))})


def module_name(root, path):
    """Returns a file's module: `mime_tf.layers` for `<root>/mime_tf/layers/__init__.py`."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(root, path):
    """Returns the absolute names that a file imports anywhere in it, functions included.

    `from a import b` gives `a` and `a.b`, since the file alone does not tell whether `b` is a module.
    """
    package = module_name(root, path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    return _imported(path.read_text(encoding="utf-8"), tuple(package))


@functools.cache
def _imported(source, package):
    """Returns the names that a source imports which lies in a package, given as its parts."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            outer = package[: len(package) + 1 - node.level] if node.level else []
            origin = ".".join([*outer, *([node.module] if node.module else [])])
            names |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return names


def is_in(name, modules):
    """Returns whether `name` is one of `modules`, or inside one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


class Package:
    """The import graph of `mime_tf` under `root`."""

    def __init__(self, root):
        paths = {module_name(root, path): path for path in (root / "mime_tf").rglob("*.py")}
        self.imports = {name: imported(root, path) for name, path in paths.items()}

    def modules(self, *names):
        """Returns the modules that are `mime_tf.<name>` or inside it; a name may lack a module."""
        return [module for module in sorted(self.imports) if is_in(module, [f"mime_tf.{name}" for name in names])]

    def chains(self, module):
        """Returns all that importing `module` may import: a dict from name to the chain of names that leads there.

        Importing a module imports its parent packages too.
        """
        chains, waiting = {module: [module]}, [module]
        while waiting:
            name = waiting.pop(0)
            parts = name.split(".")
            parents = {".".join(parts[:end]) for end in range(1, len(parts))} if name in self.imports else set()
            for other in sorted(self.imports.get(name, set()) | parents):
                if other not in chains:
                    chains[other] = [*chains[name], other]
                    waiting.append(other)
        return chains
