"""README and the documents are held to what they say: commands, flags, defaults, files, packages, links, code."""

import ast
import contextlib
import importlib
import importlib.util
import io
import os
import pathlib
import re
import shlex

import pytest
from absl import flags as absl_flags

import flags as train_flags
import mime_tf
from mime_tf.commands import COMMANDS, flags_page
from mime_tf.runs import folder

QUICK = True

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.rglob("*.md"))]
FLAGS = absl_flags.FLAGS.flags_by_module_dict()[train_flags.__name__]
TRAIN = "pip install -r requirements.txt && python train.py ./sample ./ ./out"
TEST = "pip install -r requirements-dev.txt && pytest"


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


def page_id(path):
    return path.relative_to(ROOT).as_posix()


# README.


def test_the_setup_commands_stand_on_lines_of_their_own():
    assert f"\n    {TRAIN}\n" in README
    assert f"\n    {TEST}\n" in README


def test_ci_runs_the_test_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "pip install --quiet --no-compile -r requirements-dev.txt\n" in script
    assert "run pytest\n" in script


def test_readme_is_a_front_door():
    assert len(README.splitlines()) < 220
    assert all(size < 200_000 for size in (path.stat().st_size for path in (DOCS / "pictures").iterdir()))


def test_every_command_is_in_readme():
    for name in COMMANDS:
        assert f"| `{name}` |" in README, name


# Flags, files and packages.


def flag_table():
    """Dict from a flag's name to its row in docs/flags.md: its default and its meaning."""
    rows = re.findall(r"^\| `--(\w+)` \| (.+?) \| .*? \| (.+?) \|$", read("flags.md"), re.MULTILINE)
    assert len({name for name, _, _ in rows}) == len(rows), "a flag is listed twice"
    return {name: (default, meaning) for name, default, meaning in rows}


def test_flags_page_is_current():
    assert read("flags.md") == flags_page.page(), "python -m mime_tf.commands.flags_page > docs/flags.md"


def test_flag_table_has_every_flag_and_no_other():
    assert sorted(flag_table()) == sorted(flag.name for flag in FLAGS)


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_flag_table_states_the_default(flag):
    stated, _ = flag_table()[flag.name]
    if flag.default is None:
        assert stated == "from the data"
    elif flag.default in ("", []):
        assert stated == "none"
    else:
        assert flag.parser.parse(stated) == flag.default


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_every_choice_of_a_flag_is_named(flag):
    for value in getattr(flag.parser, "enum_values", ()):
        assert f"`{value}`" in read("flags.md")


def test_every_file_of_a_split_is_described():
    described = "\n".join(re.findall(r"^\| `.+` \| .+ \| .+ \|$", read("run_folder.md"), re.MULTILINE))
    for name in (*folder.FILES, f"{folder.TENSORBOARD}/"):
        assert f"`{name}`" in described, name


def test_every_package_is_in_the_architecture():
    table = "\n".join(line for line in read("architecture.md").splitlines() if line.startswith("| `"))
    for path in (ROOT / "mime_tf").iterdir():
        if path.suffix == ".py" or path.is_dir():
            name = path.name if path.suffix else f"{path.name}/"
            assert f"`{name}`" in table or name in {"__pycache__/", "__init__.py"}, name


def test_every_public_name_is_in_the_reference():
    for name in mime_tf.__all__:
        assert re.search(rf"`(?:mime_tf\.)?{name}`", read("reference/index.md")), name


def test_every_decision_is_in_the_index():
    for path in (DOCS / "decisions").glob("0*.md"):
        assert f"({path.name})" in read("decisions/index.md"), path.name


# Links, commands and code on all pages.


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        assert target.startswith(("http://", "https://")) or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_paths_on_a_page_exist(page):
    for path in re.findall(
        r"`((?:mime_tf|tests|docs|testdata|notebooks|benchmarks)/[\w/.]*)`", page.read_text("utf-8")
    ):
        assert (ROOT / path).exists(), path


def command_lines(text):
    """The arguments of each `mime-tf` on a line of its own, without comments."""
    whole = re.sub(r"\\\n *", "", text)
    for line in re.findall(r"^ *(?:mime-tf|python -m mime_tf) +(.+)$", whole, re.MULTILINE):
        if not line.startswith(("COMMAND", "--")) and "`" not in line:
            yield shlex.split(line, comments=True)


def options_of(command):
    """The options that `mime-tf COMMAND --help` lists."""
    entry = importlib.import_module("mime_tf.__main__")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        entry.main([command, "--help"])
    return set(re.findall(r"--\w+", printed.getvalue()))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_options_on_a_page_exist(page):
    for command, *arguments in command_lines(page.read_text(encoding="utf-8")):
        given = {argument.split("=")[0] for argument in arguments if argument.startswith("--")}
        assert given <= options_of(command), f"mime-tf {command}"


def code_blocks(page):
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_modules_imported_on_a_page_exist(page):
    for block in code_blocks(page):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "mime_tf":
                assert importlib.util.find_spec(node.module), node.module
                source = pathlib.Path(importlib.util.find_spec(node.module).origin).read_text(encoding="utf-8")
                for alias in node.names:
                    name = f"{node.module}.{alias.name}"
                    assert re.search(rf"\b{alias.name}\b", source) or importlib.util.find_spec(name), name
