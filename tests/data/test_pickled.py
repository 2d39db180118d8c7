"""Tests of mime_tf.data.pickled: pickles that are read, those refused, and the place that a complaint names."""

import copy
import copyreg
import gc
import io
import os
import pickle
import struct
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mime_tf.data import pickled, pickles
from mime_tf.data.store import Store
from mime_tf.errors import InputError, show
from mime_tf.terminal import reading

# The sample's patient.
PATIENT = [
    [[0, [0, 1], [0]], [1, [1, 2, 3], []], [2, [], [0, 1]]],
    [[2, [], []], [3, [2, 4], [2, 3, 4]]],
    [[4, [1, 2, 3], [0, 2]]],
]

# `data` as Python 2.7.18's cPickle writes it: longs, tuples and shared references.
#     patient = [[[3, [0L, 5], [70000]], (4, (), [300])], []]; data = [patient] * 3
PYTHON2 = [
    b"(lp1\n(lp2\n(lp3\n(lp4\nI3\na(lp5\nL0L\naI5\naa(lp6\nI70000\naaa(I4\n(t(lp7\nI300\natp8\naa(lp9\naag2\nag2\na.",
    b"]q\x01(]q\x02(]q\x03(]q\x04(K\x03]q\x05(L0L\nK\x05e]q\x06Jp\x11\x01\x00ae(K\x04)]q\x07M,\x01atq\x08e]q\teh\x02h"
    b"\x02e.",
    b"\x80\x02]q\x01(]q\x02(]q\x03(]q\x04(K\x03]q\x05(\x8a\x00K\x05e]q\x06Jp\x11\x01\x00aeK\x04)]q\x07M,\x01a\x87q"
    b"\x08e]q\teh\x02h\x02e.",
]
PYTHON2_LISTS = [[[[3, [0, 5], [70000]], [4, [], [300]]], []]] * 3

# [True, False, 1L] by the same.
PYTHON2_LABELS = [b"(lp1\nI01\naI00\naL1L\na.", b"]q\x01(I01\nI00\nL1L\ne.", b"\x80\x02]q\x01(\x88\x89\x8a\x01\x01e."]

