"""Probabilities of batches of patients, by a model."""

import collections
import concurrent.futures
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from mime_tf.batches import datasets

# Number of batches scored concurrently; one batch alone leaves cores idle.
CONCURRENT = 2


class Scorer:
    """Scores datasets with a model; traced once, it is cheap to call again and again as the weights change.

    Args:
        model: MiME or Blend.
    """

    def __init__(self, model: Any):
        signature = [datasets.inputs_of(model)]
        # A concrete function, because TensorFlow warns of retracing where several models are each traced once.
        predict = tf.function(lambda inputs: model(inputs, training=False), input_signature=signature)
        self._predict = predict.get_concrete_function()

    def __call__(self, batches: Iterable[tuple]) -> np.ndarray:
        """Returns the probabilities of `(inputs, labels)` batches, such as a dataset.

        Returns:
            float32 (patients,), or (patients, outcomes) of a model of several outcomes.
        """
        probabilities: list[np.ndarray] = []
        pending: collections.deque[concurrent.futures.Future] = collections.deque()
        with concurrent.futures.ThreadPoolExecutor(CONCURRENT) as threads:
            for inputs, _ in batches:
                pending.append(threads.submit(self._predict, inputs))
                if len(pending) > CONCURRENT:
                    probabilities.append(pending.popleft().result())
            probabilities += [future.result() for future in pending]
        scores = np.concatenate(probabilities)
        return scores[:, 0] if scores.shape[1] == 1 else scores
