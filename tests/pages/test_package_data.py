"""Templates and the style are part of what is installed."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = {
    path.relative_to(ROOT).as_posix() for path in (ROOT / "mime_tf").rglob("*.*") if path.suffix in (".j2", ".css")
}


@pytest.mark.slow
def test_a_wheel_has_all_templates(tmp_path):
    source = shutil.copytree(
        ROOT, tmp_path / "source", ignore=shutil.ignore_patterns(".*", "build", "testdata", "tests")
    )
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        source,
    ]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        installed = {name for name in archive.namelist() if name.endswith((".j2", ".css"))}
    assert installed == TEMPLATES and len(TEMPLATES) > 15
