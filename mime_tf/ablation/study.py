"""Running an ablation: several ordinary runs and a regression on the same splits, and their comparison."""

import dataclasses
import os

import numpy as np

from mime_tf.ablation import code_counts, forms
from mime_tf.ablation.progress import Progress
from mime_tf.assess import comparison
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs.folder import PREDICTIONS
from mime_tf.runs.paths import split_folders
from mime_tf.runs.results import read_predictions
from mime_tf.terminal.console import Console
from mime_tf.training import train
from mime_tf.training.plan import Plan

# What is compared, the first with the others; all but `logistic` are MiME.
ARMS = {
    "linked": "as linked",
    "shuffled": "links shuffled",
    "flat": "flat bag of codes",
    "logistic": "logistic regression",
    "linked_aux": "as linked, auxiliary tasks",
}
# The form that an arm of MiME trains on.
_FORMS = {"linked": "linked", "shuffled": "shuffled", "flat": "flat", "linked_aux": "linked"}
# What has a learning curve: where few data are to be made up for, the question is by what.
CURVE = ("linked", "linked_aux", "flat", "logistic")


@dataclasses.dataclass(frozen=True)
class Ablation:
    """What was found.

    Attributes:
        patients, rows, ones: int, of the eligible patients: their number, that of their rows, of rows of label 1.
        splits: tuple of int, the split seeds, or the folds.
        train_ratio: the share of the training patients that the arms of `comparisons[train_ratio]` were trained on.
        train_rows: dict from each training ratio to the numbers of training rows, a list of one int a split.
        comparisons: dict from each training ratio to a `paired.Comparison` of arms, the keys of `ARMS`: of all arms at
            `train_ratio`, of those of `CURVE` at others.
        changed: the share of the orders that lost their partner by the shuffle.
        dropped: dict from each form, `forms.NAMES`, to the share of the codes of test that its models were not shown
            at `train_ratio`, because training did not hold them.
        strengths: dict from each training ratio to the regression's `C`, a list of one float a split.
    """

    patients: int
    rows: int
    ones: int
    splits: tuple
    train_ratio: float
    train_rows: dict
    comparisons: dict
    changed: float
    dropped: dict
    strengths: dict


def ablate(config, source, folder, train_ratios=(), bootstrap=1000, seed=0, overwrite=False, console=None):
    """Trains every arm on the same splits with the same budget, tests them on the same patients and compares them.

    The arms are ordinary runs, `<folder>/runs/<arm>_<ratio>/`, of the cohorts `<folder>/cohorts/<form>/`. Finished ones
    are not run again, and an unfinished one is gone on with.

    Args:
        config: `TrainConfig`. Its `aux_lambda` is that of the arm `linked_aux`, which is left out where it is 0; the
            other arms have 0. Neither initial weights, nor given sizes, nor `eval_drop_remainder`.
        source: the cohort, as `mime_tf.data.cohort` says.
        folder: of the runs and cohorts.
        train_ratios: further values of `config.train_ratio`, for a learning curve of the arms `CURVE`.
        bootstrap: number of resamples for the intervals.
        seed: of the shuffle and of the resamples.
        overwrite: discard the runs that there are.
        console: where to show progress; by default a new `Console`.

    Returns:
        Ablation.

    Raises:
        InputError: something about the data, the config or the folder is wrong.
    """
    console, folder = console or Console(), os.fspath(folder)
    ratios = (config.train_ratio, *sorted({*train_ratios} - {config.train_ratio}))
    console.progress(f"reading {source}")
    made = forms.make(Cohort.open(source), config, seed)
    splits = {ratio: _splits(made, ratio) for ratio in ratios}
    paths = forms.write(made, os.path.join(folder, "cohorts"), overwrite)
    found = _train(config, splits, paths, os.path.join(folder, "runs"), overwrite, console)
    strengths = {ratio: _regress(found[ratio], splits[ratio], console) for ratio in ratios}
    comparisons = {
        ratio: comparison.compare(_tests(made, splits[ratio]), found[ratio], bootstrap, seed, console.progress)
        for ratio in ratios
    }
    return Ablation(
        patients=len(np.unique(made.patient_ids)),
        rows=len(made.labels),
        ones=int(made.labels.sum()),
        splits=config.split_numbers,
        train_ratio=config.train_ratio,
        train_rows={
            ratio: [len(split.train) for split in of_ratio["linked"].splits.values()]
            for ratio, of_ratio in splits.items()
        },
        comparisons=comparisons,
        changed=made.changed,
        dropped={name: _dropped(of_form) for name, of_form in splits[config.train_ratio].items()},
        strengths=strengths,
    )


