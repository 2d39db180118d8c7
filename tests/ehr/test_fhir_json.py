"""Files of FHIR as streams of JSON values and of resources."""

import gzip
import itertools
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fhir_examples import bundle, write

from mime_tf.ehr.sources.fhir.document import Document
from mime_tf.ehr.sources.fhir.json_scanner import Scanner
from mime_tf.errors import InputError
from mime_tf.terminal import bounds

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
WANTED = {"Patient", "Bundle"}
THREE = [{"resourceType": "Patient", "id": f"p{number}", "note": 'a "}{][\\" ü'} for number in range(3)]


def pieces(text, cuts):
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return iter([text[start:stop] for start, stop in itertools.pairwise(edges)])


def resources(path, chunk=7):
    return [resource for _, resource in Document(str(path), WANTED, chunk=chunk).resources()]


@given(VALUES, st.lists(st.integers(0, 10_000), max_size=8), st.booleans())
def test_a_value_equals_that_of_json_loads_wherever_it_is_cut(value, cuts, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    scanner = Scanner(pieces(text, cuts))
    assert scanner.value() == json.loads(text)
    assert scanner.peek() == ""


@pytest.mark.parametrize("text", ['{"a": 1.5e10, "é": [true, null, "\\ud83d\\ude00"]}', "-12.5e-3", '"\\u00e9"'])
def test_every_chunk_size_gives_the_same_value(text):
    for size in range(1, len(text) + 1):
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        assert Scanner(iter(chunks)).value() == json.loads(text)


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.ndjson", "a.ndjson.gz"])
@pytest.mark.parametrize("chunk", [1, 2, 5, 1 << 20])
def test_all_forms_give_the_same_resources(name, chunk, tmp_path):
    path = write(tmp_path / name, THREE if "ndjson" in name else bundle(*THREE))
    assert resources(path, chunk) == THREE


def test_a_bundle_cut_off_at_any_byte_is_an_error(tmp_path):
    whole = json.dumps(bundle(*THREE), ensure_ascii=False).encode()
    for end in range(len(whole)):
        path = write(tmp_path / "a.json", whole[:end])
        with pytest.raises(InputError):
            resources(path, 64)


@pytest.mark.parametrize("name", ["a.json.gz", "a.ndjson.gz"])
def test_a_gz_cut_off_at_any_byte_is_an_error(name, tmp_path):
    whole = write(tmp_path / name, THREE if "ndjson" in name else bundle(*THREE)).read_bytes()
    for end in range(len(whole)):
        path = tmp_path / name
        path.write_bytes(whole[:end])
        with pytest.raises(InputError):
            resources(path, 64)


def test_a_last_line_cut_off_is_an_error_also_of_a_type_that_is_passed_over(tmp_path):
    line = json.dumps({"resourceType": "Observation", "id": "o"})
    assert resources(write(tmp_path / "a.ndjson", f"{line}\r\n\n{line}")) == []
    document = Document(str(write(tmp_path / "a.ndjson", f"{line}\n{line[:-3]}")), WANTED)
    with pytest.raises(InputError, match="ends in the middle"):
        list(document.resources())
    assert document.location == "line 2"


def test_the_location_follows_the_reading(tmp_path):
    document = Document(str(write(tmp_path / "a.json", bundle(*THREE))), WANTED)
    assert [document.location for _ in document.resources()] == ["entry 1", "entry 2", "entry 3"]
    text = json.dumps(bundle(*THREE))
    document = Document(str(write(tmp_path / "a.json", text[: text.index("p2")])), WANTED)
    with pytest.raises(InputError, match="ends in the middle"):
        list(document.resources())
    assert document.location == "entry 3"


def test_bundles_in_bundles_single_resources_and_a_late_resource_type(tmp_path):
    nested = bundle(bundle(*THREE[:2]), THREE[2])
    assert resources(write(tmp_path / "a.json", nested)) == THREE
    assert resources(write(tmp_path / "a.ndjson", [nested])) == THREE
    assert resources(write(tmp_path / "a.json", THREE[0])) == THREE[:1]
    late = {"entry": [{"resource": THREE[0]}, {"response": {}}], "resourceType": "Bundle"}
    assert resources(write(tmp_path / "a.json", late)) == THREE[:1]
    assert resources(write(tmp_path / "a.json", "\ufeff" + json.dumps(late))) == THREE[:1]
    assert resources(write(tmp_path / "a.json", {"resourceType": "Bundle"})) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"[1]", "must be a FHIR bundle or resource"),
        (b'{"a": 1}', "not FHIR"),
        (b'{"entry": [{"resource": {"id": "x"}}]}', "not FHIR"),
        (b'{"entry": [7]}', "must be an entry"),
        (b'{"resourceType": "Bundle", "entry": 7}', "Bundle.entry: found 7; must be a list"),
        (b'{"a": nope}', "not JSON: Expecting value, found 'nope}'"),
        (b'{"a" 1}', "not JSON: found '1'; must be :"),
        (b'{"resourceType": "Patient"}}', "must be a FHIR bundle or resource|not JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": ' + b"[" * 200_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number too long"),
    ],
)
def test_faults_have_clear_messages(content, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        resources(write(tmp_path / "a.json", content), 1 << 20)


def test_a_gz_without_content_is_an_error(tmp_path):
    for data in (b"no gz", gzip.compress(b"{}")[:12], gzip.compress(b"")):
        (tmp_path / "a.json.gz").write_bytes(data)
        with pytest.raises(InputError, match=r"gz|empty"):
            resources(tmp_path / "a.json.gz")


def test_progress_adds_up_to_the_size_of_the_file(tmp_path):
    path, counts = write(tmp_path / "a.json.gz", bundle(*THREE)), []
    list(Document(str(path), WANTED, counts.append, chunk=16).resources())
    assert sum(counts) == path.stat().st_size


def test_an_exception_of_advance_ends_the_reading_with_its_chunk(tmp_path):
    sizes = []

    def advance(size):
        sizes.append(size)
        if len(sizes) == 3:
            raise KeyboardInterrupt

    document = Document(str(write(tmp_path / "a.json", bundle(*THREE * 10))), WANTED, advance, chunk=64)
    with pytest.raises(KeyboardInterrupt):
        list(document.resources())
    assert sizes == [64, 64, 64]


@pytest.mark.parametrize("name", ["x.ndjson", "x.json", "x.ndjson.gz"])
def test_a_pipe(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=r"^is a named pipe; a regular file is needed$"):
        list(Document(str(tmp_path / name), WANTED).resources())


@pytest.mark.parametrize("name", ["x.ndjson", "x.json"])
def test_one_line_that_does_not_end(name, tmp_path, monkeypatch):
    """The reading ends soon after the bound, whatever the file still has."""
    monkeypatch.setattr(bounds, "_LINE", 1000)
    (tmp_path / name).write_text('{"resourceType": "Patient", "id": "' + "x" * 100_000)
    document, read = Document(str(tmp_path / name), WANTED, lambda count: read.append(count), 100), []
    with pytest.raises(InputError, match=r"would permit it$"):
        list(document.resources())
    assert sum(read) < 5000


def test_newlines_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "_FREE", 1000)
    path = tmp_path / "x.ndjson.gz"
    path.write_bytes(gzip.compress(b"\n" * 1_000_000))
    with pytest.raises(InputError, match=r"^unpacks to .* bytes may unpack to .*, and MIME_TF_BOUNDS="):
        list(Document(str(path), WANTED, chunk=1000).resources())
