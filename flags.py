"""The command-line flags of train.py, defined from the fields of `mime_tf.TrainConfig`; docs/flags.md lists them."""

from absl import flags

from mime_tf.commands import train
from mime_tf.config import TrainConfig

FLAGS = flags.FLAGS
train.define_flags(FLAGS, __name__)


def config() -> TrainConfig:
    """Returns the parsed flags as a `TrainConfig`; raises `mime_tf.InputError` if they do not go together."""
    return train.config(FLAGS)
