"""The hyperparameters of a training run, each written down once: name, type, default, constraint, group and help.

The flags of training, the options of `ablate` and `import_tf1`, the checks and the table in docs/flags.md come from the
fields of `TrainConfig`.
"""

import dataclasses
import datetime
import math
from typing import Any

from mime_tf.constraints import Constraint, at_least, check_field, more_than, one_of
from mime_tf.errors import InputError

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
# Values of the flags in place of their defaults for the best prediction from a cohort of one's own.
RECIPE: dict[str, Any] = {
    "blend": PARTS,
    "hierarchy": "auto",
    "age_sex": "auto",
    "visit_days": "auto",
    "choose_by": "calibrated_loss",
    "width": "auto",
    "batch_size": 50,
    "num_iter": 4000,
    "eval_period": 50,
    "patience": 8,
    "patience_from_gain": 30,
    "test_fraction": 0.2,
    "valid_fraction": 0.1,
}
BESIDE_CODES = ("age_sex", "visit_days")  # inputs beside the codes
_DIVISION = ("test_fraction", "valid_fraction")
EQUATIONS = ("program", "paper")
HIERARCHIES = ("none", "sum", "attention", "auto")
RANDOM, TIME = SPLITS = ("random", "time")
LABEL, NEXT_VISIT = TASKS = ("label", "next_visit")
WIDTHS = ("rnn_size", "dx_emb_size", "rx_emb_size", "pr_emb_size", "dxobj_emb_size", "visit_emb_size")
# Least number of patients of a cohort, and the width that `auto` gives it; 64 was enough for 2,000 to 10,000 patients.
_AUTO_WIDTHS = ((100_000, 256), (20_000, 128), (1_000, 64), (0, 32))
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
    """Returns a field of `TrainConfig`; `description` is Markdown."""
    metadata = {"group": group, "constraint": constraint, "help": description}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The hyperparameters of a run, under the names and with the values of the authors' main.

    docs/flags.md describes each. The six `SIZE_NAMES` are None for the sizes of the data.

    Raises:
        InputError: a value is out of its range, or values do not go together.
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

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check_field(field, getattr(self, field.name))
        self._apply_width()
        self._check_embeddings()
        self._require("num_iter", self.num_iter >= self.eval_period, f"at least eval_period, {self.eval_period}")
        self._require("max_threshold", self.max_threshold > self.min_threshold, "more than min_threshold")
        self._check_division()
        self._check_schedule()
        both = self.distribute == "mirrored" and self.jit_compile == "on"
        self._require("distribute, jit_compile", not both, "mirrored without XLA, which compiles for one device only")
        compiled = self.jit_compile == "on" and "distinct" in self.pooling
        self._require("pooling, jit_compile", not compiled, "views without distinct, or a step without XLA")
        equal = self.dx_emb_size == self.rx_emb_size == self.pr_emb_size
        self._require("dx_emb_size, rx_emb_size, pr_emb_size", equal, "equal: the three embeddings are added")
        waits = self.patience > 0 or not self.patience_from_gain
        self._require("patience, patience_from_gain", waits, "a patience of 1 or more where patience_from_gain is set")
        views = len(set(self.pooling)) == len(self.pooling) > 0
        self._require("pooling", views, "one or more different views")
        self._check_blend()
        if self.task == NEXT_VISIT:
            self.check_several_outcomes()
            undated = self.visit_days == "none"
            self._require("visit_days, task", undated, "none: days are counted to a prediction after the next visit")
        dated = self.visit_days == "none" or self.pooling != ("distinct",)
        self._require("visit_days, pooling", dated, "none, or a view beside distinct, which has no times")
        equal = self.dxobj_emb_size == self.visit_emb_size
        self._require("dxobj_emb_size, visit_emb_size", equal, "equal: a visit is a sum of Dx-objects")

    def _check_embeddings(self) -> None:
        """Checks what code embeddings are added to, and what they start from."""
        links, auto = self.init_embeddings == "links", self.width == "auto"
        equal = self.equations == "program" or auto or self.dx_emb_size == self.dxobj_emb_size
        right = "program, or equal widths, which the skip connections add"
        self._require("equations, dx_emb_size, dxobj_emb_size", equal, right)
        self._require("init_embeddings, init_from", not (links and self.init_from), "random where init_from is set")
        for name in BESIDE_CODES:
            reads = getattr(self, name) != "none"
            self._require(f"{name}, init_from", not (reads and self.init_from), "none where init_from is set")
        for name in ("init_embeddings", "init_from"):
            free = self.hierarchy in ("none", "auto") or getattr(self, name) == FIELDS[name].default
            self._require(f"hierarchy, {name}", free, f"none where {name} is set, which starts codes from other values")
        fits = not links or auto or self.link_dimensions <= self.dx_emb_size
        self._require("link_dimensions, dx_emb_size", fits, "at most dx_emb_size")

    def _apply_width(self) -> None:
        """Sets the six widths to that of `width`, unless it is to be found, or they have flags of their own."""
        if self.width == "own":
            return
        number = None if self.width == "auto" else int(self.width)
        for name in WIDTHS:
            free = getattr(self, name) in (FIELDS[name].default, number)
            self._require(f"width, {name}", free, f"own where {name} is set")
            if number:
                object.__setattr__(self, name, number)

    def _check_division(self) -> None:
        """Checks how the patients are divided."""
        distinct = len(set(self.split_seeds)) == len(self.split_seeds) > 0
        self._require("split_seeds", distinct, "one or more different seeds")
        self._check_time()
        if not self.folds:
            held_out = self.test_fraction + self.valid_fraction
            self._require("test_fraction", held_out < 1, "less than 1 - valid_fraction, so that training has patients")
            return
        for name in ("split_seeds", "test_fraction"):
            is_default = getattr(self, name) == type(self).__dataclass_fields__[name].default
            self._require(f"{name}, folds", is_default, f"without {name}, which says nothing of folds")
        rest = 1 - 1 / self.folds
        self._require("folds, valid_fraction", self.valid_fraction < rest, "a valid_fraction of less than 1 - 1/folds")
        whole = not self.eval_drop_remainder
        self._require("folds, eval_drop_remainder", whole, "folds alone, so that every patient is scored")

    def _check_time(self) -> None:
        """Checks the flags of a division by time, which makes one split of all patients."""
        if self.split_by != TIME:
            self._require("split_dates, split_by", not self.split_dates, f"{TIME} where dates are given")
            return
        for name in ("folds", "split_seeds", "train_ratio", "task"):
            is_default = getattr(self, name) == FIELDS[name].default
            self._require(f"split_by, {name}", is_default, f"{TIME} without {name}, for time makes one split")
        dates = self.split_dates
        ascending = not dates or (len(dates) == 2 and dates[0] < dates[1])
        self._require("split_dates", ascending, "two dates, the first day of valid and that of test")

    def _check_blend(self) -> None:
        """Checks that the parts of a blend and the options of a single network are not mixed."""
        different = len(set(self.blend)) == len(self.blend)
        self._require("blend", different, "different parts")
        for name in ("pooling", "init_from", "eval_drop_remainder", "jit_compile") if self.blend else ():
            is_default = getattr(self, name) == type(self).__dataclass_fields__[name].default
            self._require(f"blend, {name}", is_default, f"without {name}, which is of a single network")

    def check_several_outcomes(self) -> None:
        """Raises InputError for an option that goes with one outcome per patient only."""
        for name in ("blend", "class_weight", "choose_by"):
            is_default = getattr(self, name) == type(self).__dataclass_fields__[name].default
            self._require(name, is_default, "left out where a patient has several outcomes, which take one network")

    def _check_schedule(self) -> None:
        """Checks that a warm-up has a schedule to lead to."""
        cosine = not self.warmup_steps or self.learning_rate_schedule == "cosine"
        self._require("warmup_steps, learning_rate_schedule", cosine, "cosine where warmup_steps is not 0")
        self._require("warmup_steps", self.warmup_steps < self.updates, "less than the number of updates")

    def _require(self, names: str, holds: bool, right: str) -> None:
        if not holds:
            values = ", ".join(str(getattr(self, name)) for name in names.split(", "))
            raise InputError(f"{names}: found {values}; must be {right}")

    @property
    def weight_of_embeddings(self) -> float | None:
        """Weight of the sum of squares of the code embeddings, or None for that of all weights."""
        return None if self.regularize_embeddings == "same" else float(self.regularize_embeddings)

    def with_widths(self, patients: int) -> "TrainConfig":
        """Returns the configuration for a cohort of so many patients, with a number in place of the width `auto`.

        >>> config = TrainConfig(width="auto").with_widths(5000)
        >>> config.width, config.rnn_size, config.dx_emb_size
        ('64', 64, 64)
        """
        if self.width != "auto":
            return self
        return dataclasses.replace(self, width=str(next(width for least, width in _AUTO_WIDTHS if patients >= least)))

    def with_recipe(self) -> "TrainConfig":
        """Returns the configuration with the values of `RECIPE`, but for the division of the patients, which stays.

        Options of a single network that a blend does not take have their defaults.

        >>> TrainConfig(valid_fraction=0.3, rnn_size=8).with_recipe().blend
        ('regression', 'recurrent', 'bilinear')
        """
        widths = {name: FIELDS[name].default for name in WIDTHS}
        values = {name: value for name, value in RECIPE.items() if name not in _DIVISION}
        return dataclasses.replace(self, jit_compile="auto", **widths, **values)

    @property
    def split_numbers(self) -> tuple[int, ...]:
        """Number of each split, the j of r<i>s<j>: the split seeds, or the folds from 0."""
        return (0,) if self.split_by == TIME else tuple(range(self.folds)) or self.split_seeds

    @property
    def criterion(self) -> str:
        """Name of `choose_by` among the figures of an evaluation."""
        return f"valid_{self.choose_by}"

    @property
    def kinds(self) -> dict[str, "TrainConfig"]:
        """Configuration of each kind of network in a blend."""
        kinds = (part for part in self.blend if part != REGRESSION)
        return {kind: dataclasses.replace(self, blend=(), jit_compile="off", **KINDS[kind]) for kind in kinds}

    @property
    def division(self) -> dict[str, Any]:
        """Dict of how patients are divided, arguments of `mime_tf.splits.split.split`."""
        names = ("test_fraction", "valid_fraction", "train_ratio", "folds")
        return {name: getattr(self, name) for name in names}

    @property
    def evaluations(self) -> int:
        """Number of evaluations of a split. Updates after the last one change nothing that is kept."""
        return self.num_iter // self.eval_period

    @property
    def updates(self) -> int:
        """Number of updates that a split draws windows for: iterations 0 to `num_iter`, inclusive."""
        return self.num_iter + 1


FIELDS = {field.name: field for field in dataclasses.fields(TrainConfig)}
