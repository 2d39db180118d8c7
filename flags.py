"""The command-line flags of train.py, and the one dataclass they become."""

import dataclasses

from absl import flags

from mime_tf.config import ACTIVATIONS, DISTRIBUTE, JIT_COMPILE, MIXED_PRECISION, RNN_CELLS, SCHEDULES, TrainConfig
from mime_tf.errors import InputError

FLAGS = flags.FLAGS
_DEFAULT = TrainConfig()


def _size(name, what):
    flags.DEFINE_integer(
        name, None, f"{what} Default: what the data hold; when given, the data are checked against it."
    )


flags.DEFINE_integer("batch_size", _DEFAULT.batch_size, "Patients in a training batch.")
flags.DEFINE_integer("num_iter", _DEFAULT.num_iter, "Updates of a split run from iteration 0 to this one, inclusive.")
flags.DEFINE_integer("eval_period", _DEFAULT.eval_period, "Evaluate valid after every so many iterations.")
flags.DEFINE_float("learning_rate", _DEFAULT.learning_rate, "Of Adam.")
flags.DEFINE_enum(
    "learning_rate_schedule",
    _DEFAULT.learning_rate_schedule,
    SCHEDULES,
    "How the learning rate falls over the updates of a split: cosine and linear to 0, exponential to a hundredth.",
)
flags.DEFINE_integer(
    "warmup_steps", _DEFAULT.warmup_steps, "Let the rate rise from 0 over so many updates; cosine only."
)
flags.DEFINE_float(
    "clip_norm", _DEFAULT.clip_norm, "Scale a gradient down whose norm, over all weights, is above this; 0: never."
)
flags.DEFINE_float(
    "dropout",
    _DEFAULT.dropout,
    "Share of the entries of visit embeddings and of patients' last states that training drops.",
)
flags.DEFINE_string(
    "class_weight",
    _DEFAULT.class_weight,
    "Weight in the training cross-entropy of a patient of label 1, to one of label 0: a number; none, which is 1; or "
    "balanced, by which both labels of the split's training set weigh the same in all.",
)
flags.DEFINE_integer(
    "patience",
    _DEFAULT.patience,
    "Stop a split after so many evaluations in a row without a better validation loss; 0: never.",
)
flags.DEFINE_integer(
    "random_seed", _DEFAULT.random_seed, "Seeds the initial weights and the training windows: the i of r<i>s<j>."
)
flags.DEFINE_list(
    "split_seeds",
    [str(seed) for seed in _DEFAULT.split_seeds],
    "Comma-separated seeds of the splits into train, valid and test, one run each: the j of r<i>s<j>.",
)
flags.DEFINE_integer(
    "folds",
    _DEFAULT.folds,
    "Cross-validate with so many stratified folds, each test once, in place of random splits; 0: random splits.",
)
flags.DEFINE_string(
    "group_column",
    _DEFAULT.group_column,
    "Keep rows with the same value on one side of every split: patient_id, or a column of the patients.csv beside the "
    "data. Fractions are then of the groups.",
)

_size("num_dx", "Number of diagnosis codes.")
_size("num_rx", "Number of medication codes.")
_size("num_pr", "Number of procedure codes.")
_size("max_dx_per_visit", "Most Dx-objects in a visit; the auxiliary losses are means over this many slots a visit.")
_size("max_rx_per_dx", "Most medications of a Dx-object.")
_size("max_pr_per_dx", "Most procedures of a Dx-object.")