# [[[[int64(3), [int8(1), uint8(200), int16(300), float16(4), float32(3), bool_(True)], []]]]] by Python 2.7.18 with
# NumPy 1.16.6; a byte of 0xc8 and a newline of protocol 0 are in it.
PYTHON2_NUMPY = [
    b"(lp1\n(lp2\n(lp3\n(lp4\ncnumpy.core.multiarray\nscalar\np5\n(cnumpy\ndtype\np6\n(S'i8'\nI0\nI1\ntRp7\n(I3"
    b"\nS'<'\nNNNI-1\nI-1\nI0\ntbS'\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00'\ntRp8\na(lp9\ng5\n(g6\n(S'i1'\nI0"
    b"\nI1\ntRp10\n(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbS'\\x01'\ntRp11\nag5\n(g6\n(S'u1'\nI0\nI1\ntRp12\n(I3\nS'|'\nN"
    b"NNI-1\nI-1\nI0\ntbS'\\xc8'\ntRp13\nag5\n(g6\n(S'i2'\nI0\nI1\ntRp14\n(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbS',\\x0"
    b"1'\ntRp15\nag5\n(g6\n(S'f2'\nI0\nI1\ntRp16\n(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbS'\\x00D'\ntRp17\nag5\n(g6\n(S'"
    b"f4'\nI0\nI1\ntRp18\n(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbS'\\x00\\x00@@'\ntRp19\nag5\n(g6\n(S'b1'\nI0\nI1\ntRp20"
    b"\n(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbS'\\x01'\ntRp21\naa(lp22\naaaa.",
    b"]q\x01]q\x02]q\x03]q\x04(cnumpy.core.multiarray\nscalar\nq\x05(cnumpy\ndtype\nq\x06(U\x02i8K\x00K\x01tRq"
    b"\x07(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x08\x03\x00\x00\x00\x00\x00\x00\x00tRq\x08]"
    b"q\t(h\x05(h\x06(U\x02i1K\x00K\x01tRq\n(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x01\x01tR"
    b"q\x0bh\x05(h\x06(U\x02u1K\x00K\x01tRq\x0c(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x01"
    b"\xc8tRq\rh\x05(h\x06(U\x02i2K\x00K\x01tRq\x0e(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU"
    b"\x02,\x01tRq\x0fh\x05(h\x06(U\x02f2K\x00K\x01tRq\x10(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK"
    b"\x00tbU\x02\x00DtRq\x11h\x05(h\x06(U\x02f4K\x00K\x01tRq\x12(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff"
    b"\xffK\x00tbU\x04\x00\x00@@tRq\x13h\x05(h\x06(U\x02b1K\x00K\x01tRq\x14(K\x03U\x01|NNNJ\xff\xff\xff\xffJ"
    b"\xff\xff\xff\xffK\x00tbU\x01\x01tRq\x15e]q\x16eaaa.",
    b"\x80\x02]q\x01]q\x02]q\x03]q\x04(cnumpy.core.multiarray\nscalar\nq\x05cnumpy\ndtype\nq\x06U\x02i8K\x00K"
    b"\x01\x87Rq\x07(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x08\x03\x00\x00\x00\x00\x00\x00"
    b"\x00\x86Rq\x08]q\t(h\x05h\x06U\x02i1K\x00K\x01\x87Rq\n(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK"
    b"\x00tbU\x01\x01\x86Rq\x0bh\x05h\x06U\x02u1K\x00K\x01\x87Rq\x0c(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff"
    b"\xff\xffK\x00tbU\x01\xc8\x86Rq\rh\x05h\x06U\x02i2K\x00K\x01\x87Rq\x0e(K\x03U\x01<NNNJ\xff\xff\xff\xffJ"
    b"\xff\xff\xff\xffK\x00tbU\x02,\x01\x86Rq\x0fh\x05h\x06U\x02f2K\x00K\x01\x87Rq\x10(K\x03U\x01<NNNJ\xff\xff"
    b"\xff\xffJ\xff\xff\xff\xffK\x00tbU\x02\x00D\x86Rq\x11h\x05h\x06U\x02f4K\x00K\x01\x87Rq\x12(K\x03U\x01<NNNJ"
    b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x04\x00\x00@@\x86Rq\x13h\x05h\x06U\x02b1K\x00K\x01\x87Rq\x14(K"
    b"\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x01\x01\x86Rq\x15e]q\x16eaaa.",
]
# [int64(3), bool_(True), float32(2)] by Python 3.8 with NumPy 1.24.4, protocols 0 to 5.
NUMPY1 = [
    b"(lp0\ncnumpy.core.multiarray\nscalar\np1\n(cnumpy\ndtype\np2\n(Vi8\np3\nI00\nI01\ntp4\nRp5\n(I3\nV<\np6\n"
    b"NNNI-1\nI-1\nI0\ntp7\nbc_codecs\nencode\np8\n(V\x03\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\np9"
    b"\nVlatin1\np10\ntp11\nRp12\ntp13\nRp14\nag1\n(g2\n(Vb1\np15\nI00\nI01\ntp16\nRp17\n(I3\nV|\np18\nNNNI-1\n"
    b"I-1\nI0\ntp19\nbg8\n(V\x01\np20\ng10\ntp21\nRp22\ntp23\nRp24\nag1\n(g2\n(Vf4\np25\nI00\nI01\ntp26\nRp27\n"
    b"(I3\ng6\nNNNI-1\nI-1\nI0\ntp28\nbg8\n(V\\u0000\\u0000\\u0000@\np29\ng10\ntp30\nRp31\ntp32\nRp33\na.",
    b"]q\x00(cnumpy.core.multiarray\nscalar\nq\x01(cnumpy\ndtype\nq\x02(X\x02\x00\x00\x00i8q\x03I00\nI01\ntq"
    b"\x04Rq\x05(K\x03X\x01\x00\x00\x00<q\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x07bc_codecs\nencode"
    b"\nq\x08(X\x08\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00q\tX\x06\x00\x00\x00latin1q\ntq\x0bRq\x0ctq\rRq"
    b"\x0eh\x01(h\x02(X\x02\x00\x00\x00b1q\x0fI00\nI01\ntq\x10Rq\x11(K\x03X\x01\x00\x00\x00|q\x12NNNJ\xff\xff"
    b"\xff\xffJ\xff\xff\xff\xffK\x00tq\x13bh\x08(X\x01\x00\x00\x00\x01q\x14h\ntq\x15Rq\x16tq\x17Rq\x18h\x01(h"
    b"\x02(X\x02\x00\x00\x00f4q\x19I00\nI01\ntq\x1aRq\x1b(K\x03h\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"
    b"q\x1cbh\x08(X\x04\x00\x00\x00\x00\x00\x00@q\x1dh\ntq\x1eRq\x1ftq Rq!e.",
    b"\x80\x02]q\x00(cnumpy.core.multiarray\nscalar\nq\x01cnumpy\ndtype\nq\x02X\x02\x00\x00\x00i8q\x03\x89\x88"
    b"\x87q\x04Rq\x05(K\x03X\x01\x00\x00\x00<q\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x07bc_codecs\nen"
    b"code\nq\x08X\x08\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00q\tX\x06\x00\x00\x00latin1q\n\x86q\x0bRq\x0c"
    b"\x86q\rRq\x0eh\x01h\x02X\x02\x00\x00\x00b1q\x0f\x89\x88\x87q\x10Rq\x11(K\x03X\x01\x00\x00\x00|q\x12NNNJ"
    b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x13bh\x08X\x01\x00\x00\x00\x01q\x14h\n\x86q\x15Rq\x16\x86q\x17Rq"
    b"\x18h\x01h\x02X\x02\x00\x00\x00f4q\x19\x89\x88\x87q\x1aRq\x1b(K\x03h\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff"
    b"\xffK\x00tq\x1cbh\x08X\x04\x00\x00\x00\x00\x00\x00@q\x1dh\n\x86q\x1eRq\x1f\x86q Rq!e.",
    b"\x80\x03]q\x00(cnumpy.core.multiarray\nscalar\nq\x01cnumpy\ndtype\nq\x02X\x02\x00\x00\x00i8q\x03\x89\x88"
    b"\x87q\x04Rq\x05(K\x03X\x01\x00\x00\x00<q\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x07bC\x08\x03"
    b"\x00\x00\x00\x00\x00\x00\x00q\x08\x86q\tRq\nh\x01h\x02X\x02\x00\x00\x00b1q\x0b\x89\x88\x87q\x0cRq\r(K\x03"
    b"X\x01\x00\x00\x00|q\x0eNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0fbC\x01\x01q\x10\x86q\x11Rq\x12h"
    b"\x01h\x02X\x02\x00\x00\x00f4q\x13\x89\x88\x87q\x14Rq\x15(K\x03h\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK"
    b"\x00tq\x16bC\x04\x00\x00\x00@q\x17\x86q\x18Rq\x19e.",
    b"\x80\x04\x95\xce\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x15numpy.core.multiarray\x94\x8c\x06scalar\x94\x93"
    b"\x94\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02i8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ"
    b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bC\x08\x03\x00\x00\x00\x00\x00\x00\x00\x94\x86\x94R\x94h\x03h"
    b"\x06\x8c\x02b1\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94"
    b"bC\x01\x01\x94\x86\x94R\x94h\x03h\x06\x8c\x02f4\x94\x89\x88\x87\x94R\x94(K\x03h\nNNNJ\xff\xff\xff\xffJ"
    b"\xff\xff\xff\xffK\x00t\x94bC\x04\x00\x00\x00@\x94\x86\x94R\x94e.",
    b"\x80\x05\x95\xce\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x15numpy.core.multiarray\x94\x8c\x06scalar\x94\x93"
    b"\x94\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02i8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ"
    b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bC\x08\x03\x00\x00\x00\x00\x00\x00\x00\x94\x86\x94R\x94h\x03h"
    b"\x06\x8c\x02b1\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94"
    b"bC\x01\x01\x94\x86\x94R\x94h\x03h\x06\x8c\x02f4\x94\x89\x88\x87\x94R\x94(K\x03h\nNNNJ\xff\xff\xff\xffJ"
    b"\xff\xff\xff\xffK\x00t\x94bC\x04\x00\x00\x00@\x94\x86\x94R\x94e.",
]


def columns(store):
    """The columns of a Store, with their types, as something that can be compared."""
    return {name: (column.dtype, column.tolist()) for name, column in store.records.items()}


def patients_of(code):
    """One patient whose only diagnosis, medication and procedure are `code`."""
    return [[[[code, [code], [code]]]]]


@pytest.fixture(scope="module")
def read_bytes(tmp_path_factory):
    """A function that reads bytes as a .seqs file, and gives nested lists."""
    path = tmp_path_factory.mktemp("records") / "x.seqs"

    def read(data):
        path.write_bytes(data)
        return pickled.to_lists(pickled.read_seqs(path))

    return read


def complaint(function, *args):
    """The message of the InputError that a call raises, which has to be one line of a readable length."""
    with pytest.raises(InputError) as caught:
        function(*args)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 300
    return message


def refusal(read_bytes, data):
    """The complaint about bytes, without the folder."""
    message = complaint(read_bytes, data)
    assert "/x.seqs: " in message
    return message.split("/x.seqs: ", 1)[1]


# Flattening.


def test_columns_of_a_small_cohort():
    store = pickled.from_lists([PATIENT, [[], [[7, [9, 9], []]]]])
    assert isinstance(store, Store)
    assert columns(store) == {
        "visits": (np.int64, [0, 3, 5]),
        "dxobjs": (np.int64, [0, 3, 5, 6, 6, 7]),
        "dx": (np.int32, [0, 1, 2, 2, 3, 4, 7]),
        "rx_offsets": (np.int64, [0, 2, 5, 5, 5, 7, 10, 12]),
        "rx": (np.int32, [0, 1, 1, 2, 3, 2, 4, 1, 2, 3, 9, 9]),
        "pr_offsets": (np.int64, [0, 1, 1, 3, 3, 6, 8, 8]),
        "pr": (np.int32, [0, 0, 1, 2, 3, 4, 0, 2]),
    }


def test_lists_come_back_plain():
    patients = [PATIENT, [[], [[7, [9, 9], []]]]]
    result = pickled.to_lists(pickled.from_lists(patients))
    assert result == patients
    assert type(result[0][0][0]) is list
    assert type(result[0][0][0][0]) is int
    assert type(result[0][0][0][1][0]) is int


def test_a_cohort_without_any_dxobject():
    store = pickled.from_lists([[[]], [[], []]])
    assert columns(store)["dx"] == (np.int32, [])
    assert columns(store)["rx"] == (np.int32, [])
    assert columns(store)["rx_offsets"] == (np.int64, [0])
    assert pickled.to_lists(store) == [[[]], [[], []]]


@pytest.mark.parametrize("count", [1, 199, 200, 201, 400, 401])
def test_blocks_are_joined(count):
    patients = [[[[i, [i] * (i % 3), [i + 1]]]] * (i % 4 + 1) for i in range(count)]
    assert pickled.to_lists(pickled.from_lists(patients)) == patients


def test_the_input_is_left_as_it_is():
    patients = [[[[1.0, (2,), [True]]]]]
    before = copy.deepcopy(patients)
    pickled.from_lists(patients)
    assert patients == before
    assert type(patients[0][0][0][0]) is float


KINDS = [int, float, np.float16, np.float32, np.float64, np.longdouble] + [np.dtype(code).type for code in "bBhHiIlLqQ"]


@pytest.mark.parametrize("kind", [*KINDS, bool, np.bool_])
def test_every_kind_of_number(kind):
    assert columns(pickled.from_lists(patients_of(kind(1)))) == columns(pickled.from_lists(patients_of(1)))


def test_the_largest_code():
    for code in (2**31 - 1, np.int64(2**31 - 1), np.uint64(2**31 - 1), float(2**31 - 1)):
        assert pickled.from_lists(patients_of(code)).rx.tolist() == [2**31 - 1]


def test_tuples_at_every_level():
    patient = tuple(tuple((dx, tuple(rx), tuple(pr)) for dx, rx, pr in visit) for visit in PATIENT)
    assert pickled.to_lists(pickled.from_lists((patient, patient))) == [PATIENT, PATIENT]


# Values that from_lists refuses. Each of these is put into a cohort at patient 3, visit 1, Dx-object 2.

NO_CODES = [
    -1,
    1.5,
    float("nan"),
    float("inf"),
    -float("inf"),
    "5",
    "",
    b"5",
    None,
    2**31,
    2**63,
    -(2**63) - 1,
    10**400,
]
NO_CODES += [
    -(10**5000),
    1j,
    [1],
    (),
    {},
    {1},
    np.array(1),
    np.int64(-1),
    np.float32(0.5),
    np.uint64(2**64 - 1),
    object(),
]
NO_CODES += ["a\nb" * 1000, np.str_("5"), np.float64(2**31), np.longdouble(2**70), range(2)]
NO_LISTS = [5, "abc", "", b"abc", None, {}, {"a": 1}, {1, 2}, np.arange(3), np.arange(9).reshape(3, 3), iter([]), 2.5]


def name_of(value):
    """A short name of a parameter."""
    return f"{type(value).__name__}-{show(value)[:12]}"


def spoiled(change):
    """Five patients, the Dx-object at patient 3, visit 1, number 2 changed by a function."""
    patients = [[[[i, [1], [2]] for i in range(4)] for _ in range(2)] for _ in range(5)]
    change(patients[3][1][2])
    return patients


@pytest.mark.parametrize("value", NO_CODES, ids=name_of)
def test_other_values_than_codes_are_refused(value):
    changes = {
        "diagnosis (dx)": lambda dxobj: dxobj.__setitem__(0, value),
        "medication (rx)": lambda dxobj: dxobj[1].append(value),
        "procedure (pr)": lambda dxobj: dxobj[2].append(value),
    }
    for name, change in changes.items():
        message = complaint(pickled.from_lists, spoiled(change), "cohort")
        assert message.startswith("cohort: patient 3, visit 1, Dx-object 2: found ")
        assert message.endswith(f"; a {name} is a whole number from 0 to 2147483647")


@pytest.mark.parametrize("value", NO_LISTS, ids=name_of)
def test_other_values_than_lists_are_refused(value):
    expected = {
        "patients": (value, "cohort: found ", "; a list of patients is needed"),
        "patient": ([PATIENT, value], "cohort: patient 1: found ", "; a patient is a list of visits"),
        "visit": ([PATIENT, [[], value]], "cohort: patient 1, visit 1: found ", "; a visit is a list of Dx-objects"),
        "Dx-object": (
            [PATIENT, [[], [[0, [], []], value]]],
            "cohort: patient 1, visit 1, Dx-object 1: found ",
            "; a Dx-object is [dx, [rx ...], [pr ...]]",
        ),
        "rx": (
            [PATIENT, [[], [[0, value, []]]]],
            "cohort: patient 1, visit 1, Dx-object 0: found ",
            "; medications (rx) are a list of codes",
        ),
        "pr": (
            [PATIENT, [[], [[0, [], value]]]],
            "cohort: patient 1, visit 1, Dx-object 0: found ",
            "; procedures (pr) are a list of codes",
        ),
    }
    for patients, start, end in expected.values():
        message = complaint(pickled.from_lists, patients, "cohort")
        assert message.startswith(start)
        assert message.endswith(end)


@pytest.mark.parametrize("parts", [[], [1], [1, [2]], [1, [2], [3], [4]], (0, [], [], [])])
def test_a_dxobject_has_three_parts(parts):
    message = complaint(pickled.from_lists, [PATIENT, [[[0, [], []]], [parts]]], "f")
    assert message == f"f: patient 1, visit 1, Dx-object 0: found {parts!r}; a Dx-object is [dx, [rx ...], [pr ...]]"


def test_two_wrong_part_counts_do_not_cancel_out():
    message = complaint(pickled.from_lists, [[[[1, [2]], [1, [2], [3], [4]]]]], "f")
    assert message.startswith("f: patient 0, visit 0, Dx-object 0: found [1, [2]]; ")


@pytest.mark.parametrize("empty", [[], ()])
def test_a_patient_without_visits(empty):
    message = complaint(pickled.from_lists, [PATIENT, empty, PATIENT], "f")
    assert message == f"f: patient 1: found {empty!r}; a patient has at least one visit"


@pytest.mark.parametrize("empty", [[], ()])
def test_an_empty_cohort(empty):
    assert complaint(pickled.from_lists, empty) == "patients: no patient; at least one is needed"


def test_messages_in_full():
    assert complaint(pickled.from_lists, [[[[-1, [], []]]]]) == (
        "patients: patient 0, visit 0, Dx-object 0: found -1; a diagnosis (dx) is a whole number from 0 to 2147483647"
    )
    assert complaint(pickled.from_lists, patients_of("7"), "a b.seqs").startswith(
        "a b.seqs: patient 0, visit 0, Dx-object 0: found '7'; "
    )
    assert "found a NumPy array (its .tolist() is a list); " in complaint(pickled.from_lists, np.zeros((1, 1)))
    assert "found <an int of 3322 bits>; " in complaint(pickled.from_lists, patients_of(10**1000))


def test_the_first_offender_is_named():
    patients = [PATIENT] * 1000 + [[[], [[0, [], []], [0, [1, -5], [-6]]], [[0, [-7], []]]]] + [PATIENT]
    message = complaint(pickled.from_lists, patients, "f")
    assert message.startswith("f: patient 1000, visit 1, Dx-object 1: found -5; a medication")


def test_a_hostile_repr_is_one_short_line():
    class Loud:
        def __repr__(self):
            return "a\nb\r\n\u2028c" * 1000

    class Broken:
        def __repr__(self):
            raise RuntimeError

    deep = [1]
    for _ in range(10_000):
        deep = [deep, deep, deep, deep, deep]
    for value in (Loud(), Broken(), deep, [Loud()] * 9, {Loud(): Loud()}):
        assert complaint(pickled.from_lists, patients_of(value)).startswith(
            "patients: patient 0, visit 0, Dx-object 0: "
        )


@pytest.mark.parametrize("copies", [1, 2, 3, 100, 20_000])
def test_a_list_that_holds_itself(copies):
    loop = []
    loop.extend([loop] * copies)
    assert complaint(pickled.from_lists, loop).startswith("patients: patient 0")


def test_a_list_that_holds_itself_in_a_file(read_bytes):
    assert refusal(read_bytes, b"]q\x00h\x00a.").startswith("patient 0, visit 0, Dx-object 0: found [[")


# Pickles of plain data.


@pytest.mark.parametrize("data", PYTHON2)
def test_python2_lists(read_bytes, data):
    assert read_bytes(data) == PYTHON2_LISTS


@pytest.mark.parametrize("data", PYTHON2_LABELS)
def test_python2_labels(tmp_path, data):
    (tmp_path / "x.labels").write_bytes(data)
    labels = pickled.read_labels(tmp_path / "x.labels")
    assert labels.dtype == np.int64
    assert labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize("data", PYTHON2_NUMPY)
def test_python2_numpy_numbers(read_bytes, data):
    assert read_bytes(data) == [[[[3, [1, 200, 300, 4, 3, 1], []]]]]


@pytest.mark.parametrize("protocol", range(6))
def test_numpy1_numbers(protocol):
    assert pickles._look_through(NUMPY1[protocol]) is None
    numbers = pickles._Unpickler("x", NUMPY1[protocol]).load()
    assert numbers == [3, True, 2.0]
    assert list(map(type, numbers)) == [int, bool, float]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not np.longdouble])
