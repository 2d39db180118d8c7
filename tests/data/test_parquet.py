"""Tests of mime_tf.data.parquet: cohorts that are read, those refused, and the place that a complaint names."""

import functools
import itertools
import os
import re
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cohorts import cohorts

from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.parquet import reader
from mime_tf.data.places import Level
from mime_tf.errors import InputError

# Two patients; the second one's first visit is empty.
PATIENTS = [[[[0, [0, 1], [0]], [2, [], []]], [[1, [3], []]]], [[], [[7, [9, 9], []]]]]
NEEDED = "needed label, visits"

LISTS = {
    "list": pa.list_,
    "large_list": pa.large_list,
    "list_view": pa.list_view,
    "large_list_view": pa.large_list_view,
}
INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]


def columns(store):
    """The columns of a Store, with their types, as something that can be compared."""
    return {name: (column.dtype, column.tolist()) for name, column in store.records.items()}


def visits_type(integer=None, many=pa.list_):
    """The type of a column of visits, by default as pandas and pyarrow infer it."""
    integer = integer or pa.int64()
    return many(many(pa.struct({"dx": integer, "rx": many(integer), "pr": many(integer)})))


def visits(patients, kind=None):
    """Nested lists as an Arrow column."""
    keyed = [[[dict(zip(("dx", "rx", "pr"), dxobj, strict=True)) for dxobj in visit] for visit in p] for p in patients]
    return pa.array(keyed, kind or visits_type())


def table(patients=PATIENTS, labels=None, kind=None, **more):
    """A cohort as an Arrow table."""
    labels = [i % 2 for i in range(len(patients))] if labels is None else labels
    return pa.table({"label": labels, "visits": visits(patients, kind), **more})


@pytest.fixture
def file(tmp_path):
    """A function that writes a table to a file of the test's folder and gives its path."""

    def write(content, name="x.parquet", **options):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pq.write_table(content, tmp_path / name, **options)
        return str(tmp_path / name)

    return write


def complaint(function, *args):
    """The message of the InputError that a call raises, which has to be one line of a readable length."""
    with pytest.raises(InputError) as caught:
        function(*args)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 400
    return message


def refusal(path):
    """The complaint about a file, without its name."""
    message = complaint(parquet.read, path)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def check_read(path, patients, labels=None, ids=None):
    """Asserts that a path is read as it should be, types included."""
    store, got, patient_ids = parquet.read(path)
    assert columns(store) == columns(pickled.from_lists(patients))
    assert got.dtype == np.int64
    assert got.tolist() == ([i % 2 for i in range(len(patients))] if labels is None else labels)
    assert (patient_ids if patient_ids is None else patient_ids.tolist()) == ids


# Cohorts that are read.


def test_columns_of_a_small_cohort(file):
    store, labels, patient_ids = parquet.read(file(table(labels=[1, 0], patient_id=["b", "a"])))
    assert columns(store) == {
        "visits": (np.int64, [0, 2, 4]),
        "dxobjs": (np.int64, [0, 2, 3, 3, 4]),
        "dx": (np.int32, [0, 2, 1, 7]),
        "rx_offsets": (np.int64, [0, 2, 2, 3, 5]),
        "rx": (np.int32, [0, 1, 3, 9, 9]),
        "pr_offsets": (np.int64, [0, 1, 1, 1, 1]),
        "pr": (np.int32, [0]),
    }
    assert (labels.dtype, labels.tolist()) == (np.int64, [1, 0])
    assert (patient_ids.dtype, patient_ids.tolist()) == (object, ["b", "a"])


