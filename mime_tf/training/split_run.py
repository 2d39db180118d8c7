"""One split: fitted by `MiME.fit`, resumed where it was killed, and what is kept of it."""

import os

from mime_tf.assess import summary
from mime_tf.batches import datasets
from mime_tf.errors import InputError
from mime_tf.runs.folder import (
    CODES,
    HISTORY,
    METRICS,
    MODEL,
    PREDICTIONS,
    STATE,
    TENSORBOARD,
    VOCABULARY,
    remove_state,
    save_model,
    write_codes,
    write_predictions,
)
from mime_tf.terminal import files
from mime_tf.training import tensorboard
from mime_tf.training.callbacks import Evaluation, Progress, Stopping
from mime_tf.training.state import State


class SplitRun:
    """The run of one split.

    Args:
        folder: where it leaves its files.
        split: `mime_tf.splits.split.Split`.
        patient_ids: what the cohort's patients are called, an array, or None.
        starts: the start of each training window, `config.updates` of them.
        fitter: `Fitter`.
        vocabulary: `mime_tf.data.vocabulary.Vocabulary` or None.
        console: `Console`.
    """

    def __init__(self, folder, split, patient_ids, starts, fitter, vocabulary, console):
        self.folder, self.split, self.patient_ids, self.starts = folder, split, patient_ids, starts
        self.fitter, self.config = fitter, fitter.config
        self.vocabulary, self.console = vocabulary, console
        self.name = os.path.basename(folder)
        self.state = State.load(self._path(STATE))

    def run(self, seed):
        """Fits the model of split seed, or fold, `seed`, and writes the results.

        Returns:
            Dict of the results at the lowest validation loss, the keys `summary.RESULTS` among them.

        Raises:
            InputError: the validation loss was never a finite number.
            KeyboardInterrupt: with the best model so far in the folder, and the state to go on from.
        """
        os.makedirs(self.folder, exist_ok=True)
        write_codes(self._path(CODES), self.fitter.sizes, self.split.known)
        if self.vocabulary:
            self.vocabulary.write(self._path(VOCABULARY))
        try:
            self._fit(seed)
        except KeyboardInterrupt:
            # The state in memory may be half-way through an evaluation; the one on disk is whole.
            self.state = State.load(self._path(STATE))
            if self.state.best:
                self._write_results()
            raise
        if not self.state.best:
            reason = self._divergence() if self.state.diverged else "no evaluation gave a finite valid_loss"
            raise InputError(f"{self.folder}: {reason}, and there is no model to keep; {self._remedy()}")
        if self.state.diverged:
            self.console.note(
                f"warning: {self.folder}: {self._divergence()}; stopped, and the model of iteration "
                f"{self.state.best['iteration']} is kept; {self._remedy()}"
            )
        elif self._is_finished() and self.state.evaluations < self.config.evaluations:
            self.console.note(
                f"{self.folder}: stopped at iteration {self.state.history[-1]['iteration']}, after "
                f"{self.state.since_best} evaluations without a better valid_loss than that of iteration "
                f"{self.state.best['iteration']}"
            )
        self._write_results()
        files.write_json(self._path(METRICS), self.state.best)
        remove_state(self.folder)
        return self.state.best

    def _fit(self, seed):
        config, state, fitter = self.config, self.state, self.fitter
        model = fitter.model
        if state.evaluations:
            self.console.note(f"{self.folder}: going on from iteration {state.evaluations * config.eval_period}")
            fitter.restore(state.weights, state.optimizer, state.seeds)
            state.weights, state.optimizer, state.seeds = [], [], []  # in the model now, and written anew from there
        else:
            fitter.start(seed)
            # The update of iteration 0, which precedes the first period.
            model.fit(fitter.batches(self.split.train, self.starts[:1]), verbose=0, shuffle=False)
        if self._is_finished():
            return
        first, last = (1 + n * config.eval_period for n in (state.evaluations, config.evaluations))
        model.fit(
            fitter.batches(self.split.train, self.starts[first:last]),
            initial_epoch=state.evaluations,
            epochs=config.evaluations,
            steps_per_epoch=config.eval_period,
            verbose=0,
            shuffle=False,
            callbacks=self._callbacks(),
        )

    def _is_finished(self):
        """Whether nothing is left to train: all updates are made, or `Stopping` ended the split."""
        state, config = self.state, self.config
        done = state.evaluations == config.evaluations
        return done or state.diverged or 0 < config.patience <= state.since_best

    def _divergence(self):
        """Says in which iterations the training loss stopped being a number."""
        last = self.state.history[-1]["iteration"]
        first = last - self.config.eval_period + 1
        return f"the training loss was not a finite number in iterations {first} to {last}"

    def _remedy(self):
        return f"a learning_rate below {self.config.learning_rate:g} or a clip_norm may train further"

    def _callbacks(self):
        config = self.config
        sets = []
        for part in (self.split.valid, self.split.test):
            part = part.scored(config.batch_size, config.eval_drop_remainder)
            # A small set is kept as a list: cutting it, or starting an iterator, would cost more than scoring it.
            batches = datasets.scoring_batches(part, config.eval_batch_size)
            sets.append((list(batches) if len(batches) <= datasets.RUNS_KEPT else batches, part.labels))
        path = self._path(STATE)
        callbacks = [Evaluation(self.state, path, self.fitter.scorer, *sets, config.eval_period, self.console)]
        if config.tensorboard:
            callbacks.append(tensorboard.scalars(self._path(TENSORBOARD)))
        return [
            *callbacks,
            Stopping(self.state, config.patience),
            Progress(self.name, self.state, config, self.console),
        ]

    def _write_results(self):
        """Writes everything but the metrics, whose presence says that the split is finished."""
        state, model = self.state, self.fitter.model
        model.set_weights(state.best_weights)
        save_model(self._path(MODEL), model)
        rows = (row.values() for row in state.history)
        files.write_table(self._path(HISTORY), state.history[0], rows)
        for name, part in (("valid", self.split.valid), ("test", self.split.test)):
            path = self._path(PREDICTIONS[name])
            write_predictions(path, part, getattr(state, name), self.patient_ids)
        if self.config.tensorboard:
            results = {name: state.best[name] for name in summary.RESULTS}
            tensorboard.write_hyperparameters(self._path(TENSORBOARD), self.config, results, state.best["iteration"])
            tensorboard.write_embeddings(self._path(TENSORBOARD), model, self.vocabulary)

    def _path(self, name):
        return os.path.join(self.folder, name)
