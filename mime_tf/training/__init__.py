"""Training: a model fitted to each split of a cohort by `MiME.fit`."""

from mime_tf.training.run import train

__all__ = ["train"]
