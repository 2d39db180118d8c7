"""Checks of hyperparameters that have to go together, whose values are right one by one."""

from mime_tf.config.fields import BESIDE_CODES, FIELDS, NEXT_VISIT, TIME, WIDTHS, Hyperparameters
from mime_tf.errors import InputError


def check_width(values: Hyperparameters) -> None:
    """Raises InputError if one of the six widths is set beside a `width` for all of them."""
    if values.width == "own":
        return
    width = None if values.width == "auto" else int(values.width)
    for name in WIDTHS:
        free = _is_default(values, name) or getattr(values, name) == width
        _require(values, f"width, {name}", free, f"own where {name} is set")


def check_together(values: Hyperparameters) -> None:
    """Raises InputError, naming the flags, for values that do not go together."""
    _check_embeddings(values)
    _require(values, "num_iter", values.num_iter >= values.eval_period, f"at least eval_period, {values.eval_period}")
    _require(values, "max_threshold", values.max_threshold > values.min_threshold, "more than min_threshold")
    _check_division(values)
    _check_schedule(values)
    _check_compilation(values)
    equal = values.dx_emb_size == values.rx_emb_size == values.pr_emb_size
    _require(values, "dx_emb_size, rx_emb_size, pr_emb_size", equal, "equal: the three embeddings are added")
    waits = values.patience > 0 or not values.patience_from_gain
    right = "a patience of 1 or more where patience_from_gain is set"
    _require(values, "patience, patience_from_gain", waits, right)
    views = len(set(values.pooling)) == len(values.pooling) > 0
    _require(values, "pooling", views, "one or more different views")
    _check_blend(values)
    _check_days(values)
    equal = values.dxobj_emb_size == values.visit_emb_size
    _require(values, "dxobj_emb_size, visit_emb_size", equal, "equal: a visit is a sum of Dx-objects")


def check_several_outcomes(values: Hyperparameters) -> None:
    """Raises InputError for an option that goes with one outcome per patient only."""
    for name in ("blend", "class_weight", "choose_by"):
        right = "left out where a patient has several outcomes, which take one network"
        _require(values, name, _is_default(values, name), right)


def _check_embeddings(values: Hyperparameters) -> None:
    """Checks the initial values of code embeddings, and the vectors that they are added to."""
    links, auto = values.init_embeddings == "links", values.width == "auto"
    equal = values.equations == "program" or auto or values.dx_emb_size == values.dxobj_emb_size
    right = "program, or equal widths, which the skip connections add"
    _require(values, "equations, dx_emb_size, dxobj_emb_size", equal, right)
    _require(values, "init_embeddings, init_from", not (links and values.init_from), "random where init_from is set")
    for name in BESIDE_CODES:
        reads = getattr(values, name) != "none"
        _require(values, f"{name}, init_from", not (reads and values.init_from), "none where init_from is set")
    for name in ("init_embeddings", "init_from"):
        free = values.hierarchy in ("none", "auto") or _is_default(values, name)
        right = f"none where {name} is set, which starts codes from other values"
        _require(values, f"hierarchy, {name}", free, right)
    fits = not links or auto or values.link_dimensions <= values.dx_emb_size
    _require(values, "link_dimensions, dx_emb_size", fits, "at most dx_emb_size")


def _check_division(values: Hyperparameters) -> None:
    """Checks the division of the patients, at random or in folds."""
    distinct = len(set(values.split_seeds)) == len(values.split_seeds) > 0
    _require(values, "split_seeds", distinct, "one or more different seeds")
    _check_time(values)
    if not values.folds:
        held_out = values.test_fraction + values.valid_fraction
        right = "less than 1 - valid_fraction, so that training has patients"
        _require(values, "test_fraction", held_out < 1, right)
        return
    for name in ("split_seeds", "test_fraction"):
        right = f"without {name}, which says nothing of folds"
        _require(values, f"{name}, folds", _is_default(values, name), right)
    rest = 1 - 1 / values.folds
    right = "a valid_fraction of less than 1 - 1/folds"
    _require(values, "folds, valid_fraction", values.valid_fraction < rest, right)
    whole = not values.eval_drop_remainder
    _require(values, "folds, eval_drop_remainder", whole, "folds alone, so that every patient is scored")


def _check_time(values: Hyperparameters) -> None:
    """Checks the flags of a division by time, which makes one split of all patients."""
    if values.split_by != TIME:
        _require(values, "split_dates, split_by", not values.split_dates, f"{TIME} where dates are given")
        return
    for name in ("folds", "split_seeds", "train_ratio", "task"):
        right = f"{TIME} without {name}, for time makes one split"
        _require(values, f"split_by, {name}", _is_default(values, name), right)
    dates = values.split_dates
    ascending = not dates or (len(dates) == 2 and dates[0] < dates[1])
    _require(values, "split_dates", ascending, "two dates, the first day of valid and that of test")


def _check_schedule(values: Hyperparameters) -> None:
    """Checks that a warm-up has a schedule to lead to, and ends."""
    cosine = not values.warmup_steps or values.learning_rate_schedule == "cosine"
    _require(values, "warmup_steps, learning_rate_schedule", cosine, "cosine where warmup_steps is not 0")
    ends = values.warmup_steps <= values.num_iter  # iterations 0 to num_iter are one update more
    _require(values, "warmup_steps", ends, "less than the number of updates")


def _check_compilation(values: Hyperparameters) -> None:
    """Checks that XLA is not asked for where it can't compile."""
    compiled = values.jit_compile == "on"
    free = not (compiled and values.distribute == "mirrored")
    right = "mirrored without XLA, which compiles for one device only"
    _require(values, "distribute, jit_compile", free, right)
    free = not (compiled and "distinct" in values.pooling)
    _require(values, "pooling, jit_compile", free, "views without distinct, or a step without XLA")


def _check_blend(values: Hyperparameters) -> None:
    """Checks that the parts of a blend and the options of a single network are not mixed."""
    different = len(set(values.blend)) == len(values.blend)
    _require(values, "blend", different, "different parts")
    for name in ("pooling", "init_from", "eval_drop_remainder", "jit_compile") if values.blend else ():
        right = f"without {name}, which is of a single network"
        _require(values, f"blend, {name}", _is_default(values, name), right)


def _check_days(values: Hyperparameters) -> None:
    """Checks the task of the next visit, and that days of visits have a prediction time and a view that reads them."""
    if values.task == NEXT_VISIT:
        check_several_outcomes(values)
        undated = values.visit_days == "none"
        right = "none: days are counted to a prediction after the next visit"
        _require(values, "visit_days, task", undated, right)
    dated = values.visit_days == "none" or values.pooling != ("distinct",)
    _require(values, "visit_days, pooling", dated, "none, or a view beside distinct, which has no times")


def _is_default(values: Hyperparameters, name: str) -> bool:
    return getattr(values, name) == FIELDS[name].default


def _require(values: Hyperparameters, names: str, holds: bool, right: str) -> None:
    """Raises InputError with the named values, and `right` to complete "must be ...", unless a condition holds."""
    if not holds:
        found = ", ".join(str(getattr(values, name)) for name in names.split(", "))
        raise InputError(f"{names}: found {found}; must be {right}")