@pytest.mark.parametrize("many", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("integer", INTEGERS, ids=str)
def test_every_kind_of_list_and_integer(file, integer, many):
    check_read(file(table(kind=visits_type(integer, many))), PATIENTS)


def test_lists_of_a_fixed_size(file):
    pair = pa.list_(pa.int32(), 2)
    kind = pa.list_(pa.list_(pa.struct({"dx": pa.int32(), "rx": pair, "pr": pa.list_(pa.int8(), 1)}), 1), 2)
    patients = [[[[1, [2, 3], [4]]], [[5, [6, 7], [8]]]], [[[1, [2, 2], [2]]], [[0, [0, 0], [0]]]]]
    check_read(file(table(patients, kind=kind)), patients)


LABELS = [pa.bool_(), pa.float16(), pa.float32(), pa.float64(), *INTEGERS]


@pytest.mark.parametrize("kind", LABELS, ids=str)
def test_every_kind_of_label(file, kind):
    check_read(file(table(labels=pa.array([1, 0], pa.int8()).cast(kind))), PATIENTS, [1, 0])


IDS = {str(kind): pa.array([5, 5], kind) for kind in INTEGERS} | {
    "lowest": pa.array([-(2**63), 2**63 - 1]),
    "string": pa.array(["p", "p"]),
    "large_string": pa.array(["ü", ""], pa.large_string()),
    "string_view": pa.array(["p", "a longer one than twelve bytes"], pa.string_view()),
    "categories": pa.array(["p", "q"]).dictionary_encode(),
}


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS)
def test_every_kind_of_patient_id(file, ids):
    path = file(table(patient_id=ids))
    check_read(path, PATIENTS, ids=ids.to_pylist())
    assert parquet.read(path)[2].dtype == (np.int64 if pa.types.is_integer(ids.type) else object)


def test_columns_and_fields_in_any_order_with_others_among_them(file):
    code = pa.list_(pa.field("whatever.dx", pa.int16()))
    note = pa.struct({"dx": pa.string(), "when": pa.timestamp("s")})
    struct = pa.struct({"note": note, "pr": code, "dx1": pa.string(), "rx": code, "dx": pa.uint8()})
    content = table(kind=pa.list_(pa.field("x", pa.list_(pa.field("y.z", struct)))))
    content = content.select(["visits", "label"]).append_column("sex", pa.array([None, "f"]))
    content = content.append_column("visits.dx", pa.array([None, "f"]))
    check_read(file(content), PATIENTS, [0, 1])


def test_only_needed_columns_are_decoded(file):
    struct = pa.struct({"note": pa.string(), "dx": pa.int8(), "rx": pa.list_(pa.int8()), "pr": pa.list_(pa.int8())})
    path = file(table(kind=pa.list_(pa.list_(struct)), patient_id=[1, 2], sex=["f", "m"]))
    leaves = reader._leaves(pq.ParquetFile(path).schema, labelled=True)
    top = "visits.list.element.list.element"
    assert leaves == ["patient_id", "label", f"{top}.dx", f"{top}.rx.list.element", f"{top}.pr.list.element"]


@pytest.mark.parametrize("options", [{"use_compliant_nested_type": False}, {"store_schema": False}, {"version": "1.0"}])
def test_files_of_other_writers(file, options):
    check_read(file(table(), **options), PATIENTS)


def test_lists_that_are_all_empty_have_no_type(file):
    keyed = pa.array([[[{"dx": 1, "rx": [], "pr": []}]], [[]]])
    assert str(keyed.type.value_type.value_type.field("rx").type.value_type) == "null"
    check_read(file(pa.table({"label": [0, 1], "visits": keyed})), [[[[1, [], []]]], [[]]])


def test_the_largest_code(file):
    patients = [[[[2**31 - 1, [2**31 - 1], [2**31 - 1]]]]]
    for integer in (pa.int32(), pa.int64(), pa.uint32(), pa.uint64()):
        check_read(file(table(patients, kind=visits_type(integer))), patients)


def test_memory_is_bounded_by_a_block(file):
    patients = PATIENTS * 2000
    content = table(patients * 10)
    path, pool = file(content), pa.proxy_memory_pool(pa.default_memory_pool())
    before = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        with mock.patch.object(reader, "_BLOCK", 400):
            parquet.read(path)
    finally:
        pa.set_memory_pool(before)
    assert 0 < pool.max_memory() < content.nbytes / 2


# Folders.


def test_files_of_a_folder_are_read_in_the_order_of_their_names(file):
    for name, number in (("d/b.parquet", 2), ("d/a.parquet", 1), ("d/part-10.parquet", 3), ("d/part-9.parquet", 4)):
        path = file(table([[[[number, [], []]]]], labels=[0], patient_id=[number]), name)
    file(table(), "d/.hidden.parquet")
    file(table(), "d/c.parquet.tmp")
    check_read(os.path.dirname(path), [[[[n, [], []]]] for n in (1, 2, 3, 4)], [0] * 4, [1, 2, 3, 4])


