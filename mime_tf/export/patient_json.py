r"""Patients as JSON, read inside a TensorFlow graph by its standard operations, so that any server can.

A patient is `{"visits": [VISIT, ...]}` with at least one visit; a VISIT is a list of Dx-objects, and may be empty; a
Dx-object is `{"dx": "CODE", "rx": ["CODE", ...], "pr": ["CODE", ...]}`, its keys in any order, `rx` and `pr` only
where there are any. The nesting has a fixed depth, so a regular expression tells what is a patient. In what it admits,
quotation marks divide the text into strings and the glue between them, and the glue says what each string is.
"""

from typing import Any, NamedTuple

import tensorflow as tf

# What stands for an escaped backslash and quotation mark while the text is divided: the grammar admits neither.
_BACKSLASH, _QUOTE = "\x01", "\x02"


def _listed(item):
    """One or more items with commas between them."""
    return f"{item} (?:, {item} )*"


def _grammar():
    """The regular expression (RE2) of a patient."""
    string = r'"(?:[^"\\[:cntrl:]]|\\["\\/])*"'
    codes = rf"\[ (?:{_listed(string)})?\]"
    member = rf'(?:"dx" : {string}|"(?:rx|pr)" : {codes})'
    visit = rf"\[ (?:{_listed(rf'{{ {_listed(member)}}}')})?\]"
    patient = rf' \{{ "visits" : \[ {_listed(visit)}\] \}} '
    return patient.replace(" ", r"[ \t\r\n]*")


PATIENT = _grammar()


class _Strings(NamedTuple):
    """The strings of a batch of patients, one after the other: tensors of shape (strings,)."""

    text: Any
    is_key: Any  # "visits", "dx", "rx" or "pr", before a colon
    key: Any  # the last key up to here, so a code's kind
    visit: Any  # the visit and the Dx-object it is in, counted through the batch
    dxobject: Any


def read(texts):
    """Reads patients.

    Args:
        texts: string tensor of shape (B,), one patient each.

    Returns:
        Dict of ragged string tensors, the codes: `"dx"` (B, visits, Dx-objects), `"rx"` and `"pr"` (B, visits,
        Dx-objects, codes).

    Raises:
        tf.errors.InvalidArgumentError: a text is not a patient. The message says which one, counted from 0, and
            shows nothing of it: a server's log is no place for records.
    """
    texts = checked(
        texts,
        tf.strings.regex_full_match(texts, PATIENT),
        'patients: must be like {"visits": [[{"dx": "CODE", "rx": ["CODE"], "pr": []}]]}, with a visit or more, and '
        'no escapes in a string but \\", \\\\ and \\/ (other letters stand there as they are, in UTF-8); found another '
        "form in patient",
    )
    strings, visits, dxobjects = _divide(texts)
    visits = checked(visits, _well_made(strings, dxobjects), _MEMBERS)
    codes = {kind: ~strings.is_key & (strings.key == kind) for kind in ("dx", "rx", "pr")}
    # There is one diagnosis a Dx-object, so its visit is the Dx-object's.
    visit_of = tf.boolean_mask(strings.visit, codes["dx"])

    def in_visits(of_dxobjects):
        by_visit = tf.RaggedTensor.from_value_rowids(of_dxobjects, visit_of, tf.reduce_sum(visits), validate=False)
        return tf.RaggedTensor.from_row_lengths(by_visit, visits, validate=False)

    def orders(kind):
        text, of = (tf.boolean_mask(column, codes[kind]) for column in (strings.text, strings.dxobject))
        return tf.RaggedTensor.from_value_rowids(text, of, tf.reduce_sum(dxobjects), validate=False)

    diagnoses = tf.boolean_mask(strings.text, codes["dx"])
    return {"dx": in_visits(diagnoses), "rx": in_visits(orders("rx")), "pr": in_visits(orders("pr"))}


def checked(value, holds, message):
    """Returns `value` once `holds` was found true everywhere.

    Args:
        value: tensor.
        holds: boolean tensor, (B,).
        message: what would be right, and what was found; the first position where `holds` is false comes after it.

    Raises:
        tf.errors.InvalidArgumentError: it is false somewhere.
    """
    first = tf.argmin(tf.cast(tf.concat([holds, [False]], 0), tf.int32), output_type=tf.int32)
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(holds), [message, first])]):
        return tf.identity(value)


_MEMBERS = 'patients: each Dx-object must have "dx" once, "rx" and "pr" at most once; found another in patient'


def _divide(texts):
    """Returns the `_Strings` of patients that the grammar admits, and their numbers of visits and Dx-objects, (B,)."""
    hidden = texts
    for escape, letter in ((r"\\\\", _BACKSLASH), (r'\\"', _QUOTE), (r"\\/", "/")):
        hidden = tf.strings.regex_replace(hidden, escape, letter)
    pieces = tf.strings.split(hidden, '"')
    text = pieces[:, 1::2].flat_values
    for letter, character in ((_BACKSLASH, r"\\"), (_QUOTE, '"')):
        text = tf.strings.regex_replace(text, letter, character)
    # A string has the glue of its own number before it and the next after it.
    glue = tf.ragged.map_flat_values(tf.strings.regex_replace, pieces[:, ::2], r"\s", "")
    is_key = tf.strings.regex_full_match(glue[:, 1:].flat_values, ":.*")
    key = tf.gather(tf.boolean_mask(text, is_key), tf.cumsum(tf.cast(is_key, tf.int32)) - 1)
    visit, visits = _number(glue, r"[\[,]\[")
    dxobject, dxobjects = _number(glue, r"[\[,]\{")
    return _Strings(text, is_key, key, visit, dxobject), visits, dxobjects


def _number(glue, opening):
    """Numbers what `opening`, an expression of two characters, opens.

    Returns:
        For each string the last one opened before it, counted through the batch, and how many each patient has.
    """
    one_longer = tf.ragged.map_flat_values(tf.strings.regex_replace, glue, opening, "...")
    opened = tf.ragged.map_flat_values(tf.strings.length, one_longer) - tf.ragged.map_flat_values(
        tf.strings.length, glue
    )
    last = tf.ragged.map_flat_values(tf.cumsum, opened)[:, :-1].flat_values - 1
    return last, tf.reduce_sum(opened, axis=1)


def _well_made(strings, dxobjects):
    """Whether each patient's Dx-objects have a diagnosis and no key twice: (B,)."""
    total = tf.reduce_sum(dxobjects)

    def times(kind):
        named = tf.cast(strings.is_key & (strings.text == kind), tf.int32)
        return tf.math.unsorted_segment_sum(named, strings.dxobject, total)

    fine = (times("dx") == 1) & (times("rx") <= 1) & (times("pr") <= 1)
    return tf.reduce_all(tf.RaggedTensor.from_row_lengths(fine, dxobjects, validate=False), axis=1)
