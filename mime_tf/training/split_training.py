"""Training of one split: fitted by `MiME.fit`, resumed where it was killed, its results written."""

import os
from typing import Any

import numpy as np

from mime_tf.assess import summary
from mime_tf.batches import datasets
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs import writing
from mime_tf.runs.folder import STATE, TENSORBOARD, remove_state
from mime_tf.splits.split import Part, Split
from mime_tf.terminal import signals
from mime_tf.terminal.console import Console
from mime_tf.training import remarks, tensorboard
from mime_tf.training.callbacks import Evaluation, HeldOutSet, Progress, Stopping
from mime_tf.training.fitter import Fitter
from mime_tf.training.patience import Patience
from mime_tf.training.state import Best, State


class SplitTraining:
    """Training of one split.

    Args:
        folder: of the fitted split.
        split: its sets; valid and test are perhaps scored without their last, partial batch.
        starts: start of each training window, `config.updates` of them.
        cohort: the patients, with their ids and the names of their codes.
        fitter: the model and how to fit it.
        console: where to print.
    """

    def __init__(self, folder: str, split: Split, starts: np.ndarray, cohort: Cohort, fitter: Fitter, console: Console):
        self.folder, self.split, self.starts, self.cohort = folder, split, starts, cohort
        self.fitter, self.config, self.console = fitter, fitter.config, console
        self.state = State.load(self._path(STATE))
        self.valid, self.test = (
            part.scored(self.config.batch_size, self.config.eval_drop_remainder) for part in (split.valid, split.test)
        )
        self.patience = Patience.of(self.config, split.train, self.valid)

    def run(self, *numbers: int) -> dict[str, Any]:
        """Fits the model of a split and writes the results.

        Args:
            *numbers: those that the initial weights are drawn by, as `Fitter.start` takes them.

        Returns:
            Dict of the results at the lowest validation loss, the keys `summary.RESULTS` among them.

        Raises:
            InputError: the validation loss was never a finite number.
            KeyboardInterrupt: with the best model so far in the folder, and the state to go on from.
        """
        os.makedirs(self.folder, exist_ok=True)
        writing.write_codes(self.folder, self.fitter.sizes, self.split.known)
        writing.write_names(self.folder, self.cohort)
        self.console.note(f"{self.folder}: {remarks.sets(self.split)}")
        try:
            self._fit(*numbers)
        except KeyboardInterrupt:
            with signals.held_back():
                # The state in memory may be half-way through an evaluation; the one on disk is whole.
                self.state = State.load(self._path(STATE))
                if self.state.best:
                    self._write_results(self.state.best)
            raise
        best = self._best()
        self._write_results(best)
        writing.write_metrics(self.folder, best.results)
        remove_state(self.folder)
        return best.results

    def _fit(self, *numbers: int) -> None:
        config, state, train = self.config, self.state, self.split.train
        if state.snapshot:
            self.console.note(f"{self.folder}: going on from iteration {state.evaluations * config.eval_period}")
        self.fitter.begin(train, self.starts, state, *numbers)
        if not self._nothing_left():
            self.fitter.go_on(train, self.starts, (state.evaluations, config.evaluations), self._callbacks())

    def _nothing_left(self) -> bool:
        """Whether all updates are made, or `Stopping` ended the split."""
        state, config = self.state, self.config
        done = state.evaluations == config.evaluations
        return done or state.diverged or self.patience.is_over(state.history, state.since_best)

    def _best(self) -> Best:
        """Returns the split at its lowest validation loss, and tells if that is not all that was asked for.

        Raises:
            InputError: no evaluation gave a finite validation loss.
        """
        state, best = self.state, self.state.best
        remedy = f"a learning_rate below {self.config.learning_rate:g} or a clip_norm may train further"
        if best is None:
            reason = self._divergence() if state.diverged else "no evaluation gave a finite valid_loss"
            raise InputError(f"{self.folder}: {reason}, and there is no model to keep; {remedy}")
        kept = best.results["iteration"]
        if state.diverged:
            self.console.note(
                f"warning: {self.folder}: {self._divergence()}; stopped, and the model of iteration {kept} is kept; "
                f"{remedy}"
            )
        elif state.evaluations < self.config.evaluations:
            self.console.note(
                f"{self.folder}: stopped at iteration {state.history[-1]['iteration']}, after {state.since_best} "
                f"evaluations without a better {self.config.criterion} than that of iteration {kept}"
            )
        for warning in remarks.warnings(state.history, kept, self.split.train, self.valid, self.config.criterion):
            self.console.note(f"warning: {self.folder}: {warning}")
        return best

    def _divergence(self) -> str:
        """Tells in which iterations the training loss stopped being a number."""
        last = self.state.history[-1]["iteration"]
        first = last - self.config.eval_period + 1
        return f"the training loss was not a finite number in iterations {first} to {last}"

    def _callbacks(self) -> list:
        config, state, console = self.config, self.state, self.console
        valid, test = self._held_out(self.valid), self._held_out(self.test)
        return [
            Evaluation(state, self._path(STATE), valid, test, config, console),
            *([tensorboard.Curves(self._path(TENSORBOARD), config.eval_period)] if config.tensorboard else []),
            Stopping(state, self.patience),
            Progress(os.path.basename(self.folder), state, config, config.evaluations, console),
        ]

    def _held_out(self, part: Part) -> HeldOutSet:
        """Returns a set as it is evaluated."""
        batches = datasets.kept_scoring_batches(part, self.config.eval_batch_size)
        return HeldOutSet(self.fitter.scorer, batches, part.labels)

    def _write_results(self, best: Best) -> None:
        """Writes all files but the metrics, whose presence says that the split is finished."""
        model = self.fitter.model
        model.set_weights(best.weights)
        writing.write_model(self.folder, model)
        writing.write_history(self.folder, self.state.history)
        writing.write_predictions(self.folder, "valid", self.split.valid, best.valid, self.cohort.patient_ids)
        writing.write_predictions(self.folder, "test", self.split.test, best.test, self.cohort.patient_ids)
        if self.config.tensorboard:
            folder = self._path(TENSORBOARD)
            results = {name: best.results[name] for name in summary.RESULTS}
            tensorboard.write_hyperparameters(folder, self.config, results, best.results["iteration"])
            tensorboard.write_embeddings(folder, model, self.split.train, self.cohort.vocabulary, self.cohort.hierarchy)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)
