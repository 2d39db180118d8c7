"""What a training run is made of: one frozen dataclass, checked when it is made."""

import dataclasses
import math

from mime_tf.errors import InputError

ACTIVATIONS = ("relu", "sigmoid", "tanh", "elu", "gelu", "leaky_relu", "linear", "selu", "silu", "softplus", "softsign")
RNN_CELLS = ("gru_v1", "gru", "lstm")
JIT_COMPILE = ("auto", "on", "off")
MIXED_PRECISION = ("none", "float16", "bfloat16")
DISTRIBUTE = ("none", "mirrored")
SCHEDULES = ("constant", "cosine", "linear", "exponential")
CLASS_WEIGHT = ("none", "balanced")
SIZE_NAMES = ("num_dx", "num_rx", "num_pr", "max_dx_per_visit", "max_rx_per_dx", "max_pr_per_dx")


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The hyperparameters of `train.py`, under the names and with the values of the authors' main.

    `flags.py` says what each is for. The six `SIZE_NAMES` are None for "what the data hold".

    Raises:
        InputError: a value is out of its range, or values do not go together.
    """

    batch_size: int = 20
    num_iter: int = 20000
    eval_period: int = 100
    rnn_cell: str = "gru_v1"
    rnn_size: int = 256
    learning_rate: float = 1e-3
    learning_rate_schedule: str = "constant"
    warmup_steps: int = 0
    clip_norm: float = 0.0
    dropout: float = 0.0
    class_weight: str = "none"
    patience: int = 0
    random_seed: int = 0
    split_seeds: tuple = (0, 1, 2, 3, 4)
    folds: int = 0
    group_column: str = ""
    emb_activation: str = "relu"
    order_activation: str = "relu"
    visit_activation: str = "relu"
    num_dx: int | None = None
    num_rx: int | None = None
    num_pr: int | None = None
    dx_emb_size: int = 200
    rx_emb_size: int = 200
    pr_emb_size: int = 200
    dxobj_emb_size: int = 256
    visit_emb_size: int = 256
    max_dx_per_visit: int | None = None
    max_rx_per_dx: int | None = None
    max_pr_per_dx: int | None = None
    regularize: float = 1e-4
    aux_lambda: float = 0.0
    min_threshold: int = 1
    max_threshold: int = 200
    train_ratio: float = 1.0
    association_threshold: float = 0.0
    test_fraction: float = 0.4
    valid_fraction: float = 0.4
    eval_drop_remainder: bool = False
    eval_batch_size: int = 200
    init_from: str = ""
    jit_compile: str = "auto"
    mixed_precision: str = "none"
    distribute: str = "none"
    tensorboard: bool = True

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, float):
                number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
                self._require(field.name, number, "a finite number")
            elif type(field.default) in (int, bool, str):
                self._require(field.name, type(value) is type(field.default), f"of type {type(field.default).__name__}")
            elif field.name in SIZE_NAMES:
                self._require(field.name, value is None or type(value) is int, "a whole number, or None")
        whole = isinstance(self.split_seeds, tuple) and all(type(seed) is int for seed in self.split_seeds)
        self._require("split_seeds", whole, "a tuple of whole numbers")
        for name in ("batch_size", "num_iter", "eval_period", "rnn_size", "eval_batch_size", "min_threshold"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        sizes = ("dx_emb_size", "rx_emb_size", "pr_emb_size", "dxobj_emb_size", "visit_emb_size")
        for name in (*sizes, *SIZE_NAMES):
            self._require(name, getattr(self, name) is None or getattr(self, name) >= 1, "at least 1")
        self._require("num_iter", self.num_iter >= self.eval_period, f"at least eval_period, {self.eval_period}")
        for name in ("regularize", "aux_lambda", "association_threshold", "clip_norm", "patience", "warmup_steps"):
            self._require(name, getattr(self, name) >= 0, "0 or more")
        self._require("learning_rate", self.learning_rate > 0, "more than 0")
        self._require("max_threshold", self.max_threshold > self.min_threshold, "more than min_threshold")
        self._require("random_seed", 0 <= self.random_seed < 2**32, "from 0 to 2**32 - 1")
        self._check_division()
        self._check_regularization()
        for name in ("emb_activation", "order_activation", "visit_activation"):
            self._require(name, getattr(self, name) in ACTIVATIONS, f"one of {', '.join(ACTIVATIONS)}")
        self._require("rnn_cell", self.rnn_cell in RNN_CELLS, f"one of {', '.join(RNN_CELLS)}")
        self._require("jit_compile", self.jit_compile in JIT_COMPILE, f"one of {', '.join(JIT_COMPILE)}")
        right = f"one of {', '.join(MIXED_PRECISION)}"
        self._require("mixed_precision", self.mixed_precision in MIXED_PRECISION, right)
        self._require("distribute", self.distribute in DISTRIBUTE, f"one of {', '.join(DISTRIBUTE)}")
        both = self.distribute == "mirrored" and self.jit_compile == "on"
        self._require("distribute, jit_compile", not both, "mirrored without XLA, which compiles for one device only")
        equal = self.dx_emb_size == self.rx_emb_size == self.pr_emb_size
        self._require("dx_emb_size, rx_emb_size, pr_emb_size", equal, "equal: the three embeddings are added")
        equal = self.dxobj_emb_size == self.visit_emb_size
        self._require("dxobj_emb_size, visit_emb_size", equal, "equal: a visit is a sum of Dx-objects")

    def _check_division(self):
        """Checks how the patients are divided."""
        self._require("train_ratio", 0 < self.train_ratio <= 1, "more than 0 and at most 1")
        for name in ("test_fraction", "valid_fraction"):
            self._require(name, 0 < getattr(self, name) < 1, "between 0 and 1")
        for seed in self.split_seeds:
            self._require("split_seeds", 0 <= seed < 2**32, "from 0 to 2**32 - 1")
        distinct = len(set(self.split_seeds)) == len(self.split_seeds) > 0
        self._require("split_seeds", distinct, "one or more different seeds")
        if not self.folds:
            held = self.test_fraction + self.valid_fraction
            self._require("test_fraction", held < 1, "less than 1 - valid_fraction, so that training has patients")
            return
        self._require("folds", self.folds >= 2, "0, or 2 or more")
        for name in ("split_seeds", "test_fraction"):
            default = getattr(self, name) == type(self).__dataclass_fields__[name].default
            self._require(f"{name}, folds", default, f"without {name}, which says nothing of folds")
        left = 1 - 1 / self.folds
        self._require("folds, valid_fraction", self.valid_fraction < left, "a valid_fraction of less than 1 - 1/folds")
        whole = not self.eval_drop_remainder
        self._require("folds, eval_drop_remainder", whole, "folds alone, so that every patient is scored")

    def _check_regularization(self):
        """Checks what keeps a model from overfitting, and its rate of learning."""
        self._require("dropout", 0 <= self.dropout < 1, "0 or more and less than 1")
        right = f"{', '.join(CLASS_WEIGHT)}, or a number above 0"
        self._require("class_weight", self.class_weight in CLASS_WEIGHT or _is_weight(self.class_weight), right)
        right = f"one of {', '.join(SCHEDULES)}"
        self._require("learning_rate_schedule", self.learning_rate_schedule in SCHEDULES, right)
        cosine = not self.warmup_steps or self.learning_rate_schedule == "cosine"
        self._require("warmup_steps, learning_rate_schedule", cosine, "cosine where warmup_steps is not 0")
        self._require("warmup_steps", self.warmup_steps < self.updates, "less than the number of updates")

    def _require(self, names, holds, right):
        if not holds:
            found = ", ".join(str(getattr(self, name)) for name in names.split(", "))
            raise InputError(f"{names}: found {found}; must be {right}")

    @property
    def split_numbers(self):
        """The number of each split, the j of r<i>s<j>: the split seeds, or the folds from 0."""
        return tuple(range(self.folds)) or self.split_seeds

    @property
    def division(self):
        """Dict of how patients are divided, arguments of `mime_tf.splits.split.split`."""
        names = ("test_fraction", "valid_fraction", "train_ratio", "folds")
        return {name: getattr(self, name) for name in names}

    @property
    def evaluations(self):
        """How many evaluations a split has. Updates after the last one change nothing that is kept."""
        return self.num_iter // self.eval_period

    @property
    def updates(self):
        """How many updates a split draws windows for: iterations 0 to `num_iter`, inclusive."""
        return self.num_iter + 1


def _is_weight(text):
    """Whether a text is a finite number above 0."""
    try:
        return math.isfinite(float(text)) and float(text) > 0
    except ValueError:
        return False
