"""Ablation of the links: MiME with them, MiME without them and simpler models, compared on the same patients."""

from mime_tf.ablation.study import Ablation, ablate

__all__ = ["Ablation", "ablate"]
