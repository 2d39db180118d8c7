"""Do the links help? MiME with them, without them and beside simpler models, on the same patients."""

from mime_tf.ablation.study import Ablation, ablate

__all__ = ["Ablation", "ablate"]
