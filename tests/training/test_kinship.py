"""Runs whose codes share a part of their embeddings with their relatives: what they leave, and every command after."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from support.killing import Killer, every_state_is_saved  # noqa: F401
from support.whole_runs import SIZES, check_same, check_split_files, command, in_row_order, run

from mime_tf.__main__ import main
from mime_tf.ablation import forms
from mime_tf.blend import Blend
from mime_tf.config import KINDS, PARTS, RECIPE, SIZE_NAMES, TrainConfig
from mime_tf.data import hierarchy, pickled, sizes
from mime_tf.data.cohort import Cohort
from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.explain.patients import explain_patients
from mime_tf.export.saved_model import export
from mime_tf.regression.lineage import Lineage
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring import prediction
from mime_tf.training import blend_training
from mime_tf.training.import_tf1 import import_tf1
from mime_tf.training.kinship import Kinship, kinship_of

CONFIG = TrainConfig(
    **SIZES,
    hierarchy="sum",
    batch_size=20,
    num_iter=4,
    eval_period=2,
    split_seeds=(0,),
    dropout=0.1,
    mixed_precision="none",
)
# Without a regression, all networks are in the model, whatever their weights.
BLEND = dataclasses.replace(CONFIG, hierarchy="attention", blend=("bilinear",), members=2, batch_size=10)


@pytest.fixture(scope="module", autouse=True)
def all_parts_count():
    """Parts of a blend have the weight 1: networks learn nothing of 120 patients, and would be left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blend_training, "fit_weights", lambda logits, labels: (np.ones(logits.shape[1]), 0.0))
        yield


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """The prefix of a cohort of 120 patients whose codes have families."""
    prefix = tmp_path_factory.mktemp("cohort") / "c"
    simulated = ["simulate", "--mode", "related", "--patients", "120", "--num_dx", "40", "--num_rx", "20"]
    assert main([*simulated, "--mean_visits", "4", "--output", str(prefix)]) == 0
    return prefix


