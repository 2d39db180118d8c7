"""Missing packages: one line that says how to install them, and never by a name that anyone could register."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from mime_tf.errors import InputError
from mime_tf.terminal import packages, plotting

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ["numpy>=2.1", "matplotlib<4,>=3.9; extra == 'report'", 'ibis-framework[duckdb]>=11; extra == "ehr"']


def test_a_package_at_hand_is_imported():
    assert packages.require("json", "tests", "report") is sys.modules["json"]


def test_a_missing_package(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"^pictures: needs the package matplotlib, and import of ") as caught:
        plotting.require_matplotlib()
    assert str(caught.value).endswith("; pip install '.[report]'")


def test_from_a_clone_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert packages.install_hint("ehr") in (f"pip install '{ROOT}[ehr]'", f"pip install {ROOT}[ehr]")


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """As if the package lay in site-packages, with `REQUIREMENTS`."""
    monkeypatch.setattr(packages, "_ROOT", tmp_path)
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: REQUIREMENTS)


@pytest.mark.parametrize(
    ("extra", "hint"),
    [("report", "pip install 'matplotlib<4,>=3.9'"), ("ehr", "pip install 'ibis-framework[duckdb]>=11'")],
)
def test_installed(extra, hint, installed):
    assert packages.install_hint(extra) == hint


def test_copied_without_its_metadata(installed, monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert packages.install_hint("ehr") == "its repository names the packages in requirements-ehr.txt"


def test_no_source_suggests_the_project_s_name_to_pip():
    for path in (ROOT / "mime_tf").rglob("*.py"):
        assert "pip install mime" not in path.read_text().replace("'", ""), path
