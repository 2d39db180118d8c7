"""Risk of linked pairs of related codes, and of single codes."""

import numpy as np

from mime_tf.data.store import Store
from mime_tf.simulate.related.world import OWN_SHARE, RelatedWorld
from mime_tf.simulate.risk import single_codes
from mime_tf.simulate.risk.logit import Risk, standardized


def risk(world: RelatedWorld, store: Store, pair_effect: float) -> Risk:
    """Returns the risk of patients, a share `pair_effect` of whose logit's variance comes from linked pairs."""
    scores = {
        "code": single_codes.score(single_codes.sums(world.effects, store)),
        "pair": standardized(sums(world.pair_effects, store)),
    }
    truth = {
        "families": {kind: families.tolist() for kind, families in world.families.items()},
        "family_effects": world.family_effects.tolist(),
        "own_share": OWN_SHARE,
        "codes": single_codes.truth(world.effects),
    }
    return Risk(scores, {"code": 1 - pair_effect, "pair": pair_effect}, truth)


def sums(pair_effects: np.ndarray, store: Store) -> np.ndarray:
    """Returns the sum of the effects of each patient's links over the root of their number: float64 (patients,).

    A link counts as often as it occurs.

    Args:
        pair_effects: float64 (num_dx, num_rx).
        store: the records.
    """
    dxobj = np.repeat(np.arange(len(store.dx)), np.diff(store.rx_offsets))
    patient = np.searchsorted(store.dxobjs[store.visits], dxobj, side="right") - 1
    counts = np.bincount(patient, minlength=len(store))
    total = np.bincount(patient, pair_effects[store.dx[dxobj], store.rx], len(store))
    return total / np.sqrt(np.maximum(counts, 1))
