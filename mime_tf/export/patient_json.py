r"""Patients as JSON, read inside a TensorFlow graph by its standard operations, so that any server can.

A patient is `{"visits": [VISIT, ...]}` with at least one visit; a VISIT is a list of Dx-objects, and may be empty; a
Dx-object is `{"dx": "CODE", "rx": ["CODE", ...], "pr": ["CODE", ...]}`, its keys in any order, `rx` and `pr` optional.
The nesting has a fixed depth, so a regular expression can check that a text is a patient. In such a text quotation
marks divide strings from the glue between them, and the glue tells the role of each string.
"""

from typing import Any, NamedTuple

import tensorflow as tf

# In place of an escaped backslash and quotation mark while the text is divided; the grammar admits neither.
_BACKSLASH, _QUOTE = "\x01", "\x02"


def _listed(item):
    """Returns the expression of one or more items with commas between them."""
    return f"{item} (?:, {item} )*"


def _grammar():
    """Returns the regular expression (RE2) of a patient; a space in it is any white space of JSON."""
    string = r'"(?:[^"\\[:cntrl:]]|\\["\\/])*"'
    codes = rf"\[ (?:{_listed(string)})?\]"
    member = rf'(?:"dx" : {string}|"(?:rx|pr)" : {codes})'
    visit = rf"\[ (?:{_listed(rf'{{ {_listed(member)}}}')})?\]"
    patient = rf' \{{ "visits" : \[ {_listed(visit)}\] \}} '
    return patient.replace(" ", r"[ \t\r\n]*")


PATIENT = _grammar()


class _Strings(NamedTuple):
    """The strings of a batch of patients in a row: tensors of shape (strings,).

    Attributes:
        text: its content.
        is_key: whether it is a key, "visits", "dx", "rx" or "pr": a string before a colon.
        key: the last key up to the string, which is a code's kind.
        visit: index of its visit, counted through the batch.
        dxobject: index of its Dx-object, counted through the batch.
    """

    text: Any
    is_key: Any
    key: Any
    visit: Any
    dxobject: Any


def read(texts):
    """Reads patients.

    Args:
        texts: string tensor of shape (B,), one patient each.

    Returns:
        Dict of ragged string tensors, the codes: `"dx"` (B, visits, Dx-objects), `"rx"` and `"pr"` (B, visits,
        Dx-objects, codes).

    Raises:
        tf.errors.InvalidArgumentError: a text is not a patient. The message has the patient's index and nothing of the
            text: a server's log is no place for records.
    """
    texts = checked(
        texts,
        tf.strings.regex_full_match(texts, PATIENT),
        'patients: must be like {"visits": [[{"dx": "CODE", "rx": ["CODE"], "pr": []}]]}, with a visit or more, and '
        'no escapes in a string but \\", \\\\ and \\/ (other letters as they are, in UTF-8); found another form in '
        "patient",
    )
    strings, visits, dxobjects = _divide(texts)
    visits = checked(visits, _well_made(strings, dxobjects), _RIGHT_KEYS)
    codes = {kind: ~strings.is_key & (strings.key == kind) for kind in ("dx", "rx", "pr")}
    # A Dx-object has one diagnosis, whose visit is that of the Dx-object.
    visit_of_dxobject = tf.boolean_mask(strings.visit, codes["dx"])

    def in_visits(values):
        by_visit = tf.RaggedTensor.from_value_rowids(values, visit_of_dxobject, tf.reduce_sum(visits), validate=False)
        return tf.RaggedTensor.from_row_lengths(by_visit, visits, validate=False)

    def orders(kind):
        text, dxobject = (tf.boolean_mask(column, codes[kind]) for column in (strings.text, strings.dxobject))
        return tf.RaggedTensor.from_value_rowids(text, dxobject, tf.reduce_sum(dxobjects), validate=False)

    diagnoses = tf.boolean_mask(strings.text, codes["dx"])
    return {"dx": in_visits(diagnoses), "rx": in_visits(orders("rx")), "pr": in_visits(orders("pr"))}


def checked(value, holds, message):
    """Returns `value` if `holds` is True for every patient.

    Args:
        value: tensor.
        holds: boolean tensor, (B,).
        message: the beginning of the error's message; the index of the first patient whose `holds` is False follows.

    Raises:
        tf.errors.InvalidArgumentError: it is False for a patient.
    """
    first = tf.argmin(tf.cast(tf.concat([holds, [False]], 0), tf.int32), output_type=tf.int32)
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(holds), [message, first])]):
        return tf.identity(value)


_RIGHT_KEYS = 'patients: each Dx-object must have "dx" once, "rx" and "pr" at most once; found other keys in patient'


def _divide(texts):
    """Returns the `_Strings` of patients that the grammar admits, and their numbers of visits and Dx-objects, (B,)."""
    unescaped = texts
    for escape, letter in ((r"\\\\", _BACKSLASH), (r'\\"', _QUOTE), (r"\\/", "/")):
        unescaped = tf.strings.regex_replace(unescaped, escape, letter)
    pieces = tf.strings.split(unescaped, '"')
    text = pieces[:, 1::2].flat_values
    for letter, character in ((_BACKSLASH, r"\\"), (_QUOTE, '"')):
        text = tf.strings.regex_replace(text, letter, character)
    # The glue of a string's index comes before it, the next glue after it.
    glue = tf.ragged.map_flat_values(tf.strings.regex_replace, pieces[:, ::2], r"\s", "")
    is_key = tf.strings.regex_full_match(glue[:, 1:].flat_values, ":.*")
    key = tf.gather(tf.boolean_mask(text, is_key), tf.cumsum(tf.cast(is_key, tf.int32)) - 1)
    visit, visits = _index(glue, r"[\[,]\[")
    dxobject, dxobjects = _index(glue, r"[\[,]\{")
    return _Strings(text, is_key, key, visit, dxobject), visits, dxobjects


def _index(glue, opening):
    """Counts the visits or the Dx-objects, which `opening`, an expression of two characters, opens.

    Returns:
        For each string the index of the last one opened before it, counted through the batch, (strings,); and the
        number per patient, (B,).
    """
    # Each opening is replaced by three characters, so that the glue becomes longer by one.
    longer = tf.ragged.map_flat_values(tf.strings.regex_replace, glue, opening, "...")
    new, old = (tf.ragged.map_flat_values(tf.strings.length, text) for text in (longer, glue))
    opened = new - old
    last = tf.ragged.map_flat_values(tf.cumsum, opened)[:, :-1].flat_values - 1
    return last, tf.reduce_sum(opened, axis=1)


def _well_made(strings, dxobjects):
    """Returns whether each patient's Dx-objects have a diagnosis and no key twice: (B,)."""
    total = tf.reduce_sum(dxobjects)

    def occurrences(key):
        is_key = tf.cast(strings.is_key & (strings.text == key), tf.int32)
        return tf.math.unsorted_segment_sum(is_key, strings.dxobject, total)

    is_right = (occurrences("dx") == 1) & (occurrences("rx") <= 1) & (occurrences("pr") <= 1)
    return tf.reduce_all(tf.RaggedTensor.from_row_lengths(is_right, dxobjects, validate=False), axis=1)
