"""The hyperparameters of a training run, each written down once: name, type, default, constraint, group and help.

The flags of training, the options of `ablate` and `import_tf1`, the checks of single values and the table in
docs/flags.md come from the fields of `Hyperparameters`.
"""

import dataclasses
import datetime
import math
from typing import Any

from mime_tf.constraints import Constraint, at_least, more_than, one_of

ACTIVATIONS = ("relu", "sigmoid", "tanh", "elu", "gelu", "leaky_relu", "linear", "selu", "silu", "softplus", "softsign")
RNN_CELLS = ("gru_v1", "gru", "lstm")
POOLING = ("last", "sum", "mean", "max", "distinct")
REGRESSION = "regression"  # the part of a blend that is no network
# Kinds of networks in a blend, and the options of each. The bilinear one adds up the effects of linked pairs, each the
# product of two embeddings; the recurrent one is MiME, as the flags describe it.
KINDS: dict[str, dict[str, Any]] = {
    "recurrent": {},
    "bilinear": {
        "pooling": ("sum",),
        "emb_activation": "linear",
        "order_activation": "linear",
        "code_dropout": 0.2,
        "regularize_embeddings": "0",
    },
}
PARTS = (REGRESSION, *KINDS)
BESIDE_CODES = ("age_sex", "visit_days")  # inputs beside the codes
EQUATIONS = ("program", "paper")
HIERARCHIES = ("none", "sum", "attention", "auto")
RANDOM, TIME = SPLITS = ("random", "time")
LABEL, NEXT_VISIT = TASKS = ("label", "next_visit")
WIDTHS = ("rnn_size", "dx_emb_size", "rx_emb_size", "pr_emb_size", "dxobj_emb_size", "visit_emb_size")
SIZE_NAMES = ("num_dx", "num_rx", "num_pr", "max_dx_per_visit", "max_rx_per_dx", "max_pr_per_dx")

TRAINING, MODEL, SIZES = "Training", "Model", "Sizes of the data"
PATIENTS, EVALUATION = "Patients", "Evaluation and output"
GROUPS = (TRAINING, MODEL, SIZES, PATIENTS, EVALUATION)


def _is_class_weight(text: str) -> bool:
    try:
        return text in ("none", "balanced") or (math.isfinite(float(text)) and float(text) > 0)
    except ValueError:
        return False


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) >= 1


def _is_weight_or_same(text: str) -> bool:
    try:
        return text == "same" or (math.isfinite(float(text)) and float(text) >= 0)
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_COUNT = at_least(1)
_DATE = Constraint("dates, such as 2015-01-01,2016-01-01", _is_date)
_SEED = at_least(0, at_most=2**32 - 1)
_FOLDS = Constraint("0, or from 2 to 10000", lambda folds: folds == 0 or 2 <= folds <= 10_000)
_WEIGHT_OR_SAME = Constraint("same, or a number of 0 or more", _is_weight_or_same)
_WIDTH = Constraint("own, auto, or a whole number above 0", lambda text: text in ("own", "auto") or _is_count(text))
_CLASS_WEIGHT = Constraint("none, balanced, or a number above 0", _is_class_weight)


