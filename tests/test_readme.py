"""README is held to what it says: commands, flags and defaults, files, examples, the order of the modules."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from absl import flags as absl_flags
from import_graph import Package, is_in

import flags as train_flags
from mime_tf import run_folder

ROOT = pathlib.Path(__file__).resolve().parents[1]
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


def layout():
    """The modules in the order in which README lists them; a package stands for all in it."""
    section = README.split("## Layout of the code")[1].split("\n## ")[0]
    listed = section.split("    mime_tf/\n")[1].split("\n\n")[0]
    return [f"mime_tf.{name}" for line in listed.splitlines() for name in re.findall(r"(\w+)(?:/|\.py)(?= )", line)]


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
    for name in (*run_folder.FILES, f"{run_folder.TENSORBOARD}/"):
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


def test_every_module_is_listed_below_what_it_imports():
    package, order = Package(ROOT), layout()

    def place(module):
        return next((place for place, listed in enumerate(order) if is_in(module, [listed])), None)

    for module, names in package.imports.items():
        if module != "mime_tf":  # it names the classes of all the others, and imports none of them
            assert place(module) is not None, f"README's layout lacks {module}"
            for name in names & (package.imports.keys() - {"mime_tf"}):
                assert place(name) <= place(module), f"{module} imports {name}, which README lists below it"