def test_numbers_of_this_numpy(read_bytes, protocol, kind):
    data = pickle.dumps([[[[kind(2), [kind(0), kind(100)], [kind(1)]]]]], protocol)
    assert read_bytes(data) == [[[[2, [0, 100], [1]]]]]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", [bool, np.bool_])
def test_bools(read_bytes, protocol, kind):
    assert read_bytes(pickle.dumps(patients_of(kind(1)) + patients_of(kind(0)), protocol)) == [
        *patients_of(1),
        *patients_of(0),
    ]


@pytest.mark.parametrize("order", "<>|=")
@pytest.mark.parametrize("code", ["i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8"])
def test_both_byte_orders(read_bytes, order, code):
    value = np.array(300, (">" if order == ">" else "<") + code).tobytes()
    number = (
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x02"
        + code.encode()
        + b"I0\nI1\ntR(I3\nU\x01"
        + order.encode()
        + b"NNNI-1\nI-1\nI0\ntbU"
        + bytes([len(value)])
        + value
        + b"tR"
    )
    assert read_bytes(b"(l(l(l(l" + number + b"a(la(laaaa.") == [[[[300, [], []]]]]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 99, 100, 101, 260, 1000, 3000])
def test_no_size_of_file_is_taken_for_a_broken_one(read_bytes, protocol, count):
    patients = [[[[0, (), [1]]], []] for _ in range(count)]
    data = pickle.dumps(patients, protocol)
    assert read_bytes(data) == [[[[0, [], [1]]], []] for _ in range(count)]
    pickles._look_through(pickle.dumps([[] for _ in range(count)], protocol))
    pickles._look_through(pickle.dumps([(i,) for i in range(count)], protocol))


