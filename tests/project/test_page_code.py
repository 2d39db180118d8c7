"""The code on the pages runs, from top to bottom, in a folder with the sample."""

import contextlib
import io
import pathlib
import re
import shutil

import keras
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs all blocks of a page in one namespace, and returns that and the printed text."""
    for name in ("sample.seqs", "sample.labels"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)

    def run_page(page):
        text = (ROOT / page).read_text(encoding="utf-8")
        blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        assert blocks
        names, printed = {"__name__": "__main__"}, io.StringIO()
        with contextlib.redirect_stdout(printed):
            for number, block in enumerate(blocks):
                exec(compile(block, f"{page}, block {number}", "exec"), names)
        return names, printed.getvalue()

    return run_page


@pytest.mark.slow
def test_library(run, tmp_path):
    names, printed = run("docs/library.md")
    assert isinstance(names["model"], keras.Model)
    assert "auc" in printed
    assert 'Model: "mime"' in printed
    assert (tmp_path / "mime.keras").is_file()


@pytest.mark.slow
def test_readme(run):
    names, _ = run("README.md")
    assert len(names["probabilities"]) == len(names["data"].split.test.rows)


def test_data(run, tmp_path):
    run("docs/data.md")
    assert {path.name for path in tmp_path.iterdir()} >= {"cohort.seqs", "cohort.labels"}