@pytest.fixture(scope="module")
def done(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("done")
    return folder, run(CONFIG, folder, cohort)


@pytest.fixture(scope="module")
def blended(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("blended")
    return folder, run(BLEND, folder, cohort)


@pytest.fixture(params=["done", "blended"])
def fitted(request):
    """A fitted split of one network, and one of a blend."""
    return FittedSplit.open(request.getfixturevalue(request.param)[0] / "r0s0")


def family(code, name, kind="dx"):
    return Relation(kind, "s", code, "family", name, "", 1, "")


def lineage_of(codes, rows):
    table = [{"kind": "dx", "index": str(i), "system": "s", "code": code, "display": ""} for i, code in codes.items()]
    return Lineage.of(Hierarchy(rows), Vocabulary(table, {("dx", int(row["index"])): row for row in table}))


def test_relations_of_the_codes_that_the_model_has_room_for():
    """Code 3 is beyond the model's three; an ancestor of one code alone tells nothing."""
    rows = [family("a", "F"), family("b", "G"), family("b", "F"), family("c", "G"), family("d", "G"), family("a", "H")]
    lineage = lineage_of({0: "a", 1: "b", 2: "c", 3: "d"}, rows)
    kinship = Kinship.of(lineage, {"num_dx": 3, "num_rx": 1, "num_pr": 1})
    families = {name: number for number, name in enumerate(lineage.names["dx"])}
    expected = {(0, "F (family)"), (1, "F (family)"), (1, "G (family)"), (2, "G (family)")}
    assert {(code, ancestor) for code, ancestor in kinship.relations["dx"].tolist()} == {
        (code, families[name]) for code, name in expected
    }
    assert kinship.sizes == [2, 4, 0, 0, 0, 0]
    larger = Kinship.of(lineage, {"num_dx": 4, "num_rx": 1, "num_pr": 1})
    assert larger.sizes == [2, 5, 0, 0, 0, 0] and larger.digest != kinship.digest


def networks_of(model):
    return model.networks if isinstance(model, Blend) else [model]


def test_a_run_leaves_a_model_that_scores_and_explains(fitted, cohort):
    data = Cohort.open(str(cohort))
    kinship = kinship_of(CONFIG, data, fitted.sizes)
    assert (kinship.sizes[1], kinship.sizes[3]) == (40, 20)
    for network in networks_of(fitted.model):
        shared = network.dxobject_embedding.shared
        assert shared.sizes == kinship.sizes + ([3] if network is not fitted.model else [])  # an attention's width
        np.testing.assert_array_equal(shared.relations["dx"], kinship.relations["dx"])
        assert np.any(shared.above["dx"])  # learned, from 0 or from a draw
    part = prediction.part_of(fitted, data, "test")
    saved = fitted.predictions("test").scores.probabilities
    np.testing.assert_array_equal(in_row_order(part, prediction.score(fitted, part).probabilities), saved)
    for explained in explain_patients(fitted, data, [0, 1]):
        total = sum(visit.contribution for visit in explained.visits)
        assert explained.empty_logit + total == pytest.approx(explained.logit, abs=1e-4)


def renamed(cohort, dx, rx):
    """Returns a cohort in which a diagnosis and a medication have new names and numbers, and the families of the old.

    Each is followed by a code of no family.
    """
    data = Cohort.open(str(cohort))
    store, rows, relations = data.store, list(data.vocabulary.rows), list(data.hierarchy.rows)
    columns = {}
    for kind, code in (("dx", dx), ("rx", rx)):
        codes = getattr(store, kind)
        size = max(index for of, index in data.vocabulary.by_index if of == kind) + 1
        columns[kind] = np.where(codes == code, np.int32(size + 1), codes)
        name = data.vocabulary.by_index[kind, code]["code"]
        for index, new in ((size, "lone"), (size + 1, "new")):
            rows.append({"kind": kind, "index": str(index), "system": "s", "code": f"{kind} {new}", "display": ""})
        relations += [
            row._replace(system="s", code=f"{kind} new") for row in relations if row[:3] == (kind, "simulated", name)
        ]
    made = Cohort(dataclasses.replace(store, **columns))
    made.vocabulary = Vocabulary(rows, {(row["kind"], int(row["index"])): row for row in rows})
    made.hierarchy = Hierarchy(relations)
    return made


def test_an_unknown_code_is_scored_by_its_ancestors(fitted, cohort):
    """It is as if the model had learned nothing about the code alone; other unknown codes are dropped."""
    data = Cohort.open(str(cohort))
    dx, rx = (int(np.bincount(getattr(data.store, kind)).argmax()) for kind in ("dx", "rx"))
    other = renamed(cohort, dx, rx)
    before, predictions = (prediction.predict(fitted, each, unknown_codes="ancestor") for each in (data, other))
    counted = (data.store.dx == dx).sum() + (data.store.rx == rx).sum()
    # Codes that training did not hold have families too, so that none is dropped.
    assert predictions.by_ancestor.sum() - before.by_ancestor.sum() == counted > 100
    assert not predictions.dropped.any() and not before.dropped.any()
    for network in networks_of(fitted.model):
        for kind, code in (("dx", dx), ("rx", rx)):
            table = getattr(network.dxobject_embedding, f"{kind}_embeddings")
            values = table.numpy().copy()
            values[code] = 0
            table.assign(values)
    expected = prediction.predict(fitted, data, unknown_codes="ancestor").probabilities
    np.testing.assert_allclose(predictions.probabilities, expected, rtol=1e-5)
    assert np.abs(expected - before.probabilities).max() > 1e-6  # the code's own part counts
    assert prediction.predict(fitted, other).dropped.sum() >= counted


def test_a_code_without_known_ancestors_is_dropped_among_others_that_have_some(fitted, cohort):
    data = renamed(cohort, 0, 0)
    lone = Cohort(dataclasses.replace(data.store, dx=np.where(data.store.dx == 1, np.int32(40), data.store.dx)))
    lone.vocabulary, lone.hierarchy = data.vocabulary, data.hierarchy
    predictions = prediction.predict(fitted, lone, unknown_codes="ancestor")
    orders = np.diff(data.store.rx_offsets)[data.store.dx == 1]
    assert predictions.by_ancestor.sum() > 0
    assert predictions.dropped.sum() == len(orders) + orders.sum() > 0


def test_tables_of_another_training_are_refused(done, cohort, tmp_path):
    shutil.copytree(done[0] / "r0s0", tmp_path / "r0s0")
    path = tmp_path / "r0s0" / hierarchy.FILE
    Hierarchy([row for row in Hierarchy.read(path).rows if row.code != "DX7"]).write(path)
    with pytest.raises(InputError, match=r"its hierarchy\.csv and vocabulary\.csv give codes other ancestors"):
        prediction.predict(FittedSplit.open(tmp_path / "r0s0"), renamed(cohort, 0, 0), unknown_codes="ancestor")


def test_the_files_of_a_network(done):
    split = done[0] / "r0s0"
    check_split_files(split, CONFIG, ["vocabulary.csv", "hierarchy.csv"])
    table = (split / "tensorboard" / "embeddings" / "dx.tsv").read_text().splitlines()
    np.testing.assert_allclose(
        [[float(x) for x in row.split("\t")] for row in table],
        FittedSplit.open(split).model.dxobject_embedding.table("dx"),
        rtol=1e-5,
    )


def test_mixed_precision_keeps_what_relatives_share_in_full(cohort, tmp_path):
    config = dataclasses.replace(BLEND, mixed_precision="bfloat16", num_iter=2)
    run(config, tmp_path, cohort)
    fitted, data = FittedSplit.open(tmp_path / "r0s0"), Cohort.open(str(cohort))
    assert {network.dxobject_embedding.table("dx").dtype for network in fitted.model.networks} == {tf.float32}
    part = prediction.part_of(fitted, data, "test")
    saved = fitted.predictions("test").scores.probabilities
    np.testing.assert_allclose(in_row_order(part, prediction.score(fitted, part).probabilities), saved, atol=1e-6)


def test_the_export_scores_as_the_model(blended, cohort, tmp_path):
    """A blend, which has networks as they are exported alone; codes that training did not hold have ancestors."""
    fitted, data = FittedSplit.open(blended[0] / "r0s0"), Cohort.open(str(cohort))
    expected = prediction.predict(fitted, data, unknown_codes="ancestor")
    rows = [0, *np.flatnonzero(expected.by_ancestor)[:2]]
    card = export(fitted, tmp_path / "served", bootstrap=0, unknown_codes="ancestor")
    unknown = int((~fitted.usable["dx"]).sum())
    assert f"In place of codes that training did not hold ({unknown} diagnoses, " in card
    assert '"ancestor_codes": [0]' in card
    names = {(kind, index): row["code"] for (kind, index), row in data.vocabulary.by_index.items()}
    records = pickled.to_lists(data.store.select(np.array(rows)))
    texts = [
        json.dumps(
            {
                "visits": [
                    [{"dx": names["dx", dx], **{kind: [names[kind, code] for code in orders]
                      for kind, orders in (("rx", rx), ("pr", pr))}} for dx, rx, pr in visit]
                    for visit in record
                ]
            }
        )
        for record in records
    ]  # fmt: skip
    answer = tf.saved_model.load(str(tmp_path / "served")).signatures["json"](patients=tf.constant(texts))
    np.testing.assert_allclose(answer["probability"], expected.probabilities[rows], rtol=1e-5)
    assert answer["ancestor_codes"].numpy().tolist() == expected.by_ancestor[rows].tolist()
    assert not np.any(answer["dropped_codes"])


def test_an_explanation_counts_codes_by_ancestor(fitted, cohort, capsys):
    data = Cohort.open(str(cohort))
    scored = prediction.predict(fitted, data, unknown_codes="ancestor")
    row = int(np.argmax(scored.by_ancestor))
    codes, by_ancestor = int(scored.codes[row]), int(scored.by_ancestor[row])
    argv = ["explain", "--model", fitted.folder, "--data", str(cohort), "--row", str(row)]
    assert main([*argv, "--unknown_codes", "ancestor", "--families", "family"]) == 0
    out = capsys.readouterr().out
    share = f"{(codes - by_ancestor) / codes:.1%} were scored as they are, {by_ancestor / codes:.1%} as an ancestor"
    assert f"note: Of this patient's {codes:,} codes {share}, 0.0% not at all." in out
    assert f"probability {scored.probabilities[row]:.3f}" in out and "not known to the model" not in out
    assert " of diagnoses (DX-F" in out and "none of these" not in out


@pytest.mark.parametrize(
    ("config", "whole", "moment"),
    [
        (CONFIG, "done", ("after write state.npz", 1)),
        (CONFIG, "done", ("before write metrics.json", 1)),
        (BLEND, "blended", ("after write state.npz", 3)),
    ],
)
def test_a_killed_run_ends_with_the_same_bits(config, whole, moment, request, cohort, monkeypatch, tmp_path):
    folder = request.getfixturevalue(whole)[0]
    killed = Killer(monkeypatch).run(lambda *come: come == moment, tmp_path, config, cohort=cohort)
    assert killed
    run(config, tmp_path, cohort)
    check_same(tmp_path, folder)


def test_a_run_does_not_go_on_with_other_ancestors(cohort, monkeypatch, tmp_path):
    shutil.copytree(cohort.parent, tmp_path / "data")
    data, path = tmp_path / "data" / cohort.name, tmp_path / "data" / hierarchy.FILE
    Killer(monkeypatch).run(lambda *come: come == ("after write state.npz", 1), tmp_path, CONFIG, cohort=data)
    rows = Hierarchy.read(path).rows
    families = [row.ancestor for row in rows]
    Hierarchy(
        [row._replace(ancestor=other) for row, other in zip(rows, families[1:] + families[:1], strict=True)]
    ).write(path)
    with pytest.raises(InputError, match="the ancestors of codes, or what is read beside codes, are others"):
        run(CONFIG, tmp_path, data)


def copied(cohort, folder, rows):
    """Returns the prefix of a copy of the cohort with the first rows of its hierarchy, or without one."""
    shutil.copytree(cohort.parent, folder)
    path = folder / hierarchy.FILE
    if rows:
        Hierarchy(Hierarchy.read(path).rows[:rows]).write(path)
    else:
        path.unlink()
    return folder / cohort.name


def test_without_a_hierarchy_there_is_one_line(cohort, tmp_path):
    data = copied(cohort, tmp_path / "data", 0)
    failed = command(data, f"{tmp_path}/", f"{tmp_path}/log", "--hierarchy=sum")
    assert (failed.code, failed.out) == (2, [])
    assert failed.err[-1].startswith(f"train.py: {data}.seqs: hierarchy: found sum; that needs a hierarchy.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_hierarchy_without_relatives_is_refused(cohort, tmp_path):
    data = copied(cohort, tmp_path / "data", 1)
    with pytest.raises(InputError, match=r"no two codes of vocabulary\.csv have an ancestor in common"):
        run(CONFIG, tmp_path / "out", data)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rows", [0, 1])
def test_auto_is_none_for_codes_without_relatives(rows, cohort, tmp_path):
    data = Cohort.open(str(copied(cohort, tmp_path / "data", rows)))
    assert kinship_of(dataclasses.replace(CONFIG, hierarchy="auto"), data, sizes_of(data)) is None


def sizes_of(cohort):
    return sizes.resolve(cohort.store, dict.fromkeys(SIZE_NAMES), cohort.name)


def test_auto_is_sum_where_codes_have_relatives_and_start_by_chance(cohort):
    data = Cohort.open(str(cohort))
    auto, own = dataclasses.replace(CONFIG, hierarchy="auto"), sizes_of(data)
    assert kinship_of(auto, data, own).digest == kinship_of(CONFIG, data, own).digest
    links = {"init_embeddings": "links", "link_dimensions": 2}
    for changes in ({"hierarchy": "none"}, links, {"init_from": "x.npz"}):
        assert kinship_of(dataclasses.replace(auto, **changes), data, own) is None
    told = str(kinship_of(auto, data, own))
    assert told == "40 dx codes with 6, 20 rx codes with 5"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init_embeddings": "links"}, "hierarchy, init_embeddings: found sum, links; must be none where"),
        ({"init_from": "x.npz"}, "hierarchy, init_from: found sum, x.npz; must be none where"),
    ],
)
def test_what_does_not_go_together(changes, message):
    with pytest.raises(InputError) as error:
        dataclasses.replace(CONFIG, **changes)
    assert str(error.value).startswith(message)


def test_checkpoints_and_ablations_have_no_ancestors(cohort, tmp_path):
    config = TrainConfig(hierarchy="sum")
    with pytest.raises(InputError, match="hierarchy: found sum; must be none"):
        import_tf1(tmp_path / "model-1", tmp_path / "out", config)
    with pytest.raises(InputError, match="hierarchy: found sum; must be none"):
        forms.make(Cohort.open(str(cohort)), config)


def test_every_kind_of_network_takes_ancestors():
    assert RECIPE["hierarchy"] == TrainConfig().with_recipe().hierarchy == "auto"
    for given in ("sum", "none"):
        kinds = dataclasses.replace(BLEND, hierarchy=given, blend=PARTS).kinds
        assert {name: kind.hierarchy for name, kind in kinds.items()} == dict.fromkeys(KINDS, given)
