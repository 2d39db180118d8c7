"""The graph of an exported model: codes in, probabilities out, by standard operations of TensorFlow.

Codes that training did not hold are dropped inside the graph, as `Store.keep_known` drops them.
"""

import contextlib
import functools
import re

import tensorflow as tf

from mime_tf.batches.datasets import ATTRIBUTES, DAYS
from mime_tf.data.store import CODE_KINDS
from mime_tf.export import patient_json
from mime_tf.export.adjusting import adjusted
from mime_tf.export.patient_json import checked

# Numbers in place of a code's: for a name that no code has, and for a name that several codes have.
UNKNOWN, AMBIGUOUS = 2**31 - 1, -2
_CODES = [
    tf.TensorSpec((None, None, None), tf.int32, "dx"),
    tf.TensorSpec((None, None, None, None), tf.int32, "rx"),
    tf.TensorSpec((None, None, None, None), tf.int32, "pr"),
    tf.TensorSpec((None,), tf.int32, "visits"),
]
_JSON = tf.TensorSpec((None,), tf.string, "patients")
_OF_PATIENT = [tf.TensorSpec((None,), tf.float32, "age"), tf.TensorSpec((None,), tf.string, "sex")]
_DAYS_BEFORE = tf.TensorSpec((None, None), tf.int32, "days_before")
_ATTRIBUTES = (("age", tf.float32), ("sexes", tf.string))  # of a blend's configuration
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Service(tf.Module):
    """The model of a fitted, with the codes that it knows and their names, as functions for a server.

    Both functions return a dict of `"probability"` float32, `"dropped_codes"` int32 and `"empty"` bool, of shape (B,),
    as in `mime_tf.scoring.prediction.Predictions`; with a substitution also of `"ancestor_codes"` int32. Wrong input is
    an `InvalidArgumentError` that names the patient.

    A model that reads age and sex has two more arguments in both functions: `age` float32 (B,), in years, below 0 or
    NaN where it is not known; and `sex` string (B,), as in the patients.csv of training, empty where it is not known.
    A model that reads the days of visits has a last argument, `days_before` int32 (B, T), whole days from each visit to
    the prediction time, that do not rise; values after a patient's last visit are passed over.

    Args:
        fitted: `mime_tf.runs.fitted_split.FittedSplit`.
        substitution: `mime_tf.scoring.substitution.Substitution` of the model's own codes, or None to drop those that
            training did not hold.

    Attributes:
        codes: function of `dx` int32 (B, T, D), the diagnosis of each Dx-object, filled up with -1; `rx` int32
            (B, T, D, R) and `pr` int32 (B, T, D, P), its medications and procedures, filled up with -1; and `visits`
            int32 (B,), number of visits per patient, from 1 to T, visits without Dx-objects included.
        json: function of `patients` string (B,), patients as JSON; `mime_tf.export.patient_json` has its form,
            `codes_by_name` the codes' names.
    """

    def __init__(self, fitted, substitution=None):
        super().__init__()
        self.names = {kind: _lookup_table(codes_by_name(fitted, kind)) for kind in CODE_KINDS}
        self.instead = None
        if substitution is not None:
            fitted = substitution.fitted
            self.instead = {
                kind: (tf.constant(codes), tf.constant(substitution.replaced[kind]))
                for kind, codes in substitution.codes.items()
            }
        # A module is saved with the variables that it holds; a Keras model would add its metrics and optimizer.
        self.weights = [weight.value for weight in fitted.model.weights]
        self.known = {kind: tf.constant(known) for kind, known in fitted.usable.items()}
        attributes = getattr(fitted.model, "attributes", None) or {}
        self.age, self.sexes = (tf.constant(list(attributes.get(name, ())), kind) for name, kind in _ATTRIBUTES)
        beside, codes, json = (_OF_PATIENT if attributes else []), self._score_codes, self._score_json
        if getattr(fitted.model, "reads_days", False):
            beside = [*beside, _DAYS_BEFORE]
            if not attributes:  # a signature goes by the order of arguments
                codes, json = self._score_dated_codes, self._score_dated_json
        self.codes = tf.function(codes, input_signature=[*_CODES, *beside])
        self.json = tf.function(json, input_signature=[_JSON, *beside])
        # Wrapped, so that the module does not hold them.
        self._adjustment = fitted.adjustment
        self._model = functools.partial(fitted.model, training=False)
        self._recurrences = lambda: [network.rnn for network in getattr(fitted.model, "networks", [fitted.model])]

    def _score_codes(self, dx, rx, pr, visits, age=None, sex=None, days_before=None):
        """Scores patients given as the numbers of their codes."""
        return self._score(*_check(dx, rx, pr, visits), age, sex, days_before)

    def _score_dated_codes(self, dx, rx, pr, visits, days_before):
        """Scores patients as `_score_codes` does, by a model that reads neither age nor sex."""
        return self._score_codes(dx, rx, pr, visits, days_before=days_before)

    def _score_dated_json(self, patients, days_before):
        """Scores patients as `_score_json` does, by a model that reads neither age nor sex."""
        return self._score_json(patients, days_before=days_before)

    def _score_json(self, patients, age=None, sex=None, days_before=None):
        """Scores patients given as JSON."""
        codes = {kind: self._look_up(kind, names) for kind, names in patient_json.read(patients).items()}
        visits = tf.cast(codes["dx"].row_lengths(), tf.int32)
        return self._score(*(codes[kind].to_tensor(-1) for kind in CODE_KINDS), visits, age, sex, days_before)

    def signatures(self):
        """Returns both functions as the signatures of a SavedModel, by name."""
        with contextlib.ExitStack() as stack:
            for rnn in self._recurrences():
                stack.enter_context(_any_device(rnn))
            return {"serving_default": self.codes.get_concrete_function(), "json": self.json.get_concrete_function()}

    def _look_up(self, kind, names):
        """Returns the numbers of ragged `names`."""
        numbers = tf.ragged.map_flat_values(self.names[kind].lookup, names)
        unambiguous = tf.reduce_all(numbers != AMBIGUOUS, axis=list(range(1, numbers.shape.rank)))
        message = (
            f"patients: {kind}: must be the name of one code, such as SYSTEM|CODE; found a name of several in patient"
        )
        return numbers.with_flat_values(checked(numbers.flat_values, unambiguous, message))

    def _of_patients(self, age, sex, visits):
        """Returns the attributes of patients, as `mime_tf.regression.attributes.Attributes.values` has them."""
        for name, values in (("age", age), ("sex", sex)):
            same = tf.shape(values)[0] == tf.shape(visits)[0]
            tf.debugging.Assert(same, [f"{name}: must be one per patient; found", tf.shape(values)])
        columns = []
        if self.age.shape[0]:
            is_known, (mean, deviation) = tf.math.is_finite(age) & (age >= 0), tf.unstack(self.age)
            columns += [tf.where(is_known, (age - mean) / deviation, 0.0), tf.cast(~is_known, tf.float32)]
        sex = tf.strings.strip(sex)
        columns += [tf.cast(sex == value, tf.float32) for value in tf.unstack(self.sexes)]
        return tf.stack(columns, axis=1)

    def _score(self, dx, rx, pr, visits, age, sex, days_before):
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.size(visits) > 0, ["no patient; one or more are needed"])]
        ):
            visits = tf.identity(visits)
        if self.instead is not None:
            (dx, from_dx), (rx, from_rx), (pr, from_pr) = (
                self._substituted(kind, codes) for kind, codes in (("dx", dx), ("rx", rx), ("pr", pr))
            )
        keep_dx = self._is_known("dx", dx)
        keep_rx = keep_dx[..., tf.newaxis] & self._is_known("rx", rx)
        keep_pr = keep_dx[..., tf.newaxis] & self._is_known("pr", pr)
        shown = _count(keep_dx) + _count(keep_rx) + _count(keep_pr)
        given = _count(dx >= 0) + _count(rx >= 0) + _count(pr >= 0)
        rx, pr = tf.where(keep_rx, rx, -1), tf.where(keep_pr, pr, -1)
        inputs = _tables(keep_dx, dx, rx, pr, visits)
        if age is not None:
            inputs[ATTRIBUTES] = self._of_patients(age, sex, visits)
        if days_before is not None:
            inputs[DAYS] = _checked_days(days_before, inputs["visits"])
        output = self._model(inputs)[:, 0]
        answer = {
            "probability": adjusted(self._adjustment, output, shown == 0),
            "dropped_codes": given - shown,
            "empty": shown == 0,
        }
        if self.instead is not None:
            answer["ancestor_codes"] = _count(from_dx) + _count(keep_rx & from_rx) + _count(keep_pr & from_pr)
        return answer

    def _substituted(self, kind, codes):
        """Returns the codes to score in place of codes, and whether each is an ancestor's."""
        instead, replaced = self.instead[kind]
        inside = (codes >= 0) & (codes < tf.size(instead))
        index = tf.where(inside, codes, 0)
        if not instead.shape[0]:
            return codes, inside
        return tf.where(inside, tf.gather(instead, index), codes), inside & tf.gather(replaced, index)

    def _is_known(self, kind, codes):
        """Returns whether the model knows each code: not -1, nor a number that it has no room for."""
        known = self.known[kind]
        size = tf.shape(known)[0]
        return (codes >= 0) & (codes < size) & tf.gather(known, tf.clip_by_value(codes, 0, size - 1))