def test_a_folder_as_spark_writes_it(file, tmp_path):
    file(table(PATIENTS[:1], labels=[1]), "x.parquet/part-00000.snappy.parquet")
    file(table([]), "x.parquet/part-00001.snappy.parquet")  # a partition may be empty
    file(table(PATIENTS[1:], labels=[0]), "x.parquet/part-00002.snappy.parquet")
    (tmp_path / "x.parquet" / "_SUCCESS").touch()
    check_read(tmp_path / "x.parquet", PATIENTS, [1, 0])


def test_partitions_belong_to_a_folder_and_other_sub_folders_are_refused(file, tmp_path):
    file(table(PATIENTS[:1], labels=[1]), "x/A.PARQUET")
    file(table(PATIENTS[1:], labels=[0]), "x/site=b/part-0.parquet")
    file(table(), "x/_temporary/part-0.parquet")
    check_read(tmp_path / "x", PATIENTS, [1, 0])
    assert list(Cohort.open(tmp_path / "x").digests()) == ["A.PARQUET_sha256", "site=b/part-0.parquet_sha256"]
    file(table(), "x/old/part-0.parquet")
    with pytest.raises(InputError, match=r"part-0\.parquet: in a sub-folder of a cohort; all files must lie in"):
        Cohort.open(tmp_path / "x")


def test_a_folder_without_files(tmp_path):
    (tmp_path / "x.txt").touch()
    assert refusal(str(tmp_path)) == "no file *.parquet in this folder; at least one is needed"


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ({}, {"patient_id": [1, 2]}, "patient_id is int; in {} it is absent, and the files of a folder agree"),
        ({"patient_id": ["a", "b"]}, {}, "patient_id is absent; in {} it is string, and the files of a folder agree"),
        ({"patient_id": [1, 2]}, {"patient_id": ["a", "b"]}, "patient_id is string; in {} it is int, and"),
    ],
)
def test_files_of_a_folder_with_different_patient_ids(file, first, second, found):
    first, second = file(table(**first), "d/a.parquet"), file(table(**second), "d/b.parquet")
    message = complaint(parquet.read, os.path.dirname(first))
    assert message.startswith(f"{second}: {found.format(first)}")


# Cohorts that are refused.


def test_missing_and_broken_files(file, tmp_path):
    no_parquet = "; a Parquet file of patients is needed"
    assert refusal(str(tmp_path / "no.parquet")) == f"can't be read (No such file or directory){no_parquet}"
    path = file(table())
    content = (tmp_path / "x.parquet").read_bytes()
    for data in (b"", b"PAR1", b"patient,label\n0,1\n", content[:-1], content[:-100], content[100:]):
        (tmp_path / "x.parquet").write_bytes(data)
        message = refusal(path)
        assert message.startswith("can't be read (")
        assert message.endswith(no_parquet)
    (tmp_path / "d" / "e.parquet").mkdir(parents=True)
    message = complaint(parquet.read, tmp_path / "d")
    assert message == f"{tmp_path}/d: no file *.parquet in this folder; at least one is needed"


def test_no_patient(file, tmp_path):
    assert refusal(file(table([]))) == "no patient; at least one is needed"
    assert refusal(str(tmp_path)) == "no patient; at least one is needed"


def test_missing_columns(file):
    content = table(patient_id=["a", "b"], sex=["f", "m"])
    assert refusal(file(content.drop("label"))) == (
        "no column label; found visits, patient_id, sex; needed patient_id, label, visits"
    )
    assert refusal(file(content.drop(["visits", "patient_id"]))) == f"no column visits; found label, sex; {NEEDED}"
    twice = table().append_column("label", pa.array([1, 1]))
    assert refusal(file(twice)) == f"2 columns label; found label, visits, label; {NEEDED}"
    many = pa.table({f"column\n{i}": [1] for i in range(10_000)})
    assert refusal(file(many)).startswith("no column label; found column 0, column 1, ")


def struct_of(**fields):
    codes = pa.list_(pa.int64())
    return pa.struct({"dx": pa.int64(), "rx": codes, "pr": codes} | fields)


