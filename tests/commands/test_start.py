"""Commands as a user starts them, in real processes: their help, a mistake in each, and how little they import."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from support.whole_runs import ROOT, TRAIN, environment

from mime_tf.__main__ import main
from mime_tf.commands import COMMANDS, train
from mime_tf.commands.train import described

PROGRAM = [sys.executable, "-m", "mime_tf"]
# A command line of each command that is right, but for files that are not there.
RIGHT = {
    "train": ["nothing", "out/", "log"],
    "convert": ["--source", "fhir", "--input", "nothing", "--output", "out"],
    "pack": ["--data", "nothing", "--output", "out.parquet"],
    "simulate": ["--patients", "10", "--output", "out/c"],
    "evaluate": ["--model", "nothing", "--data", "nothing", "--alert_rate", "0.05,0.1"],
    "recalibrate": ["--model", "nothing", "--data", "nothing"],
    "validate": ["--model", "nothing", "--data", "a=nothing", "b", "--output", "out"],
    "monitor": ["--model", "nothing", "--data", "nothing", "--output", "out"],
    "predict": ["--model", "nothing", "--data", "nothing", "--output", "out.csv"],
    "explain": ["--model", "nothing", "--data", "nothing", "--patient", "a"],
    "report": ["--model", "nothing", "--output", "out.html"],
    "tripod": ["--model", "nothing", "--output", "out"],
    "ablate": ["--data", "nothing", "--output", "out"],
    "export": ["--model", "nothing", "--output", "out"],
    "serve": ["--model", "nothing"],
    "import_tf1": ["--checkpoint", "nothing", "--output", "out"],
}
SLOW = {"tensorflow", "keras", "sklearn", "matplotlib", "duckdb", "ibis", "pyspark"}


def start(*argv, program=PROGRAM):
    """Runs a command line in a process: its status, its lines, and the packages that it imported."""
    python, *rest = program
    argv = [python, "-X", "importtime", *rest, *argv]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    lines = done.stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    err = [line for line in lines if not line.startswith("import time:")]
    return SimpleNamespace(code=done.returncode, out=done.stdout, err=err, imported=imported)


def test_every_module_is_a_command():
    modules = {path.stem for path in (ROOT / "mime_tf" / "commands").glob("*.py")}
    assert modules == {"__init__", "flags_page", "inputs", "options", *COMMANDS} and set(RIGHT) == set(COMMANDS)


# Help.


def test_help():
    done = start("--help")
    assert (done.code, done.err) == (0, [])
    for name, summary in COMMANDS.items():
        assert re.search(rf"^ +{name}\s+{summary.split()[0]} ", done.out, re.MULTILINE)
    assert "130 after Ctrl-C" in done.out
    assert not done.imported & {*SLOW, "numpy", "absl", *(f"mime_tf.commands.{name}" for name in COMMANDS)}


def test_version():
    done = start("--version")
    assert (done.code, done.err) == (0, []) and re.fullmatch(r"mime-tf \d+\.\d+\.\d+\n", done.out)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(name):
    done = start(name, "--help")
    assert (done.code, done.err) == (0, [])
    assert f"usage: mime-tf {name} " in done.out
    assert f"  mime-tf {name} " in done.out  # an example
    assert "(default: " in done.out or name == "pack"
    assert "130 after Ctrl-C" in done.out
    assert "%%" not in done.out
    assert not done.imported & {*SLOW, *(f"mime_tf.commands.{other}" for other in COMMANDS if other != name)}


@pytest.mark.parametrize("program", [[*PROGRAM, "train"], TRAIN], ids=["mime-tf", "train.py"])
def test_help_of_train(program):
    done = start("--help", program=program)
    assert (done.code, done.err) == (0, [])
    for part in ("./sample ./ ./out", "DATA", "OUTPUT", "LOG", "--flagfile"):
        assert part in done.out
    for flag in described():
        name = f"[no]{flag.name}" if isinstance(flag.default, bool) else flag.name
        assert f"  --{name}: " in done.out


# Mistakes.


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"simulate"}))
def test_a_path_that_is_not_there(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = start(name, *RIGHT[name])
    (line,) = done.err
    assert (done.code, done.out) == (2, "")
    assert line.startswith("mime-tf: nothing")
    assert not done.imported & SLOW
    assert os.listdir() == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_an_unknown_flag(name, tmp_path, monkeypatch, capsys):
    """In this process: flags are parsed before anything is imported that the test above forbids."""
    monkeypatch.chdir(tmp_path)
    assert main([name, *RIGHT[name], "--overwrit=1"]) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert out == ""
    assert "overwrit" in line and line.startswith("mime-tf: " if name == "train" else f"mime-tf {name}: ")
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ([], "mime-tf: the following arguments are required: COMMAND"),
        (["evalute"], f"mime-tf: found evalute; must be a command: {', '.join(COMMANDS)}"),
        (["evaluate"], "mime-tf evaluate: the following arguments are required: --model, --data"),
        (["train"], "mime-tf: takes DATA, OUTPUT and LOG prefixes; found 0; see --help"),
        (["simulate", "--patients", "0", "--output", "c"], "mime-tf: patients: found 0; must be a whole number from 1"),
    ],
)
def test_other_mistakes(argv, line):
    done = start(*argv)
    assert (done.code, done.out, len(done.err)) == (2, "", 1)
    assert done.err[0].startswith(line)
    assert not done.imported & SLOW


# train, by either name.


@pytest.mark.parametrize("flags", [["--folds=1"], ["--rnn_cell=rnn"], ["--bacth_size=5"], ["--flagfile=nothing"]])
def test_both_names_of_train_refuse_alike(flags):
    lines = [start("c", "out/", "log", *flags, program=program).err for program in ([*PROGRAM, "train"], TRAIN)]
    assert [line.partition(": ")[0] for (line,) in lines] == ["mime-tf", "train.py"]
    assert len({line.partition(": ")[2] for (line,) in lines}) == 1


def test_a_flagfile_and_flags_before_the_prefixes(tmp_path):
    (tmp_path / "flags.txt").write_text("--num_iter=3\n--eval_period=3\n--notensorboard\n")
    argv = ["--batch_size", "7", f"--flagfile={tmp_path}/flags.txt", "c", "out/", "log", "--noresume", "--overwrite"]
    arguments = train.parser("mime-tf train").parse_args(argv)
    assert (arguments.data, arguments.output, arguments.log) == ("c", "out/", "log")
    assert (arguments.resume, arguments.overwrite) == (False, True)
    config = arguments.config
    assert (config.batch_size, config.num_iter, config.eval_period, config.tensorboard) == (7, 3, 3, False)
