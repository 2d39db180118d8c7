"""What happens around the updates of a split: evaluation, keeping the state, progress."""

import dataclasses
import time

import keras
import numpy as np

from mime_tf.assess.summary import results, summarize
from mime_tf.training import lines

# Seconds between the states that are written: where evaluations are quick, writing would take longer than training.
SAVE_PERIOD = 2.0


class Evaluation(keras.callbacks.Callback):
    """Evaluates after every epoch, which is an evaluation period, and keeps the state.

    Adds `val_loss`, `val_auc`, `val_aucpr` and `learning_rate` to the logs, for the callbacks after it.

    Args:
        state: `State`, updated after each evaluation, and saved if none was in the last `SAVE_PERIOD` seconds.
        path: where to save it.
        scorer: `evaluation.Scorer` of the model.
        valid, test: pairs of the batches of a set and its labels.
        eval_period: iterations between evaluations.
        console: `Console`.
    """

    def __init__(self, state, path, scorer, valid, test, eval_period, console):
        super().__init__()
        self.state, self.path, self.scorer = state, path, scorer
        self.valid, self.test = valid, test
        self.eval_period, self.console = eval_period, console
        self.saved = -np.inf

    def on_epoch_end(self, epoch, logs=None):
        iteration = (epoch + 1) * self.eval_period
        probabilities = self.scorer(self.valid[0])
        valid = summarize(self.valid[1], probabilities)
        self.console.line(lines.round_line(iteration, valid))
        learning_rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        losses = {name: float(value) for name, value in logs.items()}
        validation = {f"valid_{name}": value for name, value in valid.items()}
        self.state.history.append({"iteration": iteration, **losses, "learning_rate": learning_rate, **validation})
        lowest = self.state.best["valid_loss"] if self.state.best else np.inf
        if valid["loss"] < lowest:
            self._keep_best(iteration, valid, probabilities)
        self.state.evaluations = epoch + 1
        if time.monotonic() - self.saved >= SAVE_PERIOD:
            self._save()
        logs.update({f"val_{name}": value for name, value in valid.items()}, learning_rate=learning_rate)

    def _save(self):
        # In a copy of the state, so that these arrays are not held until the next time.
        state = dataclasses.replace(
            self.state,
            weights=self.model.get_weights(),
            optimizer=[keras.ops.convert_to_numpy(value) for value in self.model.optimizer.variables],
            seeds=[keras.ops.convert_to_numpy(value) for value in self.model.random_state],
        )
        state.save(self.path)
        self.saved = time.monotonic()

    def _keep_best(self, iteration, valid, probabilities):
        state, weights = self.state, self.model.get_weights()
        if not all(np.isfinite(value).all() for value in weights):  # those of heads, on which no prediction depends
            return
        state.valid, state.test = probabilities, self.scorer(self.test[0])
        test = summarize(self.test[1], state.test)
        state.best = {"iteration": iteration, **results(valid, test)}
        state.best_weights = weights


class Stopping(keras.callbacks.Callback):
    """Stops a split whose training loss is not finite, or that is out of patience.

    Reads both from the state, so that they survive a restart; Keras's `EarlyStopping` and `TerminateOnNaN` would not.

    Args:
        state: `State`, which `Evaluation` has updated.
        patience: number of evaluations in a row without a better validation loss to stop after; 0 for never.
    """

    def __init__(self, state, patience):
        super().__init__()
        self.state, self.patience = state, patience

    def on_epoch_end(self, epoch, logs=None):
        if self.state.diverged or 0 < self.patience <= self.state.since_best:
            self.model.stop_training = True


class Progress(keras.callbacks.Callback):
    """Shows how far a split is, how fast it goes and how long it has to go.

    Args:
        name: the split's.
        state: `State`.
        config: `TrainConfig`.
        console: `Console`.
    """

    def __init__(self, name, state, config, console):
        super().__init__()
        self.name, self.state, self.config, self.console = name, state, config, console

    def on_train_begin(self, logs=None):
        self.started, self.first = time.monotonic(), self.state.evaluations

    def on_epoch_end(self, epoch, logs=None):
        done, total = epoch + 1, self.config.evaluations
        seconds = (time.monotonic() - self.started) / (done - self.first)
        best = f"{self.state.best['valid_loss']:.4f}" if self.state.best else "none yet"
        self.console.progress(
            f"{self.name}: iteration {done * self.config.eval_period} of {total * self.config.eval_period}, "
            f"{seconds / self.config.eval_period * 1000:.1f} ms an update, best valid_loss {best}, "
            f"{time.strftime('%H:%M:%S', time.gmtime(seconds * (total - done)))} to go"
        )
