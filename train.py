"""Trains MiME: python train.py INPUT OUTPUT LOG.

INPUT, OUTPUT and LOG are prefixes. Reads INPUT.seqs and INPUT.labels; divides the patients into train, valid and
test once for each of --split_seeds; fits a model to each; leaves the best one by validation loss and all about it in
the folder OUTPUTr<random seed>s<split seed>/; and appends the results to LOG.log.

    python train.py ./sample ./ ./out
    python train.py cohort/cohort runs/a_ runs/a --aux_lambda=0.1 --num_iter=5000
    tensorboard --logdir runs

The same command goes on with a run that was killed. A --flagfile=FILE holds flags, one a line; each run leaves one.
"""

import sys

from absl import app
from absl import flags as absl_flags

import flags
from mime_tf.errors import InputError
from mime_tf.terminal import environment

absl_flags.adopt_module_key_flags(flags)  # so that --help shows them


def parse(argv):
    """Parses the flags; a wrong one is one line and exit status 2, like all bad input."""
    try:
        return flags.FLAGS(argv)
    except absl_flags.Error as error:
        print(f"train.py: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit:  # absl has printed the help that was asked for, and would call that a failure
        sys.exit(0)


def main(argv):
    """Returns the exit status: 0, 2 for bad input, 130 for Ctrl-C."""
    environment.prepare()
    try:
        if len(argv) != 4:
            raise InputError(f"train.py takes INPUT, OUTPUT and LOG prefixes; found {len(argv) - 1}; see --help")
        config = flags.config()
        # Imported here, so that --help and a wrong flag need not wait for TensorFlow.
        from mime_tf import training

        training.train(config, *argv[1:], resume=flags.FLAGS.resume, overwrite=flags.FLAGS.overwrite)
    except InputError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"train.py: {error.filename or 'writing'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("train.py: stopped; the same command goes on from the last evaluation, if there was one", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