def _train(config, splits, paths, folder, overwrite, console):
    """Trains the arms of MiME at every training ratio.

    Args:
        config: as for `ablate`.
        splits: dict from each training ratio to what `_splits` returns.
        paths: of `forms.write`.
        folder: of the runs.
        overwrite: as for `ablate`.
        console: as for `ablate`.

    Returns:
        Dict from each training ratio to a dict from each arm, the regression's with None, to the probabilities of test,
        a list of one array a split.
    """
    runs = [(ratio, arm) for ratio in splits for arm in _arms(config, ratio) if arm in _FORMS]
    progress = Progress(console, len(runs), config.evaluations * len(config.split_numbers))
    found = {ratio: dict.fromkeys(_arms(config, ratio)) for ratio in splits}
    for ratio, arm in runs:
        progress.start(ARMS[arm] if len(splits) == 1 else f"{ARMS[arm]}, train_ratio {ratio:g}")
        of_form = splits[ratio][_FORMS[arm]]
        asked = dataclasses.replace(of_form.config, aux_lambda=config.aux_lambda if arm == "linked_aux" else 0.0)
        prefix = os.path.join(folder, f"{arm}_{ratio:g}", "")
        train(asked, paths[_FORMS[arm]], prefix, f"{prefix}train", overwrite=overwrite, console=progress)
        folders = split_folders(prefix, asked)
        found[ratio][arm] = [_test(*each) for each in zip(folders, of_form.splits.values(), strict=True)]
    return found


def _arms(config, ratio):
    """The arms that are compared at a training ratio."""
    return [
        arm
        for arm in ARMS
        if (ratio == config.train_ratio or arm in CURVE) and (arm != "linked_aux" or config.aux_lambda)
    ]


def _splits(made, ratio):
    """The `Plan` of each form at a training ratio; raises InputError where they would not make a comparison."""
    groups = made.groups
    found = {
        name: Plan(dataclasses.replace(form.config, train_ratio=ratio), form.store, made.labels, groups)
        for name, form in made.forms.items()
    }
    for number, split in found["linked"].splits.items():
        for name in ("train", "valid", "test"):
            part = getattr(split, name)
            if len(np.unique(part.labels)) < 2:
                raise InputError(
                    f"{name} of split {number} at train_ratio {ratio:g}: its {len(part)} labels are all "
                    f"{part.labels[0]}; both are needed, so more patients or other fractions"
                )
            for other in found.values():
                if not np.array_equal(part.rows, getattr(other.splits[number], name).rows):
                    raise AssertionError("the forms are divided differently")
    return found


def _tests(made, splits):
    """The `paired.TestSet` of each split, in input order."""
    rows = [np.sort(split.test.rows) for split in splits["linked"].splits.values()]
    return [comparison.TestSet(made.patient_ids[of_split], made.labels[of_split]) for of_split in rows]


def _test(folder, split):
    """The probabilities that a run left for the patients of test, in input order."""
    path = os.path.join(folder, PREDICTIONS["test"])
    found = read_predictions(path)
    if not np.array_equal(found.rows, np.sort(split.test.rows)):
        raise InputError(f"{path}: not the patients of test in this split; --overwrite starts anew")
    return found.probabilities


def _regress(found, splits, console):
    """Adds the probabilities of the regression to those of the other arms; returns the strength in each split."""
    flat = splits["flat"]
    fitted = []
    for number, split in flat.splits.items():
        console.progress(f"{ARMS['logistic']}, split {number}")
        fitted.append(code_counts.fit(split, flat.config.num_dx))
    parts = [split.test for split in flat.splits.values()]
    found["logistic"] = [one.test[np.argsort(part.rows)] for one, part in zip(fitted, parts, strict=True)]
    return [one.strength for one in fitted]


def _dropped(splits):
    """The share of the codes of test that a model of these splits is not shown."""
    tests = [split.test for split in splits.splits.values()]
    there = sum(_codes(part.store.select(part.rows)) for part in tests)
    return 1 - sum(_codes(part.patients()) for part in tests) / there if there else 0.0


def _codes(store):
    return len(store.dx) + len(store.rx) + len(store.pr)
