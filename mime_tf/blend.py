"""Blend: networks and a regression on codes and linked pairs, as one model with one probability."""

import keras
import tensorflow as tf

from mime_tf.layers import CodeRegression
from mime_tf.model import MiME, count_attributes


@keras.saving.register_keras_serializable("mime_tf")
class Blend(keras.Model):
    """Weighted sum of the logits of several parts, each fitted before; nothing here is trained.

        logit = bias + sum over kinds k of weights[k] mean over its networks of logit + weights[-1] regression logit

    A kind is networks of one configuration, each fitted to other patients; the regression is the last part, if there
    is one. Weights fitted on predictions for patients that a part was not fitted to are those of stacked
    generalization (Wolpert, Neural Networks 1992), non-negative as Breiman has them (Machine Learning 1996).

    Args:
        kinds: list of dicts, the configuration of the networks of each kind, as `MiME.get_config` has it.
        members: number of networks of each kind.
        windows, sizes, sequences, ancestors, fading: as for `CodeRegression`; windows and sizes are None for no
            regression.
        attributes: dict of how attributes of patients are made, as `mime_tf.regression.attributes.Attributes.config`
            has it, for parts that read them; or None. Networks that do have the same.
        **kwargs: arguments of `keras.Model`.

    Call arguments:
        inputs: dict of the tables of a batch, as `mime_tf.batches.datasets.inputs_of` has them.

    Returns:
        float32 tensor of shape (B, 1), probabilities.
    """

    def __init__(
        self, kinds, members, windows=None, sizes=None, sequences=0, attributes=None, ancestors=None, fading=0, **kwargs
    ):
        super().__init__(**kwargs)
        if not (kinds or windows):
            raise ValueError(f"a network or a regression is needed. Received: {kinds=}, {windows=}")
        self.kinds, self.members = [dict(kind) for kind in kinds], members
        self.windows, self.sizes, self.sequences, self.attributes = windows, sizes, sequences, attributes
        self.ancestors, self.fading = ancestors, fading
        self.networks = [
            MiME.from_config({**kind, "name": f"network{number}_{member}"})
            for number, kind in enumerate(kinds)
            for member in range(members)
        ]
        self.regression = None
        if windows is not None:
            count = self.attribute_count
            self.regression = CodeRegression(windows, sizes, sequences, count, ancestors, fading, name="regression")
        self.build()

    def build(self, input_shape=None):
        """Makes every weight. The constructor calls it, because no weight depends on the shape of the input."""
        if self.built:
            return
        parts = len(self.kinds) + (self.regression is not None)
        options = {"trainable": False, "dtype": "float32"}
        self.part_weights = self.add_weight(name="part_weights", shape=(parts,), initializer="ones", **options)
        self.bias = self.add_weight(name="bias", shape=(), initializer="zeros", **options)
        if self.regression is not None:
            self.regression.build()
        self.built = True

    def set_regression(self, above=None, **weights):
        """Gives the regression its weights, under the names that `CodeRegression` has for them.

        Args:
            above: the arguments of `CodeAncestors.assign`, or None.
            **weights: the others.
        """
        if above is not None:
            self.regression.above.assign(*above)
        for name, value in weights.items():
            getattr(self.regression, name).assign(value)

    @property
    def attribute_count(self):
        """Number of attributes of a patient that a batch has to tell."""
        return count_attributes(self.attributes)

    @property
    def reads_days(self):
        """Whether a network or a window of the regression reads days, which a batch then has to tell."""
        return any(network.reads_days for network in self.networks) or any(window < 0 for window in self.windows or ())

    @property
    def weighted_parts(self):
        """List of pairs of a part, MiME or CodeRegression, and the float by which the sum multiplies its logit."""
        weights = keras.ops.convert_to_numpy(self.part_weights).tolist()
        networks = [(network, weights[index // self.members] / self.members) for index, network in
                    enumerate(self.networks)]  # fmt: skip
        return networks + ([] if self.regression is None else [(self.regression, weights[-1])])

    def call(self, inputs, training=None):
        logits = []
        for number in range(len(self.kinds)):
            networks = self.networks[number * self.members : (number + 1) * self.members]
            logits.append(sum(network.logits(inputs) for network in networks) / self.members)
        if self.regression is not None:
            logits.append(self.regression(inputs))
        total = tf.tensordot(tf.stack(logits, axis=-1), self.part_weights, axes=1)
        # In float32 the end of a vector may be rounded otherwise than its start, and equal patients would differ: a
        # constant model, which ties all of them, had an AUC of 0.52.
        return tf.cast(tf.sigmoid(tf.cast(total + self.bias, tf.float64)), tf.float32)

    def get_config(self):
        config = {"kinds": self.kinds, "members": self.members, "windows": self.windows, "sizes": self.sizes}
        names = ("sequences", "attributes", "ancestors", "fading")
        config |= {name: getattr(self, name) for name in names}
        return {**super().get_config(), **config}

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()
