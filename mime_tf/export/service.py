"""What a server computes: codes in, probabilities out, in a TensorFlow graph that needs nothing of this package.

Codes that training did not hold are dropped inside the graph, as `Store.keep_known` drops them.
"""

import contextlib
import functools
import re

import tensorflow as tf

from mime_tf.data.store import CODE_KINDS
from mime_tf.export import patient_json
from mime_tf.export.patient_json import checked

# What a name stands for that no code has, and one that several have. Neither is the number of a code.
UNKNOWN, AMBIGUOUS = 2**31 - 1, -2
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Service(tf.Module):
    """The model of a run, with the codes that it knows and their names, as functions that a server can be given.

    Both give a dict of `"probability"` float32, `"dropped_codes"` int32 and `"empty"` bool, each of shape (B,): as in
    `mime_tf.scoring.prediction.Predictions`. Wrong input is an `InvalidArgumentError` that names the patient.

    Args:
        run: `mime_tf.runs.fitted_split.FittedSplit`.
    """

    def __init__(self, run):
        super().__init__()
        # A module is saved with the variables that it holds; a Keras model would bring its metrics and optimizer.
        self.weights = [weight.value for weight in run.model.weights]
        self.known = {kind: tf.constant(known) for kind, known in run.usable.items()}
        self.names = {kind: _table(names(run, kind)) for kind in CODE_KINDS}
        # Wrapped, so that the module does not hold them.
        self._model = functools.partial(run.model, training=False)
        self._rnn = lambda: run.model.rnn

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None), tf.int32, "dx"),
            tf.TensorSpec((None, None, None, None), tf.int32, "rx"),
            tf.TensorSpec((None, None, None, None), tf.int32, "pr"),
            tf.TensorSpec((None,), tf.int32, "visits"),
        ]
    )
    def codes(self, dx, rx, pr, visits):
        """Scores patients given as the numbers of their codes.

        Args:
            dx: int32 (B, T, D), the diagnosis of each Dx-object; -1 where there is none.
            rx: int32 (B, T, D, R), the medications that it led to, filled up with -1.
            pr: int32 (B, T, D, P), the procedures, likewise.
            visits: int32 (B,), how many visits a patient has, from 1 to T, visits without Dx-objects among them.
        """
        return self._score(*_check(dx, rx, pr, visits))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "patients")])
    def json(self, patients):
        """Scores patients given as JSON; `mime_tf.export.patient_json` has the form, `names` what codes are called.

        Args:
            patients: string (B,).
        """
        found = {kind: self._look_up(kind, names) for kind, names in patient_json.read(patients).items()}
        visits = tf.cast(found["dx"].row_lengths(), tf.int32)
        return self._score(*(found[kind].to_tensor(-1) for kind in CODE_KINDS), visits)

    def signatures(self):
        """Returns both functions as the signatures of a SavedModel, by name."""
        with _any_device(self._rnn()):
            return {"serving_default": self.codes.get_concrete_function(), "json": self.json.get_concrete_function()}

    def _look_up(self, kind, names):
        """The numbers of ragged `names`."""
        numbers = tf.ragged.map_flat_values(self.names[kind].lookup, names)
        clear = tf.reduce_all(numbers != AMBIGUOUS, axis=list(range(1, numbers.shape.rank)))
        message = (
            f"patients: {kind}: must be the name of one code, such as SYSTEM|CODE; found that of several in patient"
        )
        return numbers.with_flat_values(checked(numbers.flat_values, clear, message))

    def _score(self, dx, rx, pr, visits):
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.size(visits) > 0, ["no patient; one or more are needed"])]
        ):
            visits = tf.identity(visits)
        keep = self._is_known("dx", dx)
        left = {"rx": keep[..., tf.newaxis] & self._is_known("rx", rx)}
        left["pr"] = keep[..., tf.newaxis] & self._is_known("pr", pr)
        shown = _count(keep) + _count(left["rx"]) + _count(left["pr"])
        given = _count(dx >= 0) + _count(rx >= 0) + _count(pr >= 0)
        rx, pr = tf.where(left["rx"], rx, -1), tf.where(left["pr"], pr, -1)
        probabilities = self._model(_tables(keep, dx, rx, pr, visits))
        return {"probability": probabilities[:, 0], "dropped_codes": given - shown, "empty": shown == 0}

    def _is_known(self, kind, codes):
        """Whether each code is one that the model knows; -1 and numbers that it has no room for are none."""
        known = self.known[kind]
        size = tf.shape(known)[0]
        return (codes >= 0) & (codes < size) & tf.gather(known, tf.clip_by_value(codes, 0, size - 1))


def names(run, kind):
    """Returns what codes are called in JSON: dict from a name to the code's number.

    A code of the run's vocabulary goes by its code and by `SYSTEM|CODE`; a name that several codes have stands for
    `AMBIGUOUS`. A name with control characters is left out, for JSON would have to escape them. Where the run has no
    vocabulary, names are the numbers themselves, as strings.

    Args:
        run: `mime_tf.runs.fitted_split.FittedSplit`.
        kind: `"dx"`, `"rx"` or `"pr"`.
    """
    if run.vocabulary is None:
        return {str(number): number for number in range(run.sizes[f"num_{kind}"])}
    found = {}
    for (of, number), row in run.vocabulary.by_index.items():
        if of == kind and row["code"]:
            for name in {row["code"], f"{row['system']}|{row['code']}"}:
                found[name] = AMBIGUOUS if name in found else number
    return {name: number for name, number in found.items() if not _CONTROL.search(name)}