def test_shared_lists_in_a_file(read_bytes):
    assert read_bytes(pickle.dumps([PATIENT] * 100, 2)) == [PATIENT] * 100


def test_the_garbage_collector_is_left_as_it_was(read_bytes):
    assert gc.isenabled()
    read_bytes(PYTHON2[0])
    complaint(read_bytes, b"")
    assert gc.isenabled()
    gc.disable()
    try:
        read_bytes(PYTHON2[0])
        assert not gc.isenabled()
    finally:
        gc.enable()


# Pickles that would run code, or hold more than plain data.


class Run:
    """Pickles as a call of os.system."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("place", ["root", "code", "after"])
def test_nothing_is_run(read_bytes, tmp_path, protocol, place):
    marker = tmp_path / "marker"
    run = Run(marker)
    value = {"root": run, "code": patients_of(run), "after": [*[PATIENT] * 9, run]}[place]
    data = pickle.dumps(value, protocol)
    assert refusal(read_bytes, data) == (
        f"found '{os.system.__module__}.system'; only lists, tuples, ints, bools and NumPy numbers may be in it"
    )
    assert not marker.exists()
    subprocess.run([sys.executable, "-c", "import pickle, sys; pickle.load(sys.stdin.buffer)"], input=data, check=True)
    assert marker.exists(), "the pickle has no teeth"


HOSTILE = {
    "global": b"cos\nsystem\n(S'touch MARKER'\ntR.",
    "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0ctouch MARKER\x85R.",
    "inst": b"(S'touch MARKER'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'touch MARKER'\no.",
    "eval": b'c__builtin__\neval\n(S\'open("MARKER", "w")\'\ntR.',
    "newobj": b"\x80\x02csubprocess\nPopen\n(S'touch'\nS'MARKER'\nlp0\n0(g0\nt\x81.",
    "getattr": b"c__builtin__\ngetattr\n(cnumpy\ndtype\nS'__class__'\ntR.",
    "numpy load": b"cnumpy\nload\n(S'x.npy'\ntR.",
    "numpy dotted": b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93.",
    "numpy reconstruct": b"cnumpy.core.multiarray\n_reconstruct\n(t.",
    "own module": b"cmime_tf.data.pickles\nos\n.",
    "own substitute": b"cmime_tf.data.pickles\n_SUBSTITUTES\n.",
    "copyreg": b"ccopy_reg\n_reconstructor\n.",
    "codecs": b"c_codecs\ndecode\n.",
    "persistent id": b"Pabc\n.",
    "binary persistent id": b"]Q.",
    "buffer": b"\x80\x05\x97.",
    "extension 1": b"\x80\x02\x82\xf0.",
    "extension 2": b"\x80\x02\x83\xf0\x00.",
    "extension 4": b"\x80\x02\x84\xf0\x00\x00\x00.",
    "build a stand-in": b"c_codecs\nencode\n(S'x'\nI1\ndb.",
    "build with a tuple": b"c_codecs\nencode\n(NI1\ntb.",
    "build a list": b"](I1\ntb.",
    "call a list": b"](tR.",
    "call a dtype": b"cnumpy\ndtype\n(S'i8'\ntR(tR.",
    "new a stand-in": b"cnumpy\ndtype\n(S'i8'\nt\x81.",
    "append to a stand-in": b"cnumpy\ndtype\nI1\na.",
    "set": b"\x80\x04\x8f.",
    "a dict in a dtype": b"cnumpy\ndtype\n(}tR.",
    "odd dtype": b"cnumpy\ndtype\n(S'O8'\ntR.",
    "complex": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'c8'\ntRS'12345678'\ntR.",
    "short number": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'i8'\ntRS'1234567'\ntR.",
    "number of a list": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'i8'\ntR]tR.",
    "number of a string": b"cnumpy.core.multiarray\nscalar\n(S'i8'\nS'12345678'\ntR.",
    "encode a list": b"c_codecs\nencode\n(]S'latin1'\ntR.",
    "state of a dtype": b"cnumpy\ndtype\n(S'i8'\ntRNb.",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes(read_bytes, tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    message = refusal(read_bytes, data)
    assert message.startswith(("found ", "not a readable pickle ("))
    assert list(tmp_path.iterdir()) == []


def test_hostile_bytes_would_run(tmp_path):
    ran = []
    for name in ("global", "stack global", "inst", "obj", "eval", "newobj"):
        folder = tmp_path / name.replace(" ", "")
        folder.mkdir()
        code = "import pickle, sys; r = pickle.loads(bytes.fromhex(sys.argv[1])); r.wait() if hasattr(r, 'wait') else 0"
        subprocess.run([sys.executable, "-c", code, HOSTILE[name].hex()], cwd=folder)
        ran += [name] * (folder / "MARKER").exists()
    assert ran == ["global", "stack global", "inst", "obj", "eval"]


def test_an_extension_code_that_is_registered_and_cached(read_bytes, tmp_path):
    copyreg.add_extension("posix", "system", 0xF0)
    try:
        assert pickle.loads(HOSTILE["extension 1"]) is os.system
        assert "EXT1 at byte 2" in refusal(read_bytes, HOSTILE["extension 1"])
    finally:
        copyreg.remove_extension("posix", "system", 0xF0)


@pytest.mark.parametrize("substitute", pickles._SUBSTITUTES.values())
def test_a_substitute_can_not_be_changed(substitute):
    assert not isinstance(substitute, type)
    assert not hasattr(substitute, "__dict__")
    for name in ("x", "__call__", "__doc__"):
        with pytest.raises(AttributeError):
            setattr(substitute, name, 1)


def test_build_alone_changes_nothing():
    """The second line of defence: even where BUILD with a dict is let through, it finds nothing to change."""
    for state in (b"(S'x'\nI1\nd", b"(N(S'x'\nI1\ndt"):
        with pytest.raises(AttributeError):
            pickles._Unpickler("x", b"c_codecs\nencode\n" + state + b"b.").load()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [np.arange(3), np.zeros((2, 2)), np.array(5), np.arange(3, dtype=">i4")],
    ids=["int", "matrix", "scalar", "big-endian"],
)
def test_arrays_are_refused_with_a_hint(read_bytes, protocol, value):
    message = refusal(read_bytes, pickle.dumps(patients_of(value), protocol))
    assert message.startswith("found a NumPy array (pickle its .tolist() instead); ")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [
        *({}, {1: 2}, set(), {1}, frozenset([1]), 1j, Run("x"), slice(1), range(3), bytearray(b"1"), int, len),
        *(np.complex64(1), np.datetime64("2020"), np.str_("1"), np.bytes_(b"1"), np.longdouble(1), np.dtype("i8")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_things_are_refused(read_bytes, protocol, value):
    for patients in (value, [value], [[value]], [[[value]]], patients_of(value)):
        assert refusal(read_bytes, pickle.dumps(patients, protocol)).startswith(
            ("found ", "not a readable", "patient ")
        )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", ["text", "", b"bytes", None, 1.5, 2**40, -1, 10**400])
def test_plain_values_are_refused_where_they_are(read_bytes, protocol, value):
    message = refusal(read_bytes, pickle.dumps([PATIENT, [[], *patients_of(value)[0]]], protocol))
    assert message.startswith("patient 1, visit 1, Dx-object 0: found ")


def test_python2_objects_are_refused(read_bytes):
    for data in (
        b"(lp1\n(i__main__\nOld\np2\n(dp3\nba.",
        b"\x80\x02]q\x01c__main__\nNew\nq\x02)\x81q\x03}q\x04ba.",
        b"\x80\x02]q\x01X\x01\x00\x00\x00aa.",
        b"\x80\x02]q\x01U\x02b\xffa.",
    ):
        assert refusal(read_bytes, data)


# Broken files.


@pytest.mark.parametrize("data", [*PYTHON2, *PYTHON2_NUMPY, *(pickle.dumps([PATIENT], k) for k in range(6))])
def test_every_truncation(read_bytes, data):
    for length in range(len(data)):
        assert refusal(read_bytes, data[:length]).startswith("not a readable pickle (UnpicklingError): ")


@pytest.mark.parametrize("more", [b"\x00", b"\n", b".", PYTHON2[2]])
def test_bytes_after_the_end(read_bytes, more):
    message = refusal(read_bytes, PYTHON2[2] + more)
    assert f"): {len(more)} bytes follow its end at byte {len(PYTHON2[2]) - 1}; a pickled list of patients" in message


BROKEN = {
    "empty": b"",
    "text": b"patient,visit\n1,2\n",
    "gzip": b"\x1f\x8b\x08\x00",
    "hdf5": b"\x89HDF\r\n\x1a\n",
    "stop only": b".",
    "mark only": b"(.",
    "no mark": b"t.",
    "memo": b"h\x05.",
    "memo text": b"gx\n.",
    "protocol": b"\x80\xff].",
    "frame": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f].",
    "int": b"Iabc\n.",
    "long": b"L" + b"9" * 5000 + b"L\n.",
    "quotes": b"Sabc\n.",
    "utf-8": b"X\x01\x00\x00\x00\xff.",
    "append": b"K\x01K\x02a.",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_files(read_bytes, data):
    message = refusal(read_bytes, data)
    assert message.startswith("not a readable pickle (")
    assert message.endswith("; a pickled list of patients is needed")


@pytest.mark.parametrize("size", [1000, 2**31 - 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("code", [b"X", b"B", b"T", b"\x8b"])
def test_claimed_sizes(read_bytes, size, code):
    assert "at byte 0 is cut short" in refusal(read_bytes, code + struct.pack("<I", size) + b"abc.")


@pytest.mark.parametrize("size", [1000, 2**40, 2**62, 2**63, 2**64 - 1])
@pytest.mark.parametrize("code", [b"\x8d", b"\x8e", b"\x96"])
def test_claimed_long_sizes(read_bytes, size, code):
    assert "at byte 0 is cut short" in refusal(read_bytes, code + struct.pack("<Q", size) + b"abc.")


@pytest.mark.parametrize("data", [b"]r\x00\x00\x00\x10.", b"]r\xff\xff\xff\xff.", b"]p4000000000\n.", b"]p99999\n."])
def test_a_memo_index_of_gigabytes(read_bytes, data):
    assert "PUT at byte 1 is cut short, out of range or not plain data" in refusal(read_bytes, data)


def test_a_deep_tuple_is_not_hashed(read_bytes):
    """Hashing one overruns Python's stack."""
    deep = b"(" * 200_000 + b"t" * 200_000
    assert "SETITEM at byte" in refusal(read_bytes, b"(l(" + deep + b"I1\ns.")
    assert refusal(read_bytes, b"cnumpy\ndtype\n(" + deep + b"tR.").startswith("not a readable pickle (")
    assert refusal(read_bytes, deep + b".").startswith("patient 0")


