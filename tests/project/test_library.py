"""The code in docs/library.md runs, from top to bottom, in a folder with the sample."""

import contextlib
import io
import pathlib
import re
import shutil

import keras
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "library.md"


@pytest.mark.slow
def test_code_runs(tmp_path, monkeypatch):
    for name in ("sample.seqs", "sample.labels"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for number, block in enumerate(blocks):
            exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
    assert isinstance(names["model"], keras.Model)
    assert "auc" in printed.getvalue()
    assert 'Model: "mime"' in printed.getvalue()
    assert (tmp_path / "mime.keras").is_file()
