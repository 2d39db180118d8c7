"""Building of the model that a configuration describes."""

from collections.abc import Mapping

from mime_tf.config import TrainConfig
from mime_tf.model import MiME
from mime_tf.runs.configuration import OUTCOMES
from mime_tf.training.beside_codes import NOTHING, BesideCodes
from mime_tf.training.kinship import Kinship, ancestors_of


def build_model(
    config: TrainConfig,
    sizes: Mapping[str, int],
    aux_heads: bool | None = None,
    kinship: Kinship | None = None,
    beside: BesideCodes = NOTHING,
) -> MiME:
    """Returns the MiME that a configuration describes, with its weights made.

    Args:
        config: the flags.
        sizes: dict of the resolved sizes, of `mime_tf.data.sizes.resolve`.
        aux_heads: as for `MiME`.
        kinship: the ancestors of the codes, if their embeddings share a part.
        beside: age, sex and days that the model reads.
    """
    model = MiME(
        num_dx=sizes["num_dx"],
        num_rx=sizes["num_rx"],
        num_pr=sizes["num_pr"],
        emb_size=config.dx_emb_size,
        dxobj_emb_size=config.dxobj_emb_size,
        rnn_size=config.rnn_size,
        emb_activation=config.emb_activation,
        order_activation=config.order_activation,
        visit_activation=config.visit_activation,
        equations=config.equations,
        rnn_cell=config.rnn_cell,
        dropout=config.dropout,
        pooling=config.pooling,
        code_dropout=config.code_dropout,
        regularize=config.regularize,
        regularize_embeddings=config.weight_of_embeddings,
        aux_lambda=config.aux_lambda,
        aux_heads=aux_heads,
        max_dx_per_visit=sizes["max_dx_per_visit"],
        outcomes=sizes.get(OUTCOMES, 1),
        ancestors=ancestors_of(config, kinship),
        **beside.arguments,
        name="mime",
        dtype="float32" if config.mixed_precision == "none" else f"mixed_{config.mixed_precision}",
    )
    if kinship is not None:
        model.dxobject_embedding.relate(kinship.relations)
    return model