def _field(group: str, default: Any, constraint: Constraint | None, description: str) -> Any:
    """Returns a field of `Hyperparameters`; `description` is Markdown."""
    metadata = {"group": group, "constraint": constraint, "help": description}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """The hyperparameters of a run, under the names and with the defaults of the authors' main.

    docs/flags.md describes each. The six `SIZE_NAMES` are None for the sizes of the data. Nothing is checked here;
    `mime_tf.config.TrainConfig` is checked.
    """

    batch_size: int = _field(TRAINING, 20, _COUNT, "Number of patients in a training batch.")
    num_iter: int = _field(TRAINING, 20000, _COUNT, "Last iteration of a split; updates run from 0 to it, inclusive.")
    eval_period: int = _field(TRAINING, 100, _COUNT, "Number of iterations between evaluations on valid.")
    learning_rate: float = _field(TRAINING, 1e-3, more_than(0), "Learning rate of Adam.")
    learning_rate_schedule: str = _field(
        TRAINING,
        "constant",
        one_of(("constant", "cosine", "linear", "exponential")),
        "Course of the learning rate over the updates of a split: `cosine` and `linear` fall to 0, `exponential` to a "
        "hundredth.",
    )
    warmup_steps: int = _field(
        TRAINING,
        0,
        at_least(0),
        "Number of updates in which the learning rate first rises from 0; with the `cosine` schedule only.",
    )
    clip_norm: float = _field(
        TRAINING,
        0.0,
        at_least(0),
        "Largest norm of a gradient over all weights; a larger gradient is scaled down to it. 0 sets no limit.",
    )
    dropout: float = _field(
        TRAINING,
        0.0,
        at_least(0, below=1),
        "Share of the entries of visit embeddings, and of patients' last states, that a training step sets to 0; the "
        "same for every cell, and none inside the recurrence.",
    )
    code_dropout: float = _field(
        TRAINING,
        0.0,
        at_least(0, below=1),
        "Share of the orders of Dx-objects, and of the Dx-objects of visits, that a training step leaves out, each by "
        "a draw of its own.",
    )
    class_weight: str = _field(
        TRAINING,
        "none",
        _CLASS_WEIGHT,
        "Weight of a patient of label 1, relative to one of label 0, in the training cross-entropy: a number; `none`, "
        "which is 1; or `balanced`, by which each label weighs `n / (2 n_label)`, counted in the split's training set. "
        "Probabilities are then no longer calibrated.",
    )
    patience: int = _field(
        TRAINING,
        0,
        at_least(0),
        "Number of evaluations in a row without a lower loss on valid after which a split stops; 0 never stops early.",
    )
    patience_from_gain: int = _field(
        TRAINING,
        0,
        at_least(0),
        "Largest number of evaluations for which `patience` waits for a first clear gain: a loss on valid that is 1% "
        "below that of the constant model, which gives everyone the share of cases in train. 0 does not wait.",
    )
    init_embeddings: str = _field(
        TRAINING,
        "random",
        one_of(("random", "links")),
        "Initial code embeddings: all `random`; or with their first columns from the `links`, the singular vectors of "
        "the table of diagnoses by the orders that they led to, of all patients in the data, labels unseen.",
    )
    link_dimensions: int = _field(
        TRAINING, 6, _COUNT, "Number of columns that `--init_embeddings=links` takes from the links."
    )
    task: str = _field(
        TRAINING,
        LABEL,
        one_of(TASKS),
        "Target of the prediction: the patient's `label` in the data, 0 or 1 or a list of such outcomes; or the "
        "diagnoses of the `next_visit`, which need no labels: the visits before a patient's last one are to predict "
        "the diagnoses of that one.",
    )
    choose_by: str = _field(
        TRAINING,
        "loss",
        one_of(("loss", "calibrated_loss")),
        "Figure on valid that is lowest for the model which is kept, and that `patience` counts: its `loss`; or that "
        "loss after a slope and an intercept were fitted to the logits, for models that are recalibrated, as the parts "
        "of a blend are.",
    )
    random_seed: int = _field(
        TRAINING, 0, _SEED, "Seed of the initial weights and of the training batches: the `i` of `r<i>s<j>`."
    )
    split_seeds: tuple[int, ...] = _field(
        TRAINING,
        (0, 1, 2, 3, 4),
        _SEED,
        "Seeds of the splits into train, valid and test, with commas between; one model each: the `j` of `r<i>s<j>`.",
    )
    folds: int = _field(
        TRAINING,
        0,
        _FOLDS,
        "Number of stratified folds, each the test set once, to cross-validate with in place of random splits; 0 makes "
        "random splits.",
    )
    refit: bool = _field(
        TRAINING,
        False,
        None,
        "When all splits are finished, fit one more model to all patients, as the splits have chosen: the median of "
        "their best iterations, and of a blend its columns, penalties and weights. It goes to the folder `refit`.",
    )
    group_column: str = _field(
        TRAINING,
        "",
        None,
        "Column whose equal values stay on one side of every split: `patient_id`, or a column of the `patients.csv` "
        "beside the data. Fractions are then of the groups.",
    )
    init_from: str = _field(
        TRAINING,
        "",
        None,
        "Initial weights: an `.npz` of arrays under the authors' variable names, each optionally after `split<j>/`, or "
        "the path of a TensorFlow 1.x checkpoint without `.index`.",
    )
    jit_compile: str = _field(
        TRAINING,
        "auto",
        one_of(("auto", "on", "off")),
        "Compile the training step with XLA, once for each of a few padded shapes. `auto` does so for a long run of "
        "`gru_v1` on a GPU; on a CPU it costs some 20 s and 0.4 GB, and gains a millisecond at most, on small batches.",
    )
    mixed_precision: str = _field(
        TRAINING,
        "none",
        one_of(("none", "float16", "bfloat16")),
        "Type to compute in, with weights and losses in float32: faster on a GPU, slower on most CPUs, and no longer "
        "the authors' numbers to the last digits.",
    )
    tf32: bool = _field(
        TRAINING,
        False,
        None,
        "Let a GPU multiply float32 in TF32, with 10 bits of precision instead of 23: faster, and no longer the "
        "authors' numbers. It does nothing on a CPU.",
    )
    distribute: str = _field(
        TRAINING,
        "none",
        one_of(("none", "mirrored")),
        "Devices to train on: `mirrored` divides every batch over all GPUs, without XLA; `batch_size` must be a "
        "multiple of their number.",
    )

    rnn_cell: str = _field(
        MODEL,
        "gru_v1",
        one_of(RNN_CELLS),
        "Recurrent layer: `gru_v1` is the authors', the GRU of TensorFlow 1.x; `gru` and `lstm` are Keras's.",
    )
    width: str = _field(
        MODEL,
        "own",
        _WIDTH,
        "One number for the six widths below; `auto`, a number by the size of the cohort (32 below 1,000 patients, 64 "
        "below 20,000, 128 below 100,000, 256 from there on); or `own`, each by its own flag.",
    )
    rnn_size: int = _field(MODEL, 256, _COUNT, "Width of the recurrent state.")
    dx_emb_size: int = _field(MODEL, 200, _COUNT, "Width of a diagnosis embedding.")
    rx_emb_size: int = _field(
        MODEL, 200, _COUNT, "Width of a medication embedding; equal to `dx_emb_size`, because the two are added."
    )
    pr_emb_size: int = _field(
        MODEL, 200, _COUNT, "Width of a procedure embedding; equal to `dx_emb_size`, because the two are added."
    )
    dxobj_emb_size: int = _field(MODEL, 256, _COUNT, "Width of a Dx-object embedding.")
    visit_emb_size: int = _field(
        MODEL,
        256,
        _COUNT,
        "Width of a visit embedding; equal to `dxobj_emb_size`, because a visit is a sum of Dx-objects.",
    )
    pooling: tuple[str, ...] = _field(
        MODEL,
        ("last",),
        one_of(POOLING),
        "Views of a patient's record that the prediction reads side by side, with commas between: the `last` recurrent "
        "state, as in the authors' program; the `sum`, `mean` or `max` over visit embeddings; and `distinct`, the sum "
        "over the distinct diagnoses of the record, each once with all the orders that it led to. Without `last` the "
        "model has no recurrence.",
    )
    blend: tuple[str, ...] = _field(
        MODEL,
        (),
        one_of(PARTS),
        "Parts of a blend, whose logits are added with weights of at least 0, in place of one network: a `regression` "
        "on codes and linked pairs; `recurrent` networks, as the other flags describe them; and `bilinear` networks, "
        "which add up linked pairs over all visits without any activation. `regression` alone has no network.",
    )
    hierarchy: str = _field(
        MODEL,
        "none",
        one_of(HIERARCHIES),
        "Ancestors of codes, from the `hierarchy.csv` beside the cohort, in the embeddings of networks and the columns "
        "of a blend's regression: `sum` adds the embeddings of a code's ancestors to its own, which starts at 0 so "
        "that a rare code leans on its relatives; `attention` takes a weighted mean of these (Choi et al., GRAM, KDD "
        "2017), with weights that a small network learns; `auto` is `sum` if the cohort has codes with an ancestor in "
        "common; `none` has each code alone.",
    )
    age_sex: str = _field(
        MODEL,
        "none",
        one_of(("none", "auto")),
        "Age and sex beside the codes, in networks and in the regression of a blend: `auto` reads them if the "
        "`patients.csv` beside the data has them.",
    )
    visit_days: str = _field(
        MODEL,
        "none",
        one_of(("none", "auto")),
        "Days of visits: `auto` reads them if a `visits.csv` is beside the data. A network reads how long before the "
        "prediction each visit was, and how long after the visit before it; the regression of a blend has windows of "
        "days, if they lower the loss out of fold.",
    )
    members: int = _field(
        MODEL,
        5,
        at_least(2),
        "Number of networks of each kind in a blend. Each is trained without one of as many folds of the training "
        "patients, so that the weights of the parts are fitted to predictions for patients that no part has seen.",
    )
    emb_activation: str = _field(
        MODEL,
        "relu",
        one_of(ACTIVATIONS),
        "Activation of the code embeddings; `linear` for none, which lets a diagnosis turn an order's effect around.",
    )
    order_activation: str = _field(
        MODEL, "relu", one_of(ACTIVATIONS), "Activation of the diagnosis-order interactions and of Dx-objects."
    )
    visit_activation: str = _field(
        MODEL,
        "relu",
        one_of(ACTIVATIONS),
        "Activation of visits with `--equations=paper`; not used otherwise, as in the authors' program.",
    )
    equations: str = _field(
        MODEL,
        "program",
        one_of(EQUATIONS),
        "Equations of the authors' program, or of their paper where the program leaves something out: the skip "
        "connections of Dx-objects and visits, and the visit's own weights and activation. `paper` takes equal widths "
        "of codes and Dx-objects.",
    )
    regularize: float = _field(MODEL, 1e-4, at_least(0), "Weight of the sum of squares of all weights but biases.")
    regularize_embeddings: str = _field(
        MODEL,
        "same",
        _WEIGHT_OR_SAME,
        "Weight of the sum of squares of the code embeddings, in place of `regularize`: a number, or `same`.",
    )
    aux_lambda: float = _field(
        MODEL, 0.0, at_least(0), "Weight of the auxiliary losses; at 0 their heads are left out."
    )

    num_dx: int | None = _field(SIZES, None, _COUNT, "Number of diagnosis codes.")
    num_rx: int | None = _field(SIZES, None, _COUNT, "Number of medication codes.")
    num_pr: int | None = _field(SIZES, None, _COUNT, "Number of procedure codes.")
    max_dx_per_visit: int | None = _field(
        SIZES,
        None,
        _COUNT,
        "Largest number of Dx-objects in a visit; the auxiliary losses are means over this many slots per visit.",
    )
    max_rx_per_dx: int | None = _field(SIZES, None, _COUNT, "Largest number of medications in a Dx-object.")
    max_pr_per_dx: int | None = _field(SIZES, None, _COUNT, "Largest number of procedures in a Dx-object.")

    min_threshold: int = _field(PATIENTS, 1, _COUNT, "Leave out patients with fewer visits.")
    max_threshold: int = _field(PATIENTS, 200, None, "Leave out patients with this many visits or more.")
    association_threshold: float = _field(
        PATIENTS,
        0.0,
        at_least(0),
        "Leave out patients with a smaller share of visits in which two or more Dx-objects carry an order. Above 0 it "
        "removes patients with simple visits.",
    )
    split_by: str = _field(
        PATIENTS,
        "random",
        one_of(SPLITS),
        "Division of the patients: `random` draws; `time` makes one split by the column `prediction_time` of the "
        "`patients.csv` beside the data, in which train is predicted before valid, and valid before test.",
    )
    split_dates: tuple[str, ...] = _field(
        PATIENTS,
        (),
        _DATE,
        "First days of valid and of test, such as `2015-01-01,2016-01-01`, with `--split_by=time`; without them the "
        "days are chosen by the fractions.",
    )
    test_fraction: float = _field(PATIENTS, 0.4, more_than(0, below=1), "Share of the patients in test.")
    valid_fraction: float = _field(
        PATIENTS, 0.4, more_than(0, below=1), "Share of the patients in valid; train has the rest."
    )
    train_ratio: float = _field(PATIENTS, 1.0, more_than(0, at_most=1), "Share of the training patients to train on.")

    eval_drop_remainder: bool = _field(
        EVALUATION,
        False,
        None,
        "Score valid and test without their last, partial batch of `batch_size`, as the authors' program does; the "
        "patients left out are those with the most visits.",
    )
    eval_batch_size: int = _field(
        EVALUATION, 200, _COUNT, "Largest number of patients in a batch when scoring; it matters to speed only."
    )
    tensorboard: bool = _field(EVALUATION, True, None, "Write TensorBoard's events into the folder of each split.")


FIELDS = {field.name: field for field in dataclasses.fields(Hyperparameters)}
