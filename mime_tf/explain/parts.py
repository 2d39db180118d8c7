"""Contributions to the logit of any model: of one network, or of a blend's networks and its regression."""

import dataclasses

from mime_tf.explain import attribution
from mime_tf.explain.attribution import TOLERANCE, Contributions
from mime_tf.explain.regression import regression_contributions
from mime_tf.model import MiME


def contributions(model, store, tolerance=TOLERANCE, progress=None, attributes=None):
    """Divides the logits of patients among their diagnoses and their pairs of diagnosis and order.

    The contributions of a blend are the weighted sums of those of its parts, as its logit is that of theirs.

    Args:
        model: MiME or Blend.
        store: `mime_tf.data.store.Store` of codes that the model has room for.
        tolerance: the largest gap of a network to accept, as for `mime_tf.explain.attribution.contributions`.
        progress: function that is given a text now and then, such as `Console.progress`.
        attributes: float (patients, attributes), of a model that reads some; None leaves their terms out.

    Returns:
        `mime_tf.explain.attribution.Contributions`.

    Raises:
        InputError: as `mime_tf.explain.attribution.contributions` does.
    """
    if isinstance(model, MiME):
        return attribution.contributions(model, store, tolerance, progress, attributes)
    total = Contributions.zeros(store)
    for name in ("empty_logits", "dx_logits", "logits"):
        getattr(total, name)[:] = float(model.bias)
    for part, weight in model.weighted_parts:
        if weight == 0:
            continue
        if isinstance(part, MiME):
            of_part = attribution.contributions(part, store, tolerance, progress, attributes)
        else:
            of_part = regression_contributions(part, store, attributes)
        for field in dataclasses.fields(Contributions):
            array = getattr(total, field.name)
            array += weight * getattr(of_part, field.name)
    return total