# Files.


def test_read_a_cohort(tmp_path):
    (tmp_path / "s.seqs").write_bytes(pickle.dumps([PATIENT] * 3, 2))
    (tmp_path / "s.labels").write_bytes(pickle.dumps([0, 1.0, np.True_], 2))
    store, labels = pickled.read(f"{tmp_path}/s")
    assert pickled.to_lists(store) == [PATIENT] * 3
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 1, 1]
    store, _ = pickled.read(tmp_path / "s")
    assert len(store) == 3


def test_a_prefix_may_be_a_folder(tmp_path):
    pickled.write(f"{tmp_path}/", [PATIENT], [1])
    assert sorted(os.listdir(tmp_path)) == [".labels", ".seqs"]
    assert pickled.read(f"{tmp_path}/")[1].tolist() == [1]


def test_missing_files(tmp_path):
    prefix = f"{tmp_path}/no"
    assert complaint(pickled.read, prefix) == (
        f"{prefix}.seqs: can't be read (No such file or directory); a pickled list of patients is needed"
    )
    (tmp_path / "no.seqs").write_bytes(PYTHON2[0])
    assert complaint(pickled.read, prefix) == (
        f"{prefix}.labels: can't be read (No such file or directory); a pickled list of labels is needed"
    )


def test_unreadable_files(tmp_path, monkeypatch):
    assert complaint(pickled.read_seqs, tmp_path) == f"{tmp_path}: is a folder; a regular file is needed"
    assert "can't be read (" in complaint(pickled.read_labels, "a\0b")
    denied = mock.Mock(side_effect=PermissionError(13, "Permission denied"))
    monkeypatch.setattr(reading, "open_binary", denied)
    assert (
        complaint(pickled.read_labels, "x")
        == "x: can't be read (Permission denied); a pickled list of labels is needed"
    )


