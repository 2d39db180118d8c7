"""Training: one split fitted by `MiME.fit`, several splits, and what a run leaves on disk."""

from mime_tf.training.run import train

__all__ = ["train"]
