"""The server: the scores of predict, errors as JSON that show no record, CDS Hooks, and no body that breaks it."""

import dataclasses
import json
import subprocess
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from support import fhir_examples as fhir
from support.served_runs import SIZES, as_json, awkward_patients, predicted, untrained_split
from support.whole_runs import COHORT, SMALL, environment

from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.scoring.prediction import CohortScorer
from mime_tf.serve import app as application
from mime_tf.serve.bundles import BundleReader
from mime_tf.serve.model import ServedModel
from mime_tf.training import train


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return untrained_split(tmp_path_factory.mktemp("split") / "vocabulary.csv")


@pytest.fixture(scope="module")
def client(split):
    # An exception of the server's own is the client's too, so that no 500 goes unseen.
    return TestClient(application.create_app(ServedModel(split, "Falls within a year")))


def test_the_scores_are_those_of_predict(client, split):
    patients = awkward_patients()
    answer = client.post("/predict", json={"patients": [json.loads(as_json(patient)) for patient in patients]})
    assert answer.status_code == 200 and answer.json()["predicts"] == "Falls within a year"
    expected, scores = predicted(split, patients), answer.json()["scores"]
    for name, values in expected.items():
        np.testing.assert_allclose([score[name] for score in scores], values, rtol=1e-6)
    assert any(score["empty"] for score in scores) and any(score["dropped_codes"] for score in scores)


def test_health_and_forms(client):
    health = client.get("/health").json()
    assert health == {
        "status": "ok",
        "predicts": "Falls within a year",
        "model": "r0s0",
        "reads": [],
    }
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/health", "/predict", "/cds-services", "/cds-services/mime-tf"} <= set(paths)


@pytest.mark.parametrize(
    "body, where",
    [
        ("{", "JSON decode error"),
        ('{"patients": []}', "patients: List should have at least 1 item"),
        ('{"patients": [{"visits": []}]}', "patients.0.visits: List should have at least 1 item"),
        ('{"patients": [{"visits": [[{"rx": ["secret"]}]]}]}', "patients.0.visits.0.0.dx: Field required"),
        ('{"patients": [{"visits": [[{"dx": "D0", "rx": [7]}]]}]}', "patients.0.visits.0.0.rx.0: "),
        ('{"patients": [{"visits": [[]], "name": "secret"}]}', "patients.0.name: Extra inputs are not permitted"),
        ('{"patients": [{"visits": [[{"dx": "\\ud800"}]]}]}', "patients.0.visits.0.0.dx: "),
        ('{"patients": [{"visits": [[]], "age": NaN}]}', "patients.0.age: "),
        ('{"patients": [{"visits": [[]], "age": 60}]}', "patients.0.age: the model does not read it; leave it out"),
        ('{"patients": [{"visits": [[]], "days_before": [3]}]}', "patients.0.days_before: the model does not read it"),
        (
            '{"patients": [{"visits": [[], [{"dx": "D0", "pr": ["P5"]}]]}]}',
            "patients.0.visits.1: pr: a name of several codes; must be SYSTEM|CODE",
        ),
    ],
)
def test_a_wrong_body_is_one_line_without_the_record(client, body, where):
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert where in answer.json()["error"] and "secret" not in answer.text


def test_a_model_that_reads_age_sex_and_days_gets_them(split, monkeypatch):
    """In the order of the request, and one day per visit."""
    served, shown = ServedModel(split), []
    served.reads = ("age", "sex", "days_before")
    monkeypatch.setattr(
        served, "_scorer", lambda cohort: shown.append(cohort) or CohortScorer(split, 9, "drop")(cohort)
    )
    client = TestClient(application.create_app(served))
    patients = [
        {"visits": [[], []], "age": 61.5, "days_before": [400, 0]},
        {"visits": [[]], "sex": "F", "days_before": [7]},
    ]
    assert client.post("/predict", json={"patients": patients}).status_code == 200
    assert shown[0].attributes.columns == {"age": ["61.5", ""], "sex": ["", "F"]}
    assert shown[0].visit_days.tolist() == [400, 0, 7]
    patients[1]["days_before"] = [7, 0]
    answer = client.post("/predict", json={"patients": patients})
    assert answer.json() == {"error": "patients.1.days_before: must be one number per visit, 1"}
    patients[1]["days_before"], patients[0]["days_before"] = [7], [0, 400]
    answer = client.post("/predict", json={"patients": patients})
    assert answer.json() == {"error": "patients.0.days_before: must not rise from a visit to the next, which is later"}


def test_other_errors_are_json(client, monkeypatch):
    for answer, status in ((client.get("/nowhere"), 404), (client.get("/predict"), 405)):
        assert answer.status_code == status and answer.json()["error"]
    monkeypatch.setattr(application, "MOST_BYTES", 100)
    answer = client.post("/predict", content=b"x" * 101)
    assert answer.status_code == 413 and answer.json()["error"].startswith("more than 100 bytes")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["patients", "visits", "dx", "rx", "pr", "age", "hook", "hookInstance", "context", "prefetch"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(ANYTHING, st.sampled_from(["/predict", "/cds-services/mime-tf"]))
def test_no_json_breaks_the_server(client, content, path):
    answer = client.post(path, content=json.dumps(content), headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500 and set(answer.json()) == {"error"}


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, SIZES["dx"] + 2), st.text(max_size=4), st.text(max_size=4)), max_size=4))
def test_any_names_of_codes_are_scored(client, objects):
    visit = [{"dx": f"D{dx}", "rx": [rx] if rx else [], "pr": [f"{pr}x"]} for dx, rx, pr in objects]
    answer = client.post("/predict", json={"patients": [{"visits": [visit]}]})
    assert answer.status_code == 200 and 0 < answer.json()["scores"][0]["probability"] < 1


