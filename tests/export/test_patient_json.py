"""Patients as JSON, read in a graph: as any reader of JSON does, and nothing else."""

import json

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cohorts

from mime_tf.export import patient_json

read = tf.function(patient_json.read, input_signature=[tf.TensorSpec((None,), tf.string)])
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=4) | st.sampled_from('"\\/[]{},:')


@st.composite
def json_patients(draw):
    """Patients as lists, and as JSON that any program may have written."""
    patients = draw(cohorts.cohorts())
    names = draw(st.lists(TEXTS, min_size=6, max_size=6, unique=True))
    space = st.text(" \t\r\n", max_size=2)

    def string(text):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        slash = draw(st.sampled_from(["/", "\\/"]))
        return f'"{escaped.replace("/", slash)}"'

    def listed(items):
        return f"[{draw(space)}" + f"{draw(space)},{draw(space)}".join(items) + f"{draw(space)}]"

    def member(key, value):
        return f'"{key}"{draw(space)}:{draw(space)}{value}'

    def dxobject(dx, rx, pr):
        orders = {"rx": rx, "pr": pr}
        members = [member("dx", string(names[dx]))]
        for kind, codes in orders.items():
            if codes or draw(st.booleans()):
                members.append(member(kind, listed([string(names[number]) for number in codes])))
        return f"{{{draw(space)}{','.join(draw(st.permutations(members)))}{draw(space)}}}"

    texts = [
        f"{{{member('visits', listed([listed([dxobject(*o) for o in visit]) for visit in patient]))}{draw(space)}}}"
        for patient in patients
    ]
    named = [
        [[[names[dx], [names[n] for n in rx], [names[n] for n in pr]] for dx, rx, pr in visit] for visit in patient]
        for patient in patients
    ]
    return named, texts


def from_ragged(found):
    by_kind = [found[kind].to_list() for kind in ("dx", "rx", "pr")]
    decode = lambda codes: [name.decode() for name in codes]  # noqa: E731
    return [
        [
            [[dx.decode(), decode(rx), decode(pr)] for dx, rx, pr in zip(*visit, strict=True)]
            for visit in zip(*patient, strict=True)
        ]
        for patient in zip(*by_kind, strict=True)
    ]


@settings(max_examples=25)
@given(json_patients())
def test_json_is_read_as_any_reader_does(pair):
    patients, texts = pair
    assert from_ragged(read(tf.constant(texts))) == patients
    for text, patient in zip(texts, patients, strict=True):  # so that the test's own writer is right
        visits = json.loads(text)["visits"]
        assert [[[o["dx"], o.get("rx", []), o.get("pr", [])] for o in visit] for visit in visits] == patient


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", '{"visits": []}', '{"visits": [[]]', '{"visits": [[]]} x', '{"visits": [[],]}'),
        *('{"visits": [[{}]]}', '{"visits": [{"dx": "SECRET"}]}', '{"visits": [[["SECRET"]]]}', '{"Visits": [[]]}'),
        *('{"visits": [[{"dx": 5}]]}', '{"visits": [[{"dx": ["SECRET"]}]]}', '{"visits": [[{"dx": "SECRET",}]]}'),
        *('{"visits": [[{"dx": "SECRET" "rx": []}]]}', '{"visits": [[{"dx": "SECRET", "rx": "SECRET"}]]}'),
        *('{"visits": [[{"dx": "SECRET", "age": "5"}]]}', '{"visits": [[{"rx": ["SECRET"]}]]}'),
        *('{"visits": [[{"dx": "SECRET", "dx": "SECRET"}]]}', '{"visits": [[{"dx": "S", "rx": [], "rx": ["S"]}]]}'),
        *('{"visits": [[{"dx": "S", "pr": ["S"], "rx": [], "pr": []}]]}', '{"visits": [[{"dx": "SECRET\\u0041"}]]}'),
        *('{"visits": [[{"dx": "SEC\nRET"}]]}', '{"visits": [[{"dx": "SECRET\\"}]]}', "{'visits': [[]]}"),
        *('{"visits": [[]], "visits": [[]]}', b'{"visits": [[{"dx": "SECRET\xff"}]]}', '{"visits": [[[]]]}'),
    ],
)
def test_text_that_is_no_patient_is_refused_and_not_shown(text):
    right = '{"visits": [[]]}'
    assert from_ragged(read(tf.constant([right]))) == [[[]]]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)patients: .* in patient\W+1") as caught:
        read(tf.constant([right, text, right]))
    assert "SECRET" not in str(caught.value)
