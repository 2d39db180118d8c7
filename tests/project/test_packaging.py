"""One version bound per package, and metadata that say what the documents say."""

import pathlib
import re
import tomllib
from collections import Counter

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))


def lines():
    for path in REQUIREMENTS:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                yield path.name, line


def test_a_package_has_one_bound():
    bounds = Counter(re.split(r"[\[<>=]", line)[0] for _, line in lines() if ">=" in line)
    assert max(bounds.values()) == 1
    names = {re.split(r"[\[<>=]", line)[0] for _, line in lines() if not line.startswith("-r ")}
    assert names == set(bounds)


def test_the_dev_requirements_are_all_but_those_for_gpus():
    named = {line.removeprefix("-r ") for name, line in lines() if name == "requirements-dev.txt"}
    assert named == {path.name for path in REQUIREMENTS} - {"requirements-dev.txt", "requirements-gpu.txt"}
    extra = PROJECT["tool"]["setuptools"]["dynamic"]["optional-dependencies"]["dev"]["file"]
    assert set(extra) == named - {"requirements.txt"}


def test_the_pythons_agree():
    classifiers = PROJECT["project"]["classifiers"]
    pythons = [line.rpartition(" ")[2] for line in classifiers if re.search(r"Python :: 3\.\d+$", line)]
    assert PROJECT["project"]["requires-python"] == f">={pythons[0]}"
    assert PROJECT["tool"]["mypy"]["python_version"] == pythons[0]
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{pythons[0].replace('.', '')}"
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.search(r"python: \[(.+)\]", workflow).group(1) == ", ".join(f'"{python}"' for python in pythons)
    assert f"Python {pythons[0]} to {pythons[-1]}" in " ".join((ROOT / "README.md").read_text("utf-8").split())
