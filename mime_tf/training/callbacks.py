"""Callbacks of a split's training: evaluation, keeping the state, stopping, progress."""

import dataclasses
import time
from collections.abc import Iterable

import keras
import numpy as np

from mime_tf.assess.summary import results, summarize
from mime_tf.config import TrainConfig
from mime_tf.scoring.scorer import Scorer
from mime_tf.terminal.console import Console
from mime_tf.training import lines
from mime_tf.training.blend_weights import calibrated_loss
from mime_tf.training.patience import Patience
from mime_tf.training.snapshot import Snapshot
from mime_tf.training.state import Best, State

# Seconds between saved states; a state after every quick evaluation would take longer to write than to train.
SAVE_PERIOD = 2.0


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class HeldOutSet:
    """A set that a model is evaluated on.

    Attributes:
        scorer: of the model.
        batches: a dataset, or a list of its batches.
        labels: int array of 0 and 1, (patients,).
    """

    scorer: Scorer
    batches: Iterable[tuple]
    labels: np.ndarray

    def score(self) -> np.ndarray:
        """Returns the probabilities that the model gives now, float32 (patients,)."""
        return self.scorer(self.batches)

    def summarize(self, probabilities: np.ndarray) -> dict[str, float]:
        """Returns the figures of some probabilities, as `mime_tf.assess.summary.summarize` does."""
        return summarize(self.labels, probabilities)


class Keeping(keras.callbacks.Callback):
    """Notes the losses of every epoch, which is an evaluation period, and keeps the state.

    Args:
        state: updated after each epoch, and saved if none was saved in the last `SAVE_PERIOD` seconds.
        path: of the file to save it in.
        config: the flags of the run.
    """

    def __init__(self, state: State, path: str, config: TrainConfig):
        super().__init__()
        self.state, self.path, self.config = state, path, config
        self.saved = -np.inf

    def on_epoch_end(self, epoch, logs=None):
        self._note(epoch, logs, {})
        self._finish(epoch)

    def _note(self, epoch, logs, validation):
        """Adds a row to the history, the figures `validation` last; returns the learning rate."""
        learning_rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        losses = {name: float(value) for name, value in logs.items()}
        iteration = (epoch + 1) * self.config.eval_period
        self.state.history.append({"iteration": iteration, **losses, "learning_rate": learning_rate, **validation})
        return learning_rate

    def _finish(self, epoch):
        """Counts the epoch, and saves the state if it is time."""
        self.state.evaluations = epoch + 1
        if time.monotonic() - self.saved >= SAVE_PERIOD:
            # In a copy of the state, so that the arrays are freed as soon as they are written.
            dataclasses.replace(self.state, snapshot=Snapshot.of(self.model)).save(self.path)
            self.saved = time.monotonic()


class Evaluation(Keeping):
    """Evaluates after every epoch, and keeps the state and the best model.

    Adds `val_loss`, `val_auc`, `val_aucpr` and `learning_rate` to the logs, for the callbacks after it.

    Args:
        state, path, config: as for `Keeping`.
        valid, test: the held-out sets.
        console: for the line of each evaluation.
    """

    def __init__(
        self, state: State, path: str, valid: HeldOutSet, test: HeldOutSet, config: TrainConfig, console: Console
    ):
        super().__init__(state, path, config)
        self.valid, self.test, self.console = valid, test, console

    def on_epoch_end(self, epoch, logs=None):
        iteration = (epoch + 1) * self.config.eval_period
        probabilities = self.valid.score()
        valid = self.valid.summarize(probabilities)
        self.console.line(lines.round_line(iteration, valid))
        if self.config.choose_by == "calibrated_loss":
            valid["calibrated_loss"] = calibrated_loss(self.valid.labels, probabilities)
        learning_rate = self._note(epoch, logs, {f"valid_{name}": value for name, value in valid.items()})
        if valid[self.config.choose_by] < self.state.lowest(self.config.criterion):
            self._keep_best(iteration, valid, probabilities)
        self._finish(epoch)
        logs.update({f"val_{name}": value for name, value in valid.items()}, learning_rate=learning_rate)

    def _keep_best(self, iteration, valid, probabilities):
        weights = self.model.get_weights()
        if not all(np.isfinite(value).all() for value in weights):  # of auxiliary heads, which no prediction uses
            return
        of_test = self.test.score()
        values = {"iteration": iteration, **results(valid, self.test.summarize(of_test))}
        values[self.config.criterion] = valid[self.config.choose_by]
        self.state.best = Best(values, weights, probabilities, of_test)


class Stopping(keras.callbacks.Callback):
    """Stops a split whose training loss is not finite, or that is out of patience.

    Reads both from the state, so that they survive a restart; Keras's `EarlyStopping` and `TerminateOnNaN` would not.

    Args:
        state: as `Evaluation` has updated it.
        patience: the rule to stop by.
    """

    def __init__(self, state: State, patience: Patience):
        super().__init__()
        self.state, self.patience = state, patience

    def on_epoch_end(self, epoch, logs=None):
        if self.state.diverged or self.patience.is_over(self.state.history, self.state.since_best):
            self.model.stop_training = True


class StoppingAtNan(keras.callbacks.Callback):
    """Stops a training whose loss is not finite.

    Args:
        state: as `Keeping` has updated it.
    """

    def __init__(self, state: State):
        super().__init__()
        self.state = state

    def on_epoch_end(self, epoch, logs=None):
        if self.state.diverged:
            self.model.stop_training = True


class Progress(keras.callbacks.Callback):
    """Shows how far a training is, how fast it goes and how long it has to go.

    Args:
        name: of the split, or of another model that is fitted.
        state: of the training.
        config: the flags of the run.
        periods: number of evaluation periods in all.
        console: for the line of progress.
    """

    def __init__(self, name: str, state: State, config: TrainConfig, periods: int, console: Console):
        super().__init__()
        self.name, self.state, self.config, self.console = name, state, config, console
        self.periods = periods

    def on_train_begin(self, logs=None):
        self.started, self.first = time.monotonic(), self.state.evaluations

    def on_epoch_end(self, epoch, logs=None):
        done, total = epoch + 1, self.periods
        seconds = (time.monotonic() - self.started) / (done - self.first)
        criterion = self.config.criterion
        best = f"best {criterion} {self.state.lowest(criterion):.4f}, " if self.state.best else ""
        self.console.progress(
            f"{self.name}: iteration {done * self.config.eval_period} of {total * self.config.eval_period}, "
            f"{seconds / self.config.eval_period * 1000:.1f} ms an update, {best}"
            f"{time.strftime('%H:%M:%S', time.gmtime(seconds * (total - done)))} to go"
        )