def codes_by_name(fitted, kind):
    """Returns the names of codes in JSON: dict from a name to the code's number.

    A code of the vocabulary has two names, its code and `SYSTEM|CODE`; the number of a name that several codes
    have is `AMBIGUOUS`. A name with control characters is left out, because JSON would have to escape them. Without a
    vocabulary the names are the numbers themselves, as strings.

    Args:
        fitted: `mime_tf.runs.fitted_split.FittedSplit`.
        kind: `"dx"`, `"rx"` or `"pr"`.
    """
    if fitted.vocabulary is None:
        return {str(number): number for number in range(fitted.sizes[f"num_{kind}"])}
    numbers = {}
    for (code_kind, number), row in fitted.vocabulary.by_index.items():
        if code_kind == kind and row["code"]:
            for name in {row["code"], f"{row['system']}|{row['code']}"}:
                numbers[name] = AMBIGUOUS if name in numbers else number
    return {name: number for name, number in numbers.items() if not _CONTROL.search(name)}


def names_by_code(fitted, kind):
    """Returns the names in JSON of the codes that training held: dict from a code's number to its shortest name."""
    names = {}
    for name, number in codes_by_name(fitted, kind).items():
        is_known = 0 <= number < len(fitted.usable[kind]) and fitted.usable[kind][number]
        if is_known and (number not in names or len(name) < len(names[number])):
            names[number] = name
    return names