def test_counts_differ(tmp_path):
    (tmp_path / "s.seqs").write_bytes(pickle.dumps([PATIENT] * 3))
    (tmp_path / "s.labels").write_bytes(pickle.dumps([0, 1]))
    message = complaint(pickled.read, tmp_path / "s")
    assert message == f"{tmp_path}/s.labels: 2 labels for 3 patients; one label per patient is needed"


@pytest.mark.parametrize(
    "value", [2, -1, 0.5, float("nan"), "1", None, [1], 2**70, 10**400, b"1", float("inf")], ids=name_of
)
def test_a_bad_label(tmp_path, value):
    path = tmp_path / "x.labels"
    path.write_bytes(pickle.dumps([0, 1, value, 5]))
    message = complaint(pickled.read_labels, path)
    assert message.startswith(f"{path}: row 2: found ")
    assert message.endswith("; a label is 0 or 1")


@pytest.mark.parametrize("value", ["01", b"01", None, 1, "", 1.0])
def test_labels_are_a_list(tmp_path, value):
    path = tmp_path / "x.labels"
    path.write_bytes(pickle.dumps(value, 4))
    assert complaint(pickled.read_labels, path) == f"{path}: found {value!r}; a list of labels is needed"


def test_no_label_at_all(tmp_path):
    path = tmp_path / "x.labels"
    path.write_bytes(pickle.dumps([]))
    assert complaint(pickled.read_labels, path) == f"{path}: no label; at least one is needed"


