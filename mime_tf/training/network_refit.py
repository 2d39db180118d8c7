"""Refit of one network: fitted to all patients for a given number of updates, resumed where it was killed."""

import os

import numpy as np

from mime_tf.batches import shapes, tables
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs import writing
from mime_tf.runs.folder import MODEL, STATE, remove_state
from mime_tf.splits.split import Split
from mime_tf.terminal.console import Console
from mime_tf.training.callbacks import Keeping, Progress, StoppingAtNan
from mime_tf.training.fitter import Fitter
from mime_tf.training.state import State


class NetworkRefit:
    """Refit of one network.

    Args:
        folder: for its files.
        split: of `mime_tf.splits.everyone`.
        cohort: the patients, with the names of their codes.
        fitter: the model and how to fit it.
        console: where to print.
    """

    def __init__(self, folder: str, split: Split, cohort: Cohort, fitter: Fitter, console: Console):
        self.folder, self.split, self.cohort = folder, split, cohort
        self.fitter, self.console = fitter, console

    def run(self, iteration: int, seed: int, *numbers: int) -> None:
        """Fits the network and writes it, unless it is there.

        Args:
            iteration: number of updates after the first one, a multiple of the evaluation period.
            seed: seed of the training windows.
            *numbers: those that the initial weights are drawn by, as `Fitter.start` takes them.

        Raises:
            InputError: the training loss was not a finite number.
            KeyboardInterrupt: with the state to go on from in the folder.
        """
        if os.path.exists(os.path.join(self.folder, MODEL)):
            remove_state(self.folder)  # a run that was killed may have left it beside the model
            return
        os.makedirs(self.folder, exist_ok=True)
        writing.write_codes(self.folder, self.fitter.sizes, self.split.known)
        writing.write_names(self.folder, self.cohort)
        path = os.path.join(self.folder, STATE)
        state, config, train = State.load(path), self.fitter.config, self.split.train
        (starts,) = tables.window_starts(seed, [len(train)], config.batch_size, iteration + 1)
        if self.fitter.compiles:
            self.fitter.training_shapes = shapes.plan([train], [starts], config.batch_size)
        if state.snapshot:
            self.console.note(f"{self.folder}: going on from iteration {state.evaluations * config.eval_period}")
        self.fitter.begin(train, starts, state, *numbers)
        periods = iteration // config.eval_period
        if state.evaluations < periods and not state.diverged:
            callbacks = [
                Keeping(state, path, config),
                StoppingAtNan(state),
                Progress(os.path.basename(self.folder), state, config, periods, self.console),
            ]
            self.fitter.go_on(train, starts, (state.evaluations, periods), callbacks)
        weights = self.fitter.model.get_weights()
        if state.diverged or not all(np.isfinite(values).all() for values in weights):
            raise InputError(
                f"{self.folder}: the training loss was not a finite number by iteration "
                f"{state.evaluations * config.eval_period}; a learning_rate below {config.learning_rate:g} or a "
                "clip_norm may train further"
            )
        writing.write_history(self.folder, state.history)
        writing.write_model(self.folder, self.fitter.model)
        remove_state(self.folder)