def notes(fitted):
    """Returns remarks for people who send JSON to an exported model: list of str."""
    if fitted.vocabulary is None:
        return [f"{fitted.folder}: has no vocabulary.csv, so JSON takes the numbers of codes, as strings"]
    unnamed = {kind: int(fitted.usable[kind].sum()) - len(names_by_code(fitted, kind)) for kind in CODE_KINDS}
    return [
        f"{fitted.folder}: {count:,} {kind} codes that the model knows have no name of their own in vocabulary.csv; "
        "JSON can't name them, numbers can"
        for kind, count in unnamed.items()
        if count
    ]


def _lookup_table(numbers):
    """Returns a dict from str to int as a lookup table of the graph."""
    numbers = numbers | {"": UNKNOWN}  # a table needs an entry, and no code's name is empty
    keys, values = tf.constant(list(numbers), tf.string), tf.constant(list(numbers.values()), tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), UNKNOWN)


@contextlib.contextmanager
def _any_device(rnn):
    """Has a recurrent layer traced so that it runs on any device: Keras's kernel for GPUs does not run on a CPU."""
    if not hasattr(rnn, "use_cudnn"):
        yield
        return
    before, rnn.use_cudnn = rnn.use_cudnn, False
    try:
        yield
    finally:
        rnn.use_cudnn = before


