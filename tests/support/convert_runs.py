"""An export of a dozen patients, and the command `convert` run on it in this process."""

import csv
from unittest import mock

from support.ehr_exports import ExportRows

from mime_tf import __main__
from mime_tf.terminal.console import Console

FILES = [
    "cohort.labels",
    "cohort.parquet",
    "cohort.seqs",
    "convert.json",
    "linkage.json",
    "patients.csv",
    "visits.csv",
    "vocabulary.csv",
]


def export_rows(patients=12):
    """Patients with visits at days 0, 100, 200 and 900; every other patient gets HF at the third."""
    names = [f"p{number:02}" for number in range(patients)]
    days = {1: 0, 2: 100, 3: 200, 4: 900}
    return ExportRows(
        visits=[(f"{name}-{visit}", name, day) for name in reversed(names) for visit, day in days.items()],
        diagnoses=[(f"{name}-1", "A") for name in names]
        + [(f"{name}-2", "B") for name in names[::3]]
        + [(f"{name}-3", "HF") for name in names[::2]],
        orders=[(f"{name}-2", "rx", "X", "A") for name in names]
        + [(f"{name}-1", "pr", "P", "A") for name in names[1::2]]
        + [(f"{name}-1", "rx", "Y", "") for name in names],
        patients={name: {"birth": -365 * (30 + n), "sex": "FM"[n // 2 % 2]} for n, name in enumerate(names)},
        names={("dx", "A"): "Asthma", ("dx", "HF"): "Heart failure", ("rx", "X"): "Salbutamol"},
    )


def convert(capsys, export, folder, *flags):
    """Runs the command in this process; returns its exit status, stdout, and stderr without progress."""
    arguments = ["convert", "--source", "synthea", "--input", str(export), "--output", str(folder)]
    with mock.patch.object(Console, "progress"):  # would be printed on a slow machine
        status = __main__.main([*arguments, *flags])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


OUTCOME = ("--outcome", "HF", "--prediction_at", "visit:3", "--horizon_days", "30", "--gap_days", "1")


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
