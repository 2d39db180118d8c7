"""Training of one split of a blend: networks and a regression, fitted out of fold, and the weights of their sum."""

import dataclasses
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import special, stats

from mime_tf.assess import summary
from mime_tf.batches import datasets, tables
from mime_tf.blend import Blend
from mime_tf.config import REGRESSION, TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.regression import linear
from mime_tf.regression.choice import Choice
from mime_tf.runs import writing
from mime_tf.runs.folder import NETWORKS, PREDICTIONS, remove_state
from mime_tf.runs.results import read_history, read_metrics, read_predictions
from mime_tf.scoring.scorer import Scorer
from mime_tf.splits.inner import inner_folds, without_fold
from mime_tf.splits.split import Part, Split
from mime_tf.terminal.console import Console
from mime_tf.training.beside_codes import BesideCodes
from mime_tf.training.blend_model import BlendModel
from mime_tf.training.blend_regression import fit_regression
from mime_tf.training.blend_weights import calibrated_losses, fit_weights, logits_of
from mime_tf.training.fitter import Fitter
from mime_tf.training.split_training import SplitTraining

# Least number of cases, and of controls, in valid.
FEW = 10
# Number of networks of a kind after which it is given up if their logits tell nothing.
TRIED = 2


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class FittedPart:
    """A part of a blend.

    Attributes:
        name: for people.
        logits: float64 (patients,), of the training patients, each by a model that was not fitted to the patient; all 0
            for a kind of networks that was given up.
        facts: dict for metrics.json.
    """

    name: str
    logits: np.ndarray
    facts: dict[str, Any]