def _check(dx, rx, pr, visits):
    """Returns the arguments of `Service.codes`, checked.

    Raises:
        tf.errors.InvalidArgumentError: they do not fit each other, or are not as `Service.codes` says.
    """
    for name, orders in (("rx", rx), ("pr", pr)):
        same = tf.reduce_all(tf.shape(orders)[:3] == tf.shape(dx))
        tf.debugging.Assert(same, [f"{name}: must have the first three sizes of dx; found", tf.shape(orders)])
    same = tf.shape(visits)[0] == tf.shape(dx)[0]
    tf.debugging.Assert(same, ["visits: must be one number per patient of dx; found", tf.shape(visits)])
    longest = tf.shape(dx)[1]
    message = "visits: must be from 1 to the second size of dx; found another number in patient"
    visits = checked(visits, (visits >= 1) & (visits <= longest), message)
    inside = tf.sequence_mask(visits, longest)[..., tf.newaxis]
    message = "dx: must be codes, or -1, which it must be after the last visit; found something else in patient"
    dx = checked(dx, _all_of_patient((dx == -1) | (dx >= 0) & inside), message)
    return dx, _check_orders("rx", rx, dx), _check_orders("pr", pr, dx), visits


def _checked_days(days, visits):
    """Returns the days of visits as the table of a batch, (B, T), from `days_before` of as many visits or more.

    Args:
        days: int32 (B, T or more).
        visits: int32 (B, T), below 0 after a patient's last visit.
    """
    enough = (tf.shape(days)[0] == tf.shape(visits)[0]) & (tf.shape(days)[1] >= tf.shape(visits)[1])
    tf.debugging.Assert(enough, ["days_before: must be one number per patient and visit; found", tf.shape(days)])
    days = days[:, : tf.shape(visits)[1]]
    message = "days_before: must be 0 or more for each visit; found another number in patient"
    days = checked(days, _all_of_patient((days >= 0) | (visits < 0)), message)
    days = tf.where(visits >= 0, days, -1)
    message = "days_before: must not rise from a visit to the next, which is later; found more days in patient"
    return checked(days, _all_of_patient(days[:, 1:] <= days[:, :-1]), message)


def _check_orders(name, orders, dx):
    is_right = (orders == -1) | (orders >= 0) & (dx >= 0)[..., tf.newaxis]
    message = f"{name}: must be codes, or -1, which it must be where dx is -1; found something else in patient"
    return checked(orders, _all_of_patient(is_right), message)


def _tables(keep, dx, rx, pr, visits):
    """Lays codes out as `mime_tf.batches.tables` does, but computes Dx-objects that occur twice twice.

    Args:
        keep: bool (B, T, D), the Dx-objects that the model is shown.
        dx: as for `Service.codes`.
        rx: as for `Service.codes`, -1 where a code is not known.
        pr: as for `Service.codes`, -1 where a code is not known.
        visits: as for `Service.codes`.
    """
    inside = tf.sequence_mask(visits, tf.shape(dx)[1])
    dxobjs = tf.boolean_mask(_numbered(keep), inside)
    kept = {"dx": tf.boolean_mask(dx, keep), "rx": tf.boolean_mask(rx, keep), "pr": tf.boolean_mask(pr, keep)}
    # A last Dx-object without codes, which no visit refers to: a table without rows can't be read.
    kept = {
        kind: tf.pad(codes, [[0, 1]] + [[0, 0]] * (codes.shape.rank - 1), constant_values=-1)
        for kind, codes in kept.items()
    }
    return {"patients": tf.range(tf.shape(dx)[0]), "visits": _numbered(inside), "dxobjs": dxobjs, **kept}


def _numbered(chosen):
    """Numbers the elements that are True from 0 on, in order; the others are -1."""
    numbers = tf.cumsum(tf.reshape(tf.cast(chosen, tf.int32), [-1])) - 1
    return tf.where(chosen, tf.reshape(numbers, tf.shape(chosen)), -1)


def _count(holds):
    """Returns the number of elements that are True, per patient."""
    return tf.reduce_sum(tf.cast(holds, tf.int32), axis=list(range(1, holds.shape.rank)))


def _all_of_patient(holds):
    """Returns whether all elements are True, per patient."""
    return tf.reduce_all(holds, axis=list(range(1, holds.shape.rank)))
