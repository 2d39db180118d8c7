"""Probabilities of batches of patients, by a model."""

import collections
import concurrent.futures

import numpy as np
import tensorflow as tf

from mime_tf.batches import datasets

# Batches that are scored at the same time: the parts of one wait for each other too much to keep the cores busy.
AT_ONCE = 2


class Scorer:
    """Scores datasets with a model; traced once, it is cheap to call again and again as the weights change.

    Args:
        model: MiME.
    """

    def __init__(self, model):
        self._predict = tf.function(lambda inputs: model(inputs, training=False), input_signature=[datasets.INPUTS])

    def __call__(self, batches):
        """Returns the probabilities, float32 of shape (patients,), of `(inputs, labels)` batches, such as a dataset."""
        found, begun = [], collections.deque()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
            for inputs, _ in batches:
                begun.append(threads.submit(self._predict, inputs))
                if len(begun) > AT_ONCE:
                    found.append(begun.popleft().result())
            found += [one.result() for one in begun]
        return np.concatenate(found)[:, 0]
