"""README is held to what it says: commands, flags and defaults, files, examples, the order of the modules."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from absl import flags as absl_flags

import flags as train_flags
from mime_tf.runs import folder

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FLAGS = absl_flags.FLAGS.flags_by_module_dict()[train_flags.__name__]
TRAIN = "pip install -r requirements.txt && python train.py ./sample ./ ./out"
TEST = "pip install -r requirements-dev.txt && pytest"


def flag_table():
    """Dict from a flag's name to its row of README's table: its default and its meaning."""
    rows = re.findall(r"^\| `--(\w+)` \| (.+?) \| (.+?) \|$", README, re.MULTILINE)
    assert len({name for name, _, _ in rows}) == len(rows), "a flag stands twice"
    return {name: (default, meaning) for name, default, meaning in rows}


def code_blocks():
    return re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_setup_commands_stand_on_lines_of_their_own():
    assert f"\n    {TRAIN}\n" in README
    assert f"\n    {TEST}\n" in README


def test_ci_runs_the_test_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "pip install --quiet -r requirements-dev.txt\n" in script
    assert "run pytest\n" in script


def test_flag_table_has_every_flag_and_no_other():
    assert sorted(flag_table()) == sorted(flag.name for flag in FLAGS)


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_flag_table_states_the_default(flag):
    stated, _ = flag_table()[flag.name]
    if flag.default is None:
        assert stated == "from the data"
    elif flag.default == "":
        assert stated == "none"
    else:
        assert flag.parser.parse(stated) == flag.default


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_every_choice_of_a_flag_is_named(flag):
    for value in getattr(flag.parser, "enum_values", ()):
        assert f"`{value}`" in README


def test_every_file_of_a_split_is_described():
    described = "\n".join(re.findall(r"^\| `.+` \| .+ \| .+ \|$", README, re.MULTILINE))
    for name in (*folder.FILES, f"{folder.TENSORBOARD}/"):
        assert f"`{name}`" in described, name


def test_code_runs(tmp_path):
    for name in ("sample.seqs", "sample.labels"):
        shutil.copy(ROOT / name, tmp_path)
    blocks = code_blocks()
    assert len(blocks) == 3
    for number, block in enumerate(blocks):
        run = subprocess.run(
            [sys.executable, "-c", block],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, f"block {number}: {run.stderr}"
    assert {path.name for path in tmp_path.iterdir()} >= {"cohort.seqs", "cohort.labels", "mime.keras"}


def test_every_package_is_in_the_layout():
    section = README.split("## Layout of the code")[1].split("\n## ")[0]
    for path in (ROOT / "mime_tf").iterdir():
        if path.suffix == ".py" or path.is_dir():
            name = path.name if path.suffix else f"{path.name}/"
            assert name in section or name in {"__pycache__/", "__init__.py", "loading.py", "tf1_weights.py"}, name