# CDS Hooks.


@pytest.fixture(scope="module")
def hooked(split, tmp_path_factory):
    """A client of a model that knows hypertension and a drug, by the names that convert gives them."""
    path = tmp_path_factory.mktemp("fhir") / "vocabulary.csv"
    path.write_text(
        "kind,index,system,code,display,patients,count\n"
        "dx,0,SNOMED-CT,59621000,Hypertension,1,1\n"
        "rx,0,RxNorm,314076,Lisinopril,1,1\n"
    )
    known = dataclasses.replace(split, vocabulary=Vocabulary.read(path))
    return TestClient(application.create_app(ServedModel(known, "Falls within a year"))), known


def call(bundle, **more):
    prefetch = {} if bundle is None else {"record": bundle}
    return {"hook": "patient-view", "hookInstance": "1", "context": {"patientId": "p"}, "prefetch": prefetch} | more


def test_discovery(client):
    (service,) = client.get("/cds-services").json()["services"]
    assert (service["id"], service["hook"]) == ("mime-tf", "patient-view")
    assert service["prefetch"] == {"record": "Patient/{{context.patientId}}/$everything"}


def test_a_bundle_is_scored_as_its_dx_objects_are(hooked):
    """Hypertension with a drug ordered because of it, and a later visit of a diagnosis that the model does not know."""
    client, known = hooked
    because = {"reasonReference": [fhir.reference("Condition/c")]}
    record = [fhir.patient(), fhir.encounter(), fhir.condition(), fhir.request(**because)]
    later = [
        fhir.encounter("f", "2012-05-03T09:00:00Z"),
        fhir.condition("d", "44054006", encounter=fhir.reference("Encounter/f")),
    ]
    answer = client.post("/cds-services/mime-tf", json=call(fhir.bundle(*record, *later)))
    assert answer.status_code == 200, answer.text
    (card,) = answer.json()["cards"]
    probability = predicted(known, [[[[0, [0], []]], [[99, [], []]]]])["probability"][0]
    assert card["summary"] == f"{probability:.1%}: Falls within a year" and card["indicator"] == "info"
    assert card["detail"].startswith("The model was shown 2 of the 3 codes of the record.")


def test_a_record_without_a_visit_has_no_card(hooked):
    answer = hooked[0].post("/cds-services/mime-tf", json=call(fhir.bundle(fhir.patient(), fhir.encounter())))
    assert (answer.status_code, answer.json()) == (200, {"cards": []})


def asked(rules, **arguments):
    """The conversion of bundles for a model whose cohort was made so."""
    subject = SimpleNamespace(origin=SimpleNamespace(rules=rules, arguments=arguments))
    fitted = SimpleNamespace(folder="r0s0", vocabulary=Vocabulary([], {}), subject=subject)
    return BundleReader(SimpleNamespace(fitted=fitted))._request()


def test_a_bundle_is_converted_as_the_training_cohort_was():
    window = {"observation_days": 540, "gap_days": 30}
    made = asked({"design": "cohort", **window}, unlinked="infer", infer_share=0, roll_up_missing="drop")
    assert (made.rules.observation_days, made.rules.gap_days) == (540, 30)
    assert (made.unlinked, made.infer_share, made.roll_up_missing) == ("infer", 0, "drop")
    made = asked({"design": "case_control", **window})
    assert (made.rules.observation_days, made.rules.gap_days) == (540, 0)
    assert made.unlinked == "drop"


@pytest.mark.parametrize("arguments", [{"groups": "g.csv"}, {"roll_up": "dx=family", "hierarchy": ["h.csv"]}])
def test_a_file_that_the_run_lacks_is_told(arguments):
    with pytest.raises(
        InputError, match=r"r0s0: its cohort was made with the option .* and a file, which a run does not"
    ):
        asked({}, **arguments)


@pytest.mark.parametrize(
    "body, status, error",
    [
        (call(None), 412, "prefetch.record: must be the patient's record"),
        (call({}, hook="order-sign"), 400, "hook: must be patient-view"),
        (call({"resourceType": "Bundle", "entry": []}), 422, "bundle: has 0 patients; must have one"),
        (call(fhir.bundle(fhir.patient(), {"resourceType": "Encounter", "id": 7})), 422, "bundle"),
    ],
)
def test_a_wrong_call_of_a_hook(hooked, body, status, error):
    answer = hooked[0].post("/cds-services/mime-tf", json=body)
    assert answer.status_code == status and error in answer.json()["error"] and "/tmp" not in answer.text


# The command.


@pytest.mark.slow
def test_the_command_serves_until_it_is_interrupted(tmp_path):
    config = dataclasses.replace(SMALL, split_seeds=(0,), num_iter=1, eval_period=1, tensorboard=False)
    train(config, COHORT, f"{tmp_path}/", f"{tmp_path}/log")
    command = [sys.executable, "-m", "mime_tf", "serve", "--model", str(tmp_path / "r0s0"), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            address = process.stdout.readline().partition(": serving")[0]
            with urllib.request.urlopen(f"{address}/health") as answer:
                assert json.load(answer)["status"] == "ok"
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"{address}/predict", data=b"{}")
            assert caught.value.code == 422
        finally:
            process.send_signal(2)
        assert process.wait(60) in (0, 130)