def test_a_label_array_is_refused_with_a_hint(tmp_path):
    path = tmp_path / "x.labels"
    path.write_bytes(pickle.dumps(np.array([0, 1])))
    assert "pickle its .tolist() instead" in complaint(pickled.read_labels, path)


def test_written_files_are_plain_protocol_2(tmp_path):
    patients = [[[(np.int64(1), (2.0,), [True])]], PATIENT]
    pickled.write(tmp_path / "w", patients, np.array([True, False]))
    data = (tmp_path / "w.seqs").read_bytes(), (tmp_path / "w.labels").read_bytes()
    assert [part[:2] for part in data] == [b"\x80\x02"] * 2
    assert pickle.loads(data[0]) == [[[[1, [2], [1]]]], PATIENT]
    assert b"numpy" not in data[0] + data[1]
    assert pickle.loads(data[1]) == [1, 0]
    assert sorted(os.listdir(tmp_path)) == ["w.labels", "w.seqs"]


def test_a_store_is_written_as_its_lists(tmp_path):
    store = pickled.from_lists([PATIENT] * 2)
    pickled.write(tmp_path / "a", store, [0, 1])
    pickled.write(tmp_path / "b", [PATIENT] * 2, (0, 1))
    assert (tmp_path / "a.seqs").read_bytes() == (tmp_path / "b.seqs").read_bytes()
    assert columns(pickled.read(tmp_path / "a")[0]) == columns(store)


