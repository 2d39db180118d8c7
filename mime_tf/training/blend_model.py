"""The blend of parts that are fitted."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np

from mime_tf.blend import Blend
from mime_tf.regression.linear import Linear
from mime_tf.runs import model_file
from mime_tf.runs.folder import MODEL
from mime_tf.training.beside_codes import BesideCodes
from mime_tf.training.fitter import Fitter
from mime_tf.training.regression_layer import regression_layer


@dataclasses.dataclass(frozen=True)
class BlendModel:
    """What the blends of a run have in common.

    Attributes:
        fitters: one for each kind of network.
        members: number of networks of a kind.
        sizes: dict of the resolved sizes.
        beside: age, sex and days that the parts read.
    """

    fitters: Sequence[Fitter]
    members: int
    sizes: Mapping[str, int]
    beside: BesideCodes

    def of(
        self, networks: Mapping[tuple[int, int], str], regression: Linear | None, weights: np.ndarray, bias: float
    ) -> Blend:
        """Returns the blend of networks and a regression.

        Args:
            networks: dict from a kind and a member to the folder of the network, kind by kind; not all kinds need be
                there.
            regression: the regression, or None.
            weights: float (kinds and perhaps regression,), of all kinds.
            bias: of the sum.
        """
        used = sorted({kind for kind, _ in networks})
        kinds = [self.fitters[kind].model.get_config() for kind in used]
        arguments, weights_of_regression = regression_layer(regression) if regression is not None else ({}, {})
        attributes = self.beside.arguments["attributes"]
        model = Blend(kinds, self.members, **arguments, attributes=attributes, name="blend")
        for network, folder in zip(model.networks, networks.values(), strict=True):
            network.set_weights(model_file.load(os.path.join(folder, MODEL), self.sizes).get_weights())
        model.set_regression(**weights_of_regression)
        model.part_weights.assign([*weights[used], *([] if regression is None else weights[-1:])])
        model.bias.assign(bias)
        return model