WRONG_TYPES = {
    "label: text": (
        table(labels=["1", "0"]),
        "column label: found string; needed bool or int or float or list<bool> or list<int> or list<float>",
    ),
    "patient_id: float": (table(patient_id=[1.0, 2.0]), "column patient_id: found double; needed string or int"),
    "patient_id: bytes": (table(patient_id=[b"a", b"b"]), "column patient_id: found binary; needed string or int"),
    "visits: json": (
        pa.table({"label": [1], "visits": ["[[]]"]}),
        "column visits: found string; needed list<list<struct>>",
    ),
    "visits: null": (
        pa.table({"label": [1], "visits": [None]}),
        "column visits: found null; needed list<list<struct>>",
    ),
    "visits: flat": (
        pa.table({"label": [1], "visits": [[1]]}),
        "column visits: found list<element: int64>; needed list<list<struct>>",
    ),
    "visits: lists for structs": (
        pa.table({"label": [1], "visits": [[[[1]]]]}),
        "column visits: found list<element: list<element: list<element: int64>>>; needed list<list<struct>>",
    ),
    "dx: text": (struct_of(dx=pa.string()), "column visits: field dx: found string; needed int"),
    "dx: float": (struct_of(dx=pa.float64()), "column visits: field dx: found double; needed int"),
    "rx: number": (struct_of(rx=pa.int64()), "column visits: field rx: found int64; needed list<int>"),
    "pr: text": (
        struct_of(pr=pa.list_(pa.string())),
        "column visits: field pr: found list<element: string>; needed list<int>",
    ),
    "no pr": (
        pa.struct({"dx": pa.int64(), "px": pa.int64(), "rx": pa.list_(pa.int64())}),
        "column visits: no field pr; found dx, px, rx; needed dx, rx, pr",
    ),
}


@pytest.mark.parametrize(("content", "expected"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_wrong_types(file, content, expected):
    if isinstance(content, pa.DataType):
        content = pa.table({"label": [1], "visits": pa.array([[[]]], pa.list_(pa.list_(content)))})
    assert refusal(file(content)) == expected


def spoiled(change):
    """Five patients, of which a function of the nested dicts has changed one Dx-object, or a list above it."""
    patients = [[[{"dx": i, "rx": [1], "pr": [2]} for i in range(4)] for _ in range(2)] for _ in range(5)]
    change(patients)
    return pa.table({"label": [0] * 5, "visits": pa.array(patients, visits_type())})


def put(value, *path):
    """A function that puts a value where a path of positions leads."""
    return lambda patients: functools.reduce(lambda item, key: item[key], path[:-1], patients).__setitem__(
        path[-1], value
    )


A_CODE = "is a whole number from 0 to 2147483647"
SPOILED = {
    "null patient": (put(None, 3), "patient 3: found null; a patient is a list of visits"),
    "no visits": (put([], 3), "patient 3: found []; a patient has at least one visit"),
    "null visit": (put(None, 3, 1), "patient 3, visit 1: found null; a visit is a list of Dx-objects"),
    "null Dx-object": (put(None, 3, 1, 2), "Dx-object 2: found null; a Dx-object is a struct of dx, rx and pr"),
    "null rx": (put(None, 3, 1, 2, "rx"), "Dx-object 2: found null; medications (rx) are a list of codes"),
    "null pr": (put(None, 3, 1, 2, "pr"), "Dx-object 2: found null; procedures (pr) are a list of codes"),
    "null in dx": (put(None, 3, 1, 2, "dx"), f"Dx-object 2: found null; a diagnosis (dx) {A_CODE}"),
    "null in rx": (put([5, None], 3, 1, 2, "rx"), f"Dx-object 2: found null; a medication (rx) {A_CODE}"),
    "null in pr": (put([5, None], 3, 1, 2, "pr"), f"Dx-object 2: found null; a procedure (pr) {A_CODE}"),
    "negative dx": (put(-1, 3, 1, 2, "dx"), f"Dx-object 2: found -1; a diagnosis (dx) {A_CODE}"),
    "negative rx": (put([5, -2], 3, 1, 2, "rx"), f"Dx-object 2: found -2; a medication (rx) {A_CODE}"),
    "large dx": (put(2**31, 3, 1, 2, "dx"), f"Dx-object 2: found 2147483648; a diagnosis (dx) {A_CODE}"),
    "large pr": (put([2**63 - 1], 3, 1, 2, "pr"), f"Dx-object 2: found 9223372036854775807; a procedure (pr) {A_CODE}"),
}


@pytest.mark.parametrize(("change", "expected"), SPOILED.values(), ids=SPOILED)
def test_where_a_complaint_points(file, change, expected):
    if expected.startswith("Dx-object"):
        expected = f"patient 3, visit 1, {expected}"
    for row_group_size in (5, 2, 1):
        assert refusal(file(spoiled(change), row_group_size=row_group_size)) == expected


def test_positions_count_through_the_files(file):
    good = spoiled(lambda patients: None)
    file(good, "d/a.parquet")
    file(good, "d/b.parquet")
    path = file(spoiled(put(-7, 4, 0, 1, "dx")), "d/c.parquet")
    message = complaint(parquet.read, os.path.dirname(path))
    assert message == f"{path}: patient 14, visit 0, Dx-object 1: found -7; a diagnosis (dx) {A_CODE}"


@pytest.mark.parametrize("value", [2, -1, 0.5, float("nan"), float("inf"), None])
def test_other_values_than_labels_are_refused(file, value):
    found = "null" if value is None else repr(value)
    assert refusal(file(table(labels=pa.array([1, value])))) == f"patient 1: found {found}; a label is 0 or 1"


@pytest.mark.parametrize("ids", [pa.array(["a", None]), pa.array([1, None]), pa.array([1, 2**63], pa.uint64())])
def test_other_values_than_patient_ids_are_refused(file, ids):
    found = "null" if ids[1].as_py() is None else ids[1].as_py()
    expected = f"patient 1: found {found}; a patient_id is a string or a whole number below 2**63"
    assert refusal(file(table(patient_id=ids))) == expected


def test_text_that_is_no_utf8(file):
    offsets = pa.py_buffer(np.array([0, 1, 3], np.int32))
    ids = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"a\xff\xfe"))
    assert refusal(file(table(patient_id=ids))).startswith("can't be read (")


