"""Templates and the style are installed with the package."""

import fnmatch
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = {
    path.relative_to(ROOT).as_posix() for path in (ROOT / "mime_tf").rglob("*.*") if path.suffix in (".j2", ".css")
}


def test_templates_are_package_data():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    assert len(TEMPLATES) > 15
    assert [path for path in TEMPLATES if not any(fnmatch.fnmatch(Path(path).name, each) for each in patterns)] == []


@pytest.mark.slow
def test_a_wheel_has_all_templates(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    left_out = shutil.ignore_patterns(".*", "build", "testdata", "tests")
    source = shutil.copytree(ROOT, tmp_path / "source", ignore=left_out)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", tmp_path, source], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if name.endswith((".j2", ".css"))} == TEMPLATES
