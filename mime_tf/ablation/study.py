"""An ablation: ordinary runs and yardsticks on the same splits, and their comparison."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from mime_tf.ablation import forms
from mime_tf.ablation.progress import Progress
from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from mime_tf.assess.comparison import Comparison, compare
from mime_tf.assess.scores import Scores
from mime_tf.config import TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.regression import yardsticks
from mime_tf.runs.folder import PREDICTIONS
from mime_tf.runs.paths import split_folders
from mime_tf.runs.results import read_predictions
from mime_tf.terminal.console import Console
from mime_tf.training import train
from mime_tf.training.plan import Plan

# The regression on pairs and ancestors, with ancestors of other codes.
SHUFFLED = "pairs_shuffled_ancestors"
# The arms that are compared, the first with the others: MiME, and the yardsticks, which are no MiME.
ARMS = {
    "linked": "as linked",
    "shuffled": "links shuffled",
    "flat": "flat bag of codes",
    "linked_aux": "as linked, auxiliary tasks",
    "recipe": "recipe, networks and regression",
    **yardsticks.NAMES,
    SHUFFLED: "regression, shuffled ancestors",
}
# The form of the cohort that an arm of one network trains on.
_FORMS = {"linked": "linked", "shuffled": "shuffled", "flat": "flat", "linked_aux": "linked"}
# The arms of the learning curve; shuffled links are left out, since they can't make up for few data.
CURVE = ("linked", "linked_aux", "flat", "codes", "pairs", "boosting", "pairs_ancestors")


@dataclasses.dataclass(frozen=True)
class Yardstick:
    """A yardstick in one split.

    Attributes:
        choice: the choice by valid, in words.
        valid_loss: mean log loss on valid.
        test: float64, the probabilities of the patients of test, in input order.
    """

    choice: str
    valid_loss: float
    test: np.ndarray


@dataclasses.dataclass(frozen=True)
class Ablation:
    """The results of an ablation.

    Attributes:
        patients, rows, ones: number of eligible patients, of their rows, and of rows of label 1.
        splits: the split seeds, or the folds.
        train_ratio: share of the training patients that the arms of `comparisons[train_ratio]` were trained on.
        train_rows: dict from each training ratio to the number of training rows in each split.
        comparisons: dict from each training ratio to a `Comparison` of arms, the keys of `ARMS`: of all arms at
            `train_ratio`, of those of `CURVE` at others.
        changed: share of the orders that lost their partner by the shuffle.
        dropped: dict from each form, `forms.NAMES`, to the share of the codes of test that its models at `train_ratio`
            are not shown, because training did not hold them.
        links: a `Comparison` of the regression on codes and pairs with that on codes, at `train_ratio`.
        ancestors: a `Comparison` of the regression on pairs and ancestors with that on pairs, and with that on shuffled
            ancestors, at `train_ratio`; None without a hierarchy.
        best: the arm of the least mean loss on valid among the yardsticks that see the links, at `train_ratio`.
        recipe: a `Comparison` of the recipe with the yardsticks that see the links, at `train_ratio`; or None.
        choices: dict from each training ratio to a dict from each yardstick to the choices by valid, one per split.
    """

    patients: int
    rows: int
    ones: int
    splits: tuple[int, ...]
    train_ratio: float
    train_rows: dict[float, list[int]]
    comparisons: dict[float, Comparison]
    changed: float
    dropped: dict[str, float]
    links: Comparison
    ancestors: Comparison | None
    best: str
    recipe: Comparison | None
    choices: dict[float, dict[str, list[str]]]


def ablate(
    config: TrainConfig,
    source: str | os.PathLike,
    folder: str | os.PathLike,
    train_ratios: Sequence[float] = (),
    *,
    recipe: bool = False,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    seed: int = 0,
    overwrite: bool = False,
    console: Console | None = None,
) -> Ablation:
    """Trains every arm on the same splits with the same budget, tests them on the same patients and compares them.

    The arms are ordinary runs, `<folder>/runs/<arm>_<ratio>/`, of the cohorts `<folder>/cohorts/<form>/`. Finished runs
    are kept, and an unfinished one is resumed.

    Args:
        config: how to train. Its `aux_lambda` is that of the arm `linked_aux`, which is left out if it is 0; the other
            arms have 0. It has neither initial weights, nor sizes, nor `eval_drop_remainder`.
        source: the cohort, as `mime_tf.data.cohort` says.
        folder: folder of the runs and cohorts.
        train_ratios: further values of `config.train_ratio`, for a learning curve of the arms `CURVE`.
        recipe: also train `config.with_recipe()` on the cohort as linked, at `config.train_ratio`.
        bootstrap: the resamples behind the intervals, at least one.
        seed: seed of the shuffle.
        overwrite: discard existing runs.
        console: shows the progress; by default a new `Console`.

    Raises:
        InputError: the data, the config or the folder can't be used.
    """
    bootstrap.require_resamples()
    console, folder = console or Console(), os.fspath(folder)
    ratios = (config.train_ratio, *sorted({*train_ratios} - {config.train_ratio}))
    console.progress(f"reading {source}")
    made = forms.make(Cohort.open(source), config, seed)
    splits = {ratio: _splits(made, ratio) for ratio in ratios}
    paths = forms.write(made, os.path.join(folder, "cohorts"), overwrite)
    trained = _train(config, splits, paths, os.path.join(folder, "runs"), recipe, overwrite, console)
    fits = {ratio: _fit_yardsticks(config, made, splits[ratio]["linked"], ratio, seed, console) for ratio in ratios}
    scores = {ratio: _scores(made, splits[ratio], trained[ratio], fits[ratio]) for ratio in ratios}
    comparisons = {ratio: compare(of_arms, bootstrap, console.progress) for ratio, of_arms in scores.items()}
    full = scores[config.train_ratio]
    pairs_and_codes = {arm: full[arm] for arm in ("pairs", "codes")}
    ancestors = None
    if made.lineage is not None:
        arms = {arm: full[arm] for arm in ("pairs_ancestors", "pairs", SHUFFLED)}
        ancestors = compare(arms, bootstrap, console.progress)
    return Ablation(
        patients=len(np.unique(made.patient_ids)),
        rows=len(made.labels),
        ones=int(made.labels.sum()),
        splits=config.split_numbers,
        train_ratio=config.train_ratio,
        train_rows={
            ratio: [len(split.train) for split in of_form["linked"].splits.values()]
            for ratio, of_form in splits.items()
        },
        comparisons=comparisons,
        changed=made.changed,
        dropped={form: _dropped(of_form) for form, of_form in splits[config.train_ratio].items()},
        links=compare(pairs_and_codes, bootstrap, console.progress),
        ancestors=ancestors,
        best=_best(fits[config.train_ratio]),
        recipe=_against_yardsticks(scores[config.train_ratio], bootstrap, console) if recipe else None,
        choices={
            ratio: {arm: [fitted.choice for fitted in of_arm] for arm, of_arm in of_ratio.items()}
            for ratio, of_ratio in fits.items()
        },
    )


def _splits(made, ratio):
    """The `Plan` of each form at a training ratio; raises InputError where they would not make a comparison."""
    groups = made.groups
    of_form = {
        name: Plan(dataclasses.replace(form.config, train_ratio=ratio), form.store, made.labels, groups)
        for name, form in made.forms.items()
    }
    for number, split in of_form["linked"].splits.items():
        for name in ("train", "valid", "test"):
            part = getattr(split, name)
            if len(np.unique(part.labels)) < 2:
                raise InputError(
                    f"{name} of split {number} at train_ratio {ratio:g}: its {len(part)} labels are all "
                    f"{part.labels[0]}; both are needed, so more patients or other fractions"
                )
            for other in of_form.values():
                if not np.array_equal(part.rows, getattr(other.splits[number], name).rows):
                    raise AssertionError("the forms are divided differently")
    return of_form


def _train(config, splits, paths, folder, recipe, overwrite, console):
    """Trains the arms of MiME at every training ratio.

    Args:
        config: as for `ablate`.
        splits: dict from each training ratio to the `Plan` of each form.
        paths: dict from each form to the path of its cohort.
        folder: folder of the runs.
        recipe: as for `ablate`.
        overwrite: as for `ablate`.
        console: as for `ablate`.

    Returns:
        Dict from each training ratio to a dict from each arm to the probabilities of test, a list of one array per
        split.
    """
    runs = [(ratio, arm) for ratio in splits for arm in _arms(config, ratio)]
    progress = Progress(console, len(runs), config.evaluations * len(config.split_numbers))
    probabilities: dict[float, dict[str, list[np.ndarray]]] = {ratio: {} for ratio in splits}

    def train_arm(ratio, arm, form, arm_config):
        prefix = os.path.join(folder, f"{arm}_{ratio:g}", "")
        train(arm_config, paths[form], prefix, f"{prefix}train", overwrite=overwrite, console=progress)
        folders, tests = split_folders(prefix, arm_config), splits[ratio][form].splits.values()
        probabilities[ratio][arm] = [_test(*each) for each in zip(folders, tests, strict=True)]

    for ratio, arm in runs:
        progress.start(ARMS[arm] if len(splits) == 1 else f"{ARMS[arm]}, train_ratio {ratio:g}")
        of_form = splits[ratio][_FORMS[arm]]
        arm_config = dataclasses.replace(of_form.config, aux_lambda=config.aux_lambda if arm == "linked_aux" else 0.0)
        train_arm(ratio, arm, _FORMS[arm], arm_config)
    if recipe:
        progress.start(ARMS["recipe"])
        linked = dataclasses.replace(splits[config.train_ratio]["linked"].config, aux_lambda=0.0)
        train_arm(config.train_ratio, "recipe", "linked", linked.with_recipe())
    return probabilities


def _arms(config, ratio):
    """The arms of MiME at a training ratio."""
    return [
        arm
        for arm in _FORMS
        if (ratio == config.train_ratio or arm in CURVE) and (arm != "linked_aux" or config.aux_lambda)
    ]


def _test(folder, split):
    """The probabilities that a run left for the patients of test, in input order."""
    path = os.path.join(folder, PREDICTIONS["test"])
    predictions = read_predictions(path)
    if not np.array_equal(predictions.rows, np.sort(split.test.rows)):
        raise InputError(f"{path}: not the patients of test in this split; --overwrite starts anew")
    return predictions.scores.probabilities


def _fit_yardsticks(config, made, plan, ratio, seed, console):
    """Fits the yardsticks of a training ratio to every split.

    Args:
        config: as for `ablate`.
        made: the `Forms` of the cohort.
        plan: `Plan` of the linked form.
        ratio: the training ratio.
        seed: seed of the solvers, and of the shuffle of ancestors.
        console: as for `ablate`.

    Returns:
        Dict from each yardstick to a list of one `Yardstick` per split.
    """
    fits = {}
    table, lineages = made.table, dict.fromkeys(yardsticks.available(made.table, made.lineage), made.lineage)
    if made.lineage is not None:
        lineages[SHUFFLED] = made.lineage.shuffled(np.random.default_rng(seed))
    for arm, lineage in lineages.items():
        if ratio == config.train_ratio or arm in CURVE:
            fits[arm] = []
            for number, split in plan.splits.items():
                console.progress(f"{ARMS[arm]}, split {number}")
                name = "pairs_ancestors" if arm == SHUFFLED else arm
                fitted = yardsticks.fit(name, split, table, seed, lineage, made.days)
                probabilities = yardsticks.probabilities(fitted, split.test, table, made.days)
                test = probabilities[np.argsort(split.test.rows)]
                fits[arm].append(Yardstick(fitted.choice(), fitted.valid_loss, test))
    return fits


def _best(fits):
    """The arm of the least mean loss on valid among the yardsticks that see the links."""
    losses = {
        arm: np.mean([fitted.valid_loss for fitted in fits[arm]]) for arm in yardsticks.SEEING_LINKS if arm in fits
    }
    return min(losses, key=losses.get)


def _against_yardsticks(scores, bootstrap, console):
    """Returns the `Comparison` of the recipe with the yardsticks that see the links."""
    arms = ("recipe", *(arm for arm in yardsticks.SEEING_LINKS if arm in scores))
    return compare({arm: scores[arm] for arm in arms}, bootstrap, console.progress)


def _scores(made, splits, trained, fits):
    """The scores of test: dict from each arm, in the order of `ARMS`, to a list of one `Scores` per split."""
    tests = [np.sort(split.test.rows) for split in splits["linked"].splits.values()]
    probabilities = trained | {arm: [fitted.test for fitted in of_arm] for arm, of_arm in fits.items()}
    return {
        arm: [
            Scores(made.labels[rows], values, made.patient_ids[rows])
            for rows, values in zip(tests, probabilities[arm], strict=True)
        ]
        for arm in ARMS
        if arm in probabilities
    }


def _dropped(splits):
    """The share of the codes of test that a model of these splits is not shown."""
    tests = [split.test for split in splits.splits.values()]
    codes = sum(_codes(part.store.select(part.rows)) for part in tests)
    return 1 - sum(_codes(part.patients()) for part in tests) / codes if codes else 0.0


def _codes(store):
    return len(store.dx) + len(store.rx) + len(store.pr)