def code_names(run, kind):
    """Returns how JSON names the codes that training held: dict from a code's number to its shortest clear name."""
    found = {}
    for name, number in names(run, kind).items():
        usable = 0 <= number < len(run.usable[kind]) and run.usable[kind][number]
        if usable and (number not in found or len(name) < len(found[number])):
            found[number] = name
    return found


def notes(run):
    """Returns what whoever sends JSON to a run's model should be told: list of str."""
    if run.vocabulary is None:
        return [f"{run.folder}: has no vocabulary.csv, so JSON takes the numbers of codes, as strings"]
    lost = {kind: int(run.usable[kind].sum()) - len(code_names(run, kind)) for kind in CODE_KINDS}
    return [
        f"{run.folder}: {count:,} {kind} codes that the model knows have no name of their own in vocabulary.csv; JSON "
        "can't have them, numbers can"
        for kind, count in lost.items()
        if count
    ]


def _table(numbers):
    """A dict from str to int as a lookup in the graph. It can't be without entries, and no code's name is empty."""
    numbers = numbers | {"": UNKNOWN}
    keys, values = tf.constant(list(numbers), tf.string), tf.constant(list(numbers.values()), tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), UNKNOWN)


@contextlib.contextmanager
def _any_device(rnn):
    """Inside the block a recurrent layer is traced so that it runs anywhere: Keras's kernel for GPUs runs on no CPU."""
    if not hasattr(rnn, "use_cudnn"):
        yield
        return
    before, rnn.use_cudnn = rnn.use_cudnn, False
    try:
        yield
    finally:
        rnn.use_cudnn = before


def _check(dx, rx, pr, visits):
    """Returns the arguments of `Service.codes`, found to go together."""
    for name, orders in (("rx", rx), ("pr", pr)):
        same = tf.reduce_all(tf.shape(orders)[:3] == tf.shape(dx))
        tf.debugging.Assert(same, [f"{name}: must have the first three sizes of dx; found", tf.shape(orders)])
    same = tf.shape(visits)[0] == tf.shape(dx)[0]
    tf.debugging.Assert(same, ["visits: must be one number a patient of dx; found", tf.shape(visits)])
    longest = tf.shape(dx)[1]
    message = "visits: must be from 1 to the second size of dx; found another number in patient"
    visits = checked(visits, (visits >= 1) & (visits <= longest), message)
    inside = tf.sequence_mask(visits, longest)[..., tf.newaxis]
    message = "dx: must be codes, -1 where there is none and after the last visit; found something else in patient"
    dx = checked(dx, _all_of_patient((dx == -1) | (dx >= 0) & inside), message)
    found = {}
    for name, orders in (("rx", rx), ("pr", pr)):
        right = (orders == -1) | (orders >= 0) & (dx >= 0)[..., tf.newaxis]
        message = f"{name}: must be codes, -1 where there is none and where dx is -1; found something else in patient"
        found[name] = checked(orders, _all_of_patient(right), message)
    return dx, found["rx"], found["pr"], visits


def _tables(keep, dx, rx, pr, visits):
    """Lays codes out as `mime_tf.batches.tables` does, without looking for what occurs twice.

    Args:
        keep: bool (B, T, D), which Dx-objects the model is shown.
        dx: as for `Service.codes`.
        rx: as there, -1 where a code is not known.
        pr: as `rx`.
        visits: as for `Service.codes`.
    """
    inside = tf.sequence_mask(visits, tf.shape(dx)[1])
    dxobjs = tf.boolean_mask(_numbered(keep), inside)
    kept = {"dx": tf.boolean_mask(dx, keep), "rx": tf.boolean_mask(rx, keep), "pr": tf.boolean_mask(pr, keep)}
    # A last Dx-object without codes, which no visit names: a table without rows can't be read from.
    kept = {
        kind: tf.pad(codes, [[0, 1]] + [[0, 0]] * (codes.shape.rank - 1), constant_values=-1)
        for kind, codes in kept.items()
    }
    return {"patients": tf.range(tf.shape(dx)[0]), "visits": _numbered(inside), "dxobjs": dxobjs, **kept}


def _numbered(chosen):
    """Numbers the chosen places from 0 on, in order; -1 elsewhere."""
    numbers = tf.cumsum(tf.reshape(tf.cast(chosen, tf.int32), [-1])) - 1
    return tf.where(chosen, tf.reshape(numbers, tf.shape(chosen)), -1)


def _count(codes):
    """How many places are true for each patient."""
    return tf.reduce_sum(tf.cast(codes, tf.int32), axis=list(range(1, codes.shape.rank)))


def _all_of_patient(holds):
    return tf.reduce_all(holds, axis=list(range(1, holds.shape.rank)))