class BlendTraining:
    """Training of one split of a blend.

    Args:
        folder: of the fitted split; each network has a folder of its own in it.
        split: its sets.
        cohort: the patients.
        config: the flags.
        sizes: dict of the resolved sizes.
        beside: age, sex and days that the parts read.
        fitters: one for each kind of network.
        console: where to print.
    """

    def __init__(
        self,
        folder: str,
        split: Split,
        cohort: Cohort,
        config: TrainConfig,
        sizes: Mapping[str, int],
        beside: BesideCodes,
        fitters: Sequence[Fitter],
        console: Console,
    ):
        self.folder, self.split, self.cohort = folder, split, cohort
        self.config, self.sizes, self.beside = config, sizes, beside
        self.fitters, self.console = fitters, console

    def run(self, number: int, groups: np.ndarray | None = None) -> dict[str, Any]:
        """Fits the parts and their weights, and writes the results.

        Args:
            number: the split seed, or the number of the fold.
            groups: group of each row of the cohort, or None.

        Returns:
            Dict of the results, the keys `summary.RESULTS` among them.

        Raises:
            InputError: train has too few patients of a label for the folds, or a network's loss was never a number.
            KeyboardInterrupt: the networks that are finished, and the state of the one in training, are kept.
        """
        os.makedirs(self.folder, exist_ok=True)
        writing.write_codes(self.folder, self.sizes, self.split.known)
        writing.write_names(self.folder, self.cohort)
        self._warn_of_few_cases()
        folds = inner_folds(self.split.train, self.config.members, number, groups)
        parts = [self._networks(kind, folds, number) for kind in range(len(self.fitters))]
        regression = None
        if self._has_regression:
            self.console.progress(f"{os.path.basename(self.folder)}: fitting the regression")
            out_of_fold = fit_regression(self.cohort, self.split, folds, self.config, self.beside, number)
            regression = out_of_fold.fitted
            facts = {"choice": Choice.of(regression, len(self.split.train)).record()}
            parts.append(FittedPart(f"regression ({regression.choice()})", out_of_fold.logits, facts))
        logits = np.column_stack([part.logits for part in parts])
        weights, bias = fit_weights(logits, self.split.train.labels)
        self._tell(parts, weights)
        model = self._assemble(regression, weights, bias)
        return self._write_results(model, parts, weights, bias)

    @property
    def _has_regression(self) -> bool:
        return REGRESSION in self.config.blend

    def _networks(self, kind: int, folds: np.ndarray, number: int) -> FittedPart:
        """Fits the networks of one kind, each without one fold, whose logits it then gives."""
        name, train = f"{list(self.config.kinds)[kind]} networks", self.split.train
        logits = np.zeros(len(train))
        iterations: list[int] = []
        for fold in range(self.config.members):
            seen = folds < fold  # patients whose logits are known by now
            if fold == TRIED and self._has_regression and not is_useful(logits[seen], train.labels[seen]):
                self.console.note(
                    f"{self.folder}: {fold} of {self.config.members} {name} trained; they tell nothing about patients "
                    "that they have not seen, and are left out"
                )
                return FittedPart(name, np.zeros(len(train)), {"iterations": iterations})
            split, iteration = self._network(kind, fold, folds, number)
            iterations.append(iteration)
            logits[folds == fold] = _logits_of(self._network_folder(kind, fold), split.test)
        return FittedPart(name, logits, {"iterations": iterations})

    def _network(self, kind: int, fold: int, folds: np.ndarray, number: int) -> tuple[Split, int]:
        """Trains a network without one fold, its test, if it is not finished; returns its split and best iteration."""
        fitter, seeds, folder = self.fitters[kind], (number, kind, fold), self._network_folder(kind, fold)
        drawn = np.random.SeedSequence([self.config.random_seed, *seeds]).generate_state(2)
        # Histories of like length in a batch save a recurrence steps; without one they only make batches alike.
        shuffled = None if "last" in fitter.config.pooling else int(drawn[1])
        split = without_fold(self.split, folds, fold, shuffled)
        metrics = read_metrics(folder)
        if metrics is None:
            (starts,) = tables.window_starts(
                int(drawn[0]), [len(split.train)], fitter.config.batch_size, fitter.config.updates
            )
            metrics = SplitTraining(folder, split, starts, self.cohort, fitter, self.console).run(*seeds)
        remove_state(folder)  # a run that was killed may have left it beside its results
        return split, metrics["iteration"]

    def _assemble(self, regression: linear.Linear | None, weights: np.ndarray, bias: float) -> Blend:
        """Returns the blend of the parts; beside a regression, networks of weight 0 are left out."""
        used = [kind for kind in range(len(self.fitters)) if weights[kind] > 0 or regression is None]
        members = itertools.product(used, range(self.config.members))
        networks = {member: self._network_folder(*member) for member in members}
        model = BlendModel(self.fitters, self.config.members, self.sizes, self.beside)
        return model.of(networks, regression, weights, bias)

    def _write_results(
        self, model: Blend, parts: Sequence[FittedPart], weights: np.ndarray, bias: float
    ) -> dict[str, Any]:
        """Writes all files, the metrics last, whose presence says that the split is finished."""
        scorer, figures = Scorer(model), {}
        # The regression may have done without the days, and the networks may be left out.
        split = self.split if model.reads_days else self.split.with_days(None)
        for name in PREDICTIONS:
            part = getattr(split, name)
            probabilities = scorer(datasets.scoring_batches(part, self.config.eval_batch_size))
            writing.write_predictions(self.folder, name, part, probabilities, self.cohort.patient_ids)
            figures[name] = summary.summarize(part.labels, probabilities)
        writing.write_model(self.folder, model)
        if self.fitters:
            writing.write_history(self.folder, self._history())
        iterations = [iteration for part in parts for iteration in part.facts.get("iterations", ())]
        metrics = {
            **summary.results(figures["valid"], figures["test"]),
            "iteration": round(float(np.mean(iterations))) if iterations else 0,
            "parts": [
                {"name": part.name, "weight": float(weight), **part.facts}
                for part, weight in zip(parts, weights, strict=True)
            ],
            "bias": bias,
        }
        writing.write_metrics(self.folder, metrics)
        return metrics

    def _history(self) -> list[dict[str, float]]:
        """Returns the evaluations of all networks, with the number of each network in a column of its own."""
        rows: list[dict[str, float]] = []
        for index in range(len(self.fitters) * self.config.members):
            folder = self._network_folder(*divmod(index, self.config.members))
            if not os.path.isdir(folder):  # its kind was given up
                continue
            columns = read_history(folder)
            for values in zip(*(column.tolist() for column in columns.values()), strict=True):
                rows.append({"network": index, **dict(zip(columns, values, strict=True))})
        return rows

    def _tell(self, parts: Sequence[FittedPart], weights: np.ndarray) -> None:
        """Tells the weights, and which part the others do not add to."""
        told = ", ".join(f"{weight:.2f} {part.name}" for part, weight in zip(parts, weights, strict=True))
        self.console.note(f"{self.folder}: logit of {told}")
        if not weights.any():
            self.console.note(
                f"warning: {self.folder}: no part adds anything to a constant, and the model is one; more patients may "
                "help"
            )
        elif self._has_regression and self.fitters and not weights[:-1].any():
            self.console.note(f"{self.folder}: the networks add nothing: the regression is the model")

    def _warn_of_few_cases(self) -> None:
        """Warns where valid has too few patients of a label to choose anything by."""
        for label, name in ((1, "cases"), (0, "controls")):
            count = int((self.split.valid.labels == label).sum())
            if count < FEW:
                self.console.note(
                    f"warning: {self.folder}: valid has {count} {name}, by which penalties, columns and networks are "
                    f"chosen; with fewer than {FEW} that is mostly chance: a larger valid_fraction, or folds, may help"
                )

    def _network_folder(self, kind: int, fold: int) -> str:
        return os.path.join(self.folder, NETWORKS, f"k{kind}m{fold}")


def is_useful(logits: np.ndarray, labels: np.ndarray) -> bool:
    """Returns whether logits tell anything about the labels of patients that they were not fitted to.

    They do if a positive weight of them raises the log-likelihood over the constant's by more than chance would in 19
    of 20 tries: a likelihood ratio test with one degree of freedom.
    """
    labels = np.asarray(labels, np.float64)
    likelihood = -calibrated_losses(logits, labels).sum()
    share = labels.mean()
    constant = np.sum(special.xlogy(labels, share) + special.xlogy(1 - labels, 1 - share))
    return bool(2 * (likelihood - constant) > stats.chi2.ppf(0.95, 1))


def _logits_of(folder: str, part: Part) -> np.ndarray:
    """Returns the logits in a network's predictions for its test, in the order of `part`."""
    saved = read_predictions(os.path.join(folder, PREDICTIONS["test"]))
    order = np.searchsorted(saved.rows, part.rows)
    return logits_of(saved.scores.probabilities[order])