flags.DEFINE_integer("dx_emb_size", _DEFAULT.dx_emb_size, "Width of a diagnosis embedding.")
flags.DEFINE_integer("rx_emb_size", _DEFAULT.rx_emb_size, "Width of a medication embedding; equal to dx_emb_size.")
flags.DEFINE_integer("pr_emb_size", _DEFAULT.pr_emb_size, "Width of a procedure embedding; equal to dx_emb_size.")
flags.DEFINE_integer("dxobj_emb_size", _DEFAULT.dxobj_emb_size, "Width of a Dx-object embedding.")
flags.DEFINE_integer("visit_emb_size", _DEFAULT.visit_emb_size, "Width of a visit embedding; equal to dxobj_emb_size.")
flags.DEFINE_enum("emb_activation", _DEFAULT.emb_activation, ACTIVATIONS, "Applied to the code embeddings.")
flags.DEFINE_enum(
    "order_activation",
    _DEFAULT.order_activation,
    ACTIVATIONS,
    "Applied to the diagnosis-order interactions and to Dx-objects.",
)
flags.DEFINE_enum(
    "visit_activation", _DEFAULT.visit_activation, ACTIVATIONS, "Accepted and not used, as in the authors' program."
)
flags.DEFINE_enum(
    "rnn_cell",
    _DEFAULT.rnn_cell,
    RNN_CELLS,
    "The recurrence: gru_v1 is the authors' (TensorFlow 1.x GRU); gru and lstm are Keras's.",
)
flags.DEFINE_integer("rnn_size", _DEFAULT.rnn_size, "Width of the recurrent state.")
flags.DEFINE_float("regularize", _DEFAULT.regularize, "Weight of the sum of squares of all weights but biases.")
flags.DEFINE_float("aux_lambda", _DEFAULT.aux_lambda, "Weight of the auxiliary losses; 0 leaves their heads out.")

flags.DEFINE_integer("min_threshold", _DEFAULT.min_threshold, "Leave out patients with fewer visits.")
flags.DEFINE_integer("max_threshold", _DEFAULT.max_threshold, "Leave out patients with this many visits or more.")
flags.DEFINE_float(
    "association_threshold",
    _DEFAULT.association_threshold,
    "Leave out patients with a smaller share of visits with two or more Dx-objects that carry an order. "
    "Keep 0.0, unless simple patients are not to count.",
)
flags.DEFINE_float("test_fraction", _DEFAULT.test_fraction, "Share of the patients in test.")
flags.DEFINE_float("valid_fraction", _DEFAULT.valid_fraction, "Share of the patients in valid; training has the rest.")
flags.DEFINE_float("train_ratio", _DEFAULT.train_ratio, "Share of the training patients to train on.")

flags.DEFINE_bool(
    "eval_drop_remainder",
    _DEFAULT.eval_drop_remainder,
    "Score valid and test without their last, partial batch of batch_size, as the authors' program does: "
    "it leaves out the patients with the most visits.",
)
flags.DEFINE_integer("eval_batch_size", _DEFAULT.eval_batch_size, "Most patients in a batch when scoring; only speed.")
flags.DEFINE_string(
    "init_from",
    _DEFAULT.init_from,
    "Start from these weights: an .npz of arrays under the authors' variable names (each optionally after "
    "split<j>/), or a TensorFlow 1.x checkpoint's path without .index.",
)
flags.DEFINE_enum(
    "jit_compile",
    _DEFAULT.jit_compile,
    JIT_COMPILE,
    "Compile the training step with XLA, once for each of a few padded shapes. auto: for a long run of gru_v1 on a "
    "GPU; on a CPU it costs some 20 s and 0.4 GB, and gains a millisecond at most, on small batches.",
)
flags.DEFINE_enum(
    "mixed_precision",
    _DEFAULT.mixed_precision,
    MIXED_PRECISION,
    "Compute in this type, with weights and losses in float32: faster on a GPU, slower on most CPUs, and no longer the "
    "authors' numbers to the last digits.",
)
flags.DEFINE_enum(
    "distribute",
    _DEFAULT.distribute,
    DISTRIBUTE,
    "mirrored: divide every batch over all GPUs; batch_size must be a multiple of their number.",
)
flags.DEFINE_bool("tensorboard", _DEFAULT.tensorboard, "Write TensorBoard events into each split's folder.")
flags.DEFINE_bool("resume", True, "Go on with an unfinished run in the output folder; --noresume: an error instead.")
flags.DEFINE_bool("overwrite", False, "Discard a finished or unfinished run in the output folder and start afresh.")


def config():
    """Returns the parsed flags as a TrainConfig.

    Raises:
        InputError: a value is out of range, or values do not go together.
    """
    values = {field.name: FLAGS[field.name].value for field in dataclasses.fields(TrainConfig)}
    try:
        values["split_seeds"] = tuple(int(seed) for seed in values["split_seeds"])
    except ValueError:
        found = ",".join(values["split_seeds"])
        raise InputError(f"split_seeds: found {found}; must be integers with commas between") from None
    return TrainConfig(**values)
