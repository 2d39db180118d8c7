"""The one model that fits all splits of a run, so that TensorFlow traces and compiles its steps once."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mime_tf import tf1_weights
from mime_tf.batches import datasets
from mime_tf.config import TrainConfig
from mime_tf.data.store import Store
from mime_tf.errors import InputError
from mime_tf.losses import LogLoss
from mime_tf.scoring.scorer import Scorer
from mime_tf.splits.split import Part
from mime_tf.training import devices
from mime_tf.training.beside_codes import NOTHING, BesideCodes
from mime_tf.training.build import build_model
from mime_tf.training.kinship import Kinship
from mime_tf.training.label_weights import label_weights, weighted
from mime_tf.training.learning_rate import make_optimizer
from mime_tf.training.link_embeddings import link_vectors
from mime_tf.training.snapshot import Snapshot
from mime_tf.training.state import State

# Least number of updates for which jit_compile auto compiles a run on a GPU: XLA takes some 15 s for all shapes.
WORTH_COMPILING = 5000


class Fitter:
    """A model, ready to be fitted to one split after another.

    Args:
        config: the flags of the run.
        sizes: dict of the resolved sizes.
        store: the patients whose links code embeddings start from, if they do; all that were read.
        kinship: the ancestors of the codes, if their embeddings share a part.
        beside: age, sex and days that the model reads.

    Raises:
        InputError: `config.init_from` does not hold weights for such a model, or the batch can't be divided over the
            devices.
    """

    def __init__(
        self,
        config: TrainConfig,
        sizes: Mapping[str, int],
        store: Store | None = None,
        kinship: Kinship | None = None,
        beside: BesideCodes = NOTHING,
    ):
        self.config, self.sizes, self.kinship, self.beside = config, sizes, kinship, beside
        self._link_vectors = self._find_link_vectors(store)
        self.strategy = devices.strategy(config.distribute)
        replicas = self.strategy.num_replicas_in_sync
        if config.batch_size % replicas:
            raise InputError(f"batch_size: found {config.batch_size}; must be a multiple of the {replicas} devices")
        self.compiles = config.jit_compile == "on" or (config.jit_compile == "auto" and self._worth_compiling())
        self.training_shapes: Callable | None = None
        with self.strategy.scope():
            self.model = build_model(config, sizes, kinship=kinship, beside=beside)
            # Read before anything is written, so that a file that does not fit leaves nothing behind.
            self._weights_of_file: dict[tuple[int, ...], list[np.ndarray]] = {
                (number,): self._draw(number) for number in config.split_numbers if config.init_from
            }
            self.model.compile(
                make_optimizer(config, replicas),
                loss=LogLoss(),
                # TensorFlow 2.21 fails to run Keras's loop over several steps on several devices.
                steps_per_execution=config.eval_period if replicas == 1 else 1,
                jit_compile=self.compiles,
            )
            self.model.optimizer.build(self.model.trainable_variables)
        self._new_optimizer = [keras.ops.convert_to_numpy(value) for value in self.model.optimizer.variables]
        self.scorer = Scorer(self.model)

    def _worth_compiling(self) -> bool:
        """Whether XLA pays: for a long run on one GPU whose recurrence has no kernel there.

        On a CPU it hardly does: TensorFlow's own kernels take batches of any shape without padding them to a few
        shapes, and only small batches are a little faster with XLA.
        """
        updates = self.config.updates * len(self.config.split_numbers)
        no_kernel = self.config.rnn_cell == "gru_v1" and bool(tf.config.list_physical_devices("GPU"))
        possible = self.config.distribute == "none" and "distinct" not in self.config.pooling
        return no_kernel and updates >= WORTH_COMPILING and possible

    def batches(self, part: Part, starts: Sequence[int] | np.ndarray) -> Any:
        """Returns the dataset of the training windows that start at `starts`, divided over the devices.

        Its batches are `(inputs, labels)`, with a weight for each patient after them where labels are weighted.
        """
        replicas, batch_size = self.strategy.num_replicas_in_sync, self.config.batch_size
        weights = label_weights(self.config.class_weight, part.labels)

        def cut(_=None):
            batches = datasets.training_batches(part, starts, batch_size, self.training_shapes, replicas)
            return batches if weights is None else weighted(batches, weights)

        # Weights come with the batches: Keras's `class_weight` does not work on a dataset divided over devices.
        return cut() if replicas == 1 else self.strategy.distribute_datasets_from_function(cut)

    def begin(self, part: Part, starts: np.ndarray, state: State, *numbers: int) -> None:
        """Makes the model ready to be fitted: as a state has it, or new and after the update of iteration 0.

        Args:
            part: the training patients.
            starts: start of each training window.
            state: of the training; its snapshot is taken out, and is in the model from here on.
            *numbers: as for `start`.
        """
        if state.snapshot:
            state.snapshot.restore(self.model)
            state.snapshot = None
            return
        self.start(*numbers)
        if part.labels.ndim > 1 and not self.config.init_from:
            self.start_at_shares(part.labels)
        # The update of iteration 0, which precedes the first period.
        self.model.fit(self.batches(part, starts[:1]), verbose=0, shuffle=False)

    def go_on(self, part: Part, starts: np.ndarray, periods: tuple[int, int], callbacks: list) -> None:
        """Fits the model to a training set.

        Args:
            part: the training patients.
            starts: start of each training window, that of iteration 0 first.
            periods: number of evaluation periods that are done, and that will be.
            callbacks: of Keras.
        """
        done, total = periods
        length = self.config.eval_period
        self.model.fit(
            self.batches(part, starts[1 + done * length : 1 + total * length]),
            initial_epoch=done,
            epochs=total,
            steps_per_epoch=length,
            verbose=0,
            shuffle=False,
            callbacks=callbacks,
        )

    def start(self, *numbers: int) -> None:
        """Gives the model initial weights and a new optimizer.

        Args:
            *numbers: the split seed, or the number of the fold; then, for a network of a blend, those of its kind and
                member.
        """
        drawn = np.random.SeedSequence([self.config.random_seed, *numbers]).generate_state(2)
        seeds = [np.array([drawn[1], 0])] if self.model.random_state else []
        initial = self._weights_of_file.get(numbers) or self._draw(*numbers)
        Snapshot(initial, self._new_optimizer, seeds).restore(self.model)

    def start_at_shares(self, labels: np.ndarray) -> None:
        """Sets the bias of each outcome to the log-odds of its share of cases, 0 or 1 (patients, outcomes).

        Most of hundreds of outcomes are rare, and from a bias of 0 the first thousand updates would learn only that.
        """
        cases = labels.sum(axis=0, dtype=np.float64) + 0.5
        self.model.prediction.bias.assign(np.log(cases / (len(labels) + 1 - cases)))

    def _draw(self, *numbers: int) -> list[np.ndarray]:
        """Returns initial weights: those of `init_from` for a split, or drawn from the run's seed and `numbers`."""
        path = self.config.init_from
        if path:
            weights = (
                tf1_weights.read_npz(path, *numbers) if path.endswith(".npz") else tf1_weights.read_checkpoint(path)
            )
            tf1_weights.assign(self.model, weights, path)
            return self.model.get_weights()
        state = np.random.SeedSequence([self.config.random_seed, *numbers]).generate_state(1)
        # Initializers take their seeds from here. Keras's own function seeds TensorFlow too, which then forgets the
        # kernels of all functions in the process; to prepare those of a small model again takes half a second.
        random.seed(int(state[0]))
        model = build_model(self.config, self.sizes, kinship=self.kinship, beside=self.beside)
        for kind, vectors in self._link_vectors.items():
            # As large as the random columns: the variance of Glorot's uniform distribution is 2 / (rows + columns).
            table = getattr(model.dxobject_embedding, f"{kind}_embeddings")
            values = keras.ops.convert_to_numpy(table).copy()
            first, scaled = values[:, : vectors.shape[1]], vectors * np.sqrt(2 / sum(values.shape))
            values[:, : vectors.shape[1]] = np.where(np.isnan(scaled), first, scaled)
            table.assign(values)
        return model.get_weights()

    def _find_link_vectors(self, store: Store | None) -> dict[str, np.ndarray]:
        """Returns the first columns of the code embeddings by kind of code; none if all are drawn."""
        if self.config.init_embeddings != "links":
            return {}
        if store is None:
            raise ValueError("`store` must be given where `init_embeddings` is 'links'. Received: store=None")
        return link_vectors(store, self.sizes, self.config.link_dimensions)