def test_patients_that_the_footer_does_not_know_of(file):
    path = file(table())
    with mock.patch.object(pq.ParquetFile, "iter_batches", return_value=iter([])):
        assert refusal(path) == "found 0 patients; by its footer there are 2"


# Writing.


def test_the_schema_written(tmp_path):
    store = pickled.from_lists(PATIENTS * 3)
    parquet.write(tmp_path / "x.parquet", store, [1, 0] * 3, [f"p{i}" for i in range(6)], group=4)
    with pq.ParquetFile(tmp_path / "x.parquet") as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4, 2]
        assert file.metadata.row_group(0).column(2).compression == "ZSTD"
        assert file.read().equals(
            table(PATIENTS * 3, [1, 0] * 3, visits_type(pa.int32())).add_column(
                0, "patient_id", pa.array([f"p{i}" for i in range(6)])
            ).cast(file.schema_arrow)
        )  # fmt: skip
        assert {leaf.max_definition_level for leaf in map(file.schema.column, range(2))} == {0}  # can't be null
    assert os.listdir(tmp_path) == ["x.parquet"]
    check_read(tmp_path / "x.parquet", PATIENTS * 3, [1, 0] * 3, [f"p{i}" for i in range(6)])


@pytest.mark.parametrize(
    ("labels", "ids", "expected"),
    [
        ([1], None, "label: found 1 for 2 patients; one per patient is needed"),
        ([1, 2], None, "label: patient 1: found 2; a label is 0 or 1"),
        ([1, None], None, "label: patient 1: found null; a label is 0 or 1"),
        (["1", "0"], None, "label: found string; needed bool or int or float"),
        ([1, 0], [1], "patient_id: found 1 for 2 patients; one per patient is needed"),
        ([1, 0], [1.5, 2.5], "patient_id: found double; needed string or int"),
        ([1, 0], ["a", None], "patient_id: patient 1: found null; a patient_id is a string or a whole number below"),
        ([1, 0], ["a", 1], "patient_id: "),
        ([1, 0], [1, 10**30], "patient_id: "),
    ],
)
def test_wrong_labels_and_patient_ids_are_not_written(tmp_path, labels, ids, expected):
    path = tmp_path / "x.parquet"
    assert complaint(parquet.write, path, pickled.from_lists(PATIENTS), labels, ids).startswith(expected)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "ids", [[3, 4], np.array([3, 4], np.uint8), pa.array([3, 4]), ["a", "b"], np.array(["a", "b"])]
)
@pytest.mark.parametrize("labels", [[True, False], np.array([1, 0]), np.array([1.0, 0.0]), pa.array([1, 0])])
def test_types_of_labels_and_patient_ids_that_may_be_given(tmp_path, labels, ids):
    parquet.write(tmp_path / "x.parquet", pickled.from_lists(PATIENTS), labels, ids)
    ids = ids.tolist() if hasattr(ids, "tolist") else ids
    check_read(tmp_path / "x.parquet", PATIENTS, [1, 0], ids)