@pytest.mark.parametrize(
    ("patients", "labels"),
    [([PATIENT], [2]), ([PATIENT], [0, 1]), ([5], [0]), ([], []), ([PATIENT], np.eye(1))],
)
def test_nothing_is_written_of_bad_data(tmp_path, patients, labels):
    (tmp_path / "w.seqs").write_bytes(b"old")
    complaint(pickled.write, tmp_path / "w", patients, labels)
    assert os.listdir(tmp_path) == ["w.seqs"]
    assert (tmp_path / "w.seqs").read_bytes() == b"old"


@pytest.mark.parametrize("count", [1, 2, 1000, 1001, 2000, 2001, 2500])
def test_patients_are_pickled_as_one_list(count, tmp_path):
    patients = [patients_of(number % 7)[0] for number in range(count)]
    pickled.write(tmp_path / "w", patients, [0] * count)
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, 2)
    pickler.fast = True
    pickler.dump(patients)
    assert (tmp_path / "w.seqs").read_bytes() == buffer.getvalue()


def test_an_empty_store_is_not_written(tmp_path):
    complaint(pickled.write, tmp_path / "w", pickled.from_lists([PATIENT]).select([]), [])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failed_write_leaves_the_old_files(tmp_path, monkeypatch, failing):
    pickled.write(tmp_path / "w", [PATIENT], [0])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    calls, pickle_lists = [], pickled._pickle

    def full_disk(lists):
        calls.append(1)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        return pickle_lists(lists)

    monkeypatch.setattr(pickled, "_pickle", full_disk)
    with pytest.raises(OSError, match="No space"):
        pickled.write(tmp_path / "w", [PATIENT] * 2, [0, 1])
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


# Properties.

codes = st.integers(0, 2**31 - 1) | st.integers(0, 3)
dxobjs = st.tuples(codes, st.lists(codes, max_size=4), st.lists(codes, max_size=4)).map(list)
cohorts = st.lists(st.lists(st.lists(dxobjs, max_size=3), min_size=1, max_size=4), min_size=1, max_size=8)
blocks = st.integers(1, 9)


@settings(max_examples=100)
@given(cohorts, blocks)
def test_lists_and_back(patients, block):
    whole = columns(pickled.from_lists(patients))
    with mock.patch.object(pickled, "_BLOCK", block):
        store = pickled.from_lists(patients)
    assert columns(store) == whole
    assert pickled.to_lists(store) == patients
    assert len(store) == len(patients)


@settings(max_examples=60)
@given(cohorts, st.data())
def test_files_and_back(tmp_path_factory, patients, data):
    prefix = f"{tmp_path_factory.getbasetemp()}/round"
    labels = data.draw(st.lists(st.integers(0, 1), min_size=len(patients), max_size=len(patients)))
    pickled.write(prefix, patients, labels)
    store, read_labels = pickled.read(prefix)
    assert pickled.to_lists(store) == patients
    assert read_labels.tolist() == labels


def convert(value, kinds):
    """Every number of nested lists turned into another type, every list into a list or a tuple."""
    if isinstance(value, list):
        return next(kinds)[1](convert(item, kinds) for item in value)
    kind = next(kinds)[0]
    with np.errstate(all="ignore"):
        return kind(value) if kind not in (bool, np.bool_) and int(kind(value % 100)) == value else value


@settings(max_examples=60)
@given(cohorts, st.randoms(use_true_random=False))
def test_kinds_of_numbers_do_not_matter(patients, random):
    kinds = iter(lambda: (random.choice(KINDS), random.choice([list, tuple])), None)
    assert columns(pickled.from_lists(convert(patients, kinds))) == columns(pickled.from_lists(patients))


@settings(max_examples=150)
@given(cohorts, blocks, st.data())
def test_a_bad_value_is_reported_where_it_is(patients, block, data):
    patients = copy.deepcopy(patients)
    place, target = "", patients
    for name in ("patient", "visit", "Dx-object"):
        row = data.draw(st.integers(0, len(target) - 1))
        place += f"{', ' if place else ''}{name} {row}"
        if name == "Dx-object" or not target[row] or data.draw(st.integers(0, 3)) == 0:
            break
        target = target[row]
    bad = data.draw(st.sampled_from(NO_LISTS))
    if name == "Dx-object" and data.draw(st.booleans()):
        bad = data.draw(st.sampled_from(NO_CODES))
        part = data.draw(st.integers(0, 2))
        if part:
            target[row][part].insert(data.draw(st.integers(0, len(target[row][part]))), bad)
        else:
            target[row][0] = bad
    else:
        target[row] = bad
    with mock.patch.object(pickled, "_BLOCK", block):
        assert complaint(pickled.from_lists, patients, "f").startswith(f"f: {place}: found ")


VALID = [*PYTHON2, *PYTHON2_NUMPY, *(pickle.dumps([PATIENT, patients_of(np.int64(5))[0]], k) for k in range(6))]


@st.composite
def mutated(draw):
    """A valid pickle with bytes changed, cut away, repeated, or replaced by some of another's."""
    data = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(len(data) - 1, 0)))
        end = start + draw(st.integers(0, 12))
        kind = draw(st.sampled_from(["flip", "truncate", "splice", "opcode"]))
        if kind == "flip" and data:
            data[start] ^= 1 << draw(st.integers(0, 7))
        elif kind == "opcode":
            data[start : start + 1] = draw(
                st.sampled_from(b"().012FIJKLMNPQRSTUVXabcdeghijlopqrstu}]").map(lambda b: bytes([b]))
            )
        elif kind == "truncate" and draw(st.integers(0, 3)) == 0:
            del data[start:]
        else:
            other = draw(st.sampled_from(VALID))
            cut = draw(st.integers(0, len(other) - 1))
            data[start:end] = other[cut : cut + draw(st.integers(0, 12))]
    return bytes(data)


@settings(max_examples=500)
@given(mutated())
def test_mutated_files_are_read_or_refused(read_bytes, data):
    try:
        patients = read_bytes(data)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert pickled.to_lists(pickled.from_lists(patients)) == patients


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_random_bytes_are_refused(read_bytes, data):
    complaint(read_bytes, data)