def test_a_file_is_either_whole_or_not_there(tmp_path):
    path, store = tmp_path / "x.parquet", pickled.from_lists(PATIENTS)
    fail = mock.Mock(side_effect=[None, KeyboardInterrupt])
    with mock.patch.object(pq.ParquetWriter, "write_batch", fail), pytest.raises(KeyboardInterrupt):
        parquet.write(path, store, [1, 0], group=1)
    assert os.listdir(tmp_path) == []
    parquet.write(path, store, [1, 0])
    fail = mock.Mock(side_effect=OSError(28, "No space left on device"))
    with mock.patch.object(pq.ParquetWriter, "write_batch", fail), pytest.raises(OSError, match="No space"):
        parquet.write(path, store, [0, 1])
    assert os.listdir(tmp_path) == ["x.parquet"]
    check_read(path, PATIENTS, [1, 0])


# Properties.


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for examples, which follow each other in it."""
    return tmp_path_factory.mktemp("parquet")


def empty(folder):
    for path in folder.iterdir():
        path.unlink()


@settings(max_examples=100)
@given(cohorts(), st.integers(1, 9), st.integers(1, 9), st.sampled_from([None, str, int]))
def test_a_cohort_written_is_read_again(folder, patients, group, block, kind):
    ids = kind and [kind(i // 2) for i in range(len(patients))]
    labels = [i % 2 for i in range(len(patients))]
    parquet.write(folder / "x.parquet", pickled.from_lists(patients), labels, ids, group=group)
    with mock.patch.object(reader, "_BLOCK", block):
        check_read(folder / "x.parquet", patients, labels, ids)


@settings(max_examples=100)
@given(
    cohorts(),
    st.sets(st.integers(0, 8)),
    st.sampled_from(list(LISTS.values())),
    st.sampled_from([pa.int64(), pa.uint8(), pa.int32()]),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_cohorts_of_other_writers_are_read(folder, patients, cuts, many, integer, group, block):
    empty(folder)
    content = table(patients, kind=visits_type(integer, many), patient_id=[f"p{i}" for i in range(len(patients))])
    for start, end in itertools.pairwise(sorted({0, *cuts, len(patients)} - set(range(len(patients) + 1, 9)))):
        pq.write_table(content.slice(start, end - start), folder / f"{start}.parquet", row_group_size=group)
    with mock.patch.object(reader, "_BLOCK", block):
        check_read(folder, patients, ids=[f"p{i}" for i in range(len(patients))])


@settings(max_examples=100)
@given(cohorts(min_patients=2), st.data())
def test_slices_of_arrays(patients, data):
    many, integer = data.draw(st.sampled_from(list(LISTS.values()))), data.draw(st.sampled_from(INTEGERS))
    (batch,) = table(patients, kind=visits_type(integer, many), patient_id=list(range(len(patients)))).to_batches()
    start = data.draw(st.integers(0, len(patients) - 1))
    end = data.draw(st.integers(start + 1, len(patients)))
    got = reader._block(batch.slice(start, end - start), Level("x"))
    expected = columns(pickled.from_lists(patients[start:end]))
    expected |= {name: (np.int64, batch.column(name).to_pylist()[start:end]) for name in ("label", "patient_id")}
    assert {name: (column.dtype, column.tolist()) for name, column in got.items()} == expected


@settings(max_examples=60)
@given(cohorts(min_patients=2), st.data())
def test_the_first_bad_code_is_told_at_any_place(folder, patients, data):
    patients[-1][-1] = [[1, [1], [1]], [1, [1], [1]]]
    for part, name in ((0, "diagnosis (dx)"), (1, "medication (rx)"), (2, "procedure (pr)")):
        spoiled = [[[[dx, list(rx), list(pr)] for dx, rx, pr in visit] for visit in patient] for patient in patients]
        places = [(p, v, o) for p, patient in enumerate(spoiled) for v, x in enumerate(patient) for o in range(len(x))]
        p, v, o = data.draw(st.sampled_from(places))
        if part:
            spoiled[p][v][o][part].append(-1)
        else:
            spoiled[p][v][o][0] = -1
        (batch,) = table(spoiled).to_batches()
        expected = complaint(pickled.from_lists, spoiled, "x")
        assert complaint(reader._block, batch, Level("x")) == expected
        assert expected.startswith(f"x: patient {p}, visit {v}, Dx-object {o}: found -1; a {name} ")


# The examples of docs/parquet.md.

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "parquet.md").read_text(encoding="utf-8")
TABLES = {
    "orders.csv": "patient_id,visit,dx,kind,code\np1,0,0,rx,0\np1,0,0,rx,1\np1,0,2,,\np1,1,1,pr,3\np2,0,1,rx,0\n",
    "labels.csv": "patient_id,label\np1,1\np2,0\n",
}


@pytest.mark.parametrize("library", ["mime_tf", "pyarrow", "duckdb", "polars", "pandas"])
def test_examples(library, tmp_path, monkeypatch):
    library = pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    for name, content in TABLES.items():
        (tmp_path / name).write_text(content)
        for line in content.splitlines():
            assert line in DOCUMENT
    if library.__name__ == "duckdb":
        library.sql(*re.findall(r"^```sql\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL))
    else:
        blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
        (block,) = (block for block in blocks if re.match(rf"(import|from) {library.__name__}\b", block))
        exec(block, {})
    patients = [[[[0, [0, 1], []], [2, [], []]], [[1, [], [3]]]], [[[1, [0], []]]]]
    check_read("cohort.parquet", patients, [1, 0], ["p1", "p2"])


# Damage.


@pytest.fixture(scope="module", params=["own", "others"])
def sound(request, folder):
    """The bytes of a sound file, written by `write` or by another writer without checksums."""
    path = folder / "x.parquet"
    if request.param == "own":
        parquet.write(path, pickled.from_lists(PATIENTS * 9), [1, 0] * 9, group=5)
    else:
        content = table(PATIENTS * 9, [1, 0] * 9)
        pq.write_table(content, path, row_group_size=5, compression="none", store_schema=False)
    return request.param, path.read_bytes()


def read_damaged(path, data):
    """The patients and labels that are read of bytes, None where they are refused."""
    path.write_bytes(data)
    try:
        store, labels, _ = parquet.read(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: ")
        assert len(str(error).splitlines()) == 1
        return None
    patients = pickled.to_lists(store)
    assert columns(pickled.from_lists(patients)) == columns(store)
    assert len(labels) == len(store)
    return patients, labels.tolist()


@pytest.mark.slow
@settings(max_examples=1000)
@given(st.data())
def test_bytes_that_were_changed(folder, sound, data):
    damaged = bytearray(sound[1])
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    read_damaged(folder / "x.parquet", damaged)


@pytest.mark.slow
def test_checksums_tell_of_damage(folder, sound):
    own, data = sound[0] == "own", sound[1]
    expected, different = (PATIENTS * 9, [1, 0] * 9), 0
    for position in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        different += read_damaged(folder / "x.parquet", damaged) not in (None, expected)
    assert different == 0 if own else different > 0


def test_files_that_break_off(folder, sound):
    for end in range(0, len(sound[1]), 7):
        assert read_damaged(folder / "x.parquet", sound[1][:end]) is None


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_random_bytes_are_refused(folder, data):
    (folder / "x.parquet").write_bytes(b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1")
    assert refusal(str(folder / "x.parquet")).startswith(("can't be read (", "no column label"))
