"""Contributions to scores: against the equations in float64, against the model, and against a known truth."""

import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from support import cohorts, oracle

import mime_tf
from mime_tf import MiME, tf1_weights
from mime_tf.batches import datasets, tables
from mime_tf.batches.tables import Batch
from mime_tf.config import ACTIVATIONS, RNN_CELLS, TrainConfig
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.explain import attribution, stages
from mime_tf.explain.pairs import COLUMNS, explain_cohort
from mime_tf.explain.patients import explain_patients
from mime_tf.runs.adjustment import Adjustment
from mime_tf.runs.subject import Subject
from mime_tf.simulate.simulation import simulate
from mime_tf.splits.split import Part

SIZES = {"num_dx": cohorts.NUM_DX, "num_rx": cohorts.NUM_RX, "num_pr": cohorts.NUM_PR}
PATIENTS = [
    [[[0, [1, 1], [2]], [3, [], []]], [], [[2, [0, 4], [3, 1]], [0, [1], []]]],
    [[[5, [], []]]],
    [[]],
    [[[4, [3], []]], [[4, [3], []]], [[1, [], [0, 0]], [0, [2], [1]]], [[3, [0], []]]],
]


def made(seed=0, **arguments):
    """A small model with random weights, biases too."""
    model = MiME(**SIZES, **{"emb_size": 4, "dxobj_emb_size": 5, "rnn_size": 3, **arguments})
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    return model


def run_of(model, known=None, vocabulary=None):
    """As much of a `mime_tf.runs.fitted_split.FittedSplit` as explaining takes."""
    everything = {kind: np.ones(getattr(model.dxobject_embedding, f"num_{kind}"), bool) for kind in ("dx", "rx", "pr")}
    check = {"check_codes": lambda cohort: None, "predictions": lambda name: None}
    usable = everything | (known or {})
    about = {"subject": Subject("", None, None), "adjustment": Adjustment(), "config": TrainConfig()}
    return SimpleNamespace(model=model, usable=usable, vocabulary=vocabulary, **about, **check)


def cohort_of(patients):
    return Cohort(pickled.from_lists(patients), np.zeros(len(patients), np.int64))


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


# The contributions.


@pytest.mark.parametrize(("activation", "cell"), [(name, RNN_CELLS[at % 3]) for at, name in enumerate(ACTIVATIONS)])
def test_contributions_add_up_to_the_models_own_logit(activation, cell):
    model = made(rnn_cell=cell, emb_activation=activation, order_activation=activation)
    store = pickled.from_lists(PATIENTS)
    found = attribution.contributions(model, store, tolerance=2e-4)
    np.testing.assert_allclose(sigmoid(found.logits), model(Batch(store).tables())[:, 0], rtol=0, atol=1e-5)
    bare = pickled.from_lists([[[[dx, [], []] for dx, _, _ in visit] for visit in patient] for patient in PATIENTS])
    np.testing.assert_allclose(sigmoid(found.dx_logits), model(Batch(bare).tables())[:, 0], rtol=0, atol=1e-5)
    empty = pickled.from_lists([[[] for _ in patient] for patient in PATIENTS])
    np.testing.assert_allclose(sigmoid(found.empty_logits), model(Batch(empty).tables())[:, 0], rtol=0, atol=1e-5)
    # By patient, with plain Python: the dx of patient 0 are the first four, of patient 1 the next, and so on.
    of_dx = [found.dx[:4].sum(), found.dx[4], 0, found.dx[5:].sum()]
    of_orders = [found.rx[:5].sum() + found.pr[:3].sum(), 0, 0, found.rx[5:].sum() + found.pr[3:].sum()]
    assert np.abs(of_dx - (found.dx_logits - found.empty_logits)).max() < 2e-4
    assert np.abs(of_orders - (found.logits - found.dx_logits)).max() < 2e-4
    assert (
        np.abs(np.add(of_dx, of_orders) - (found.logits - found.empty_logits)).max() <= found.gaps.max() + 2e-6
    )  # float32
    assert np.abs(found.logits - found.empty_logits)[[0, 3]].min() > 5e-3


POOLINGS = [("last",), ("sum",), ("distinct",), ("last", "sum", "mean", "max", "distinct")]


@pytest.mark.parametrize("pooling", POOLINGS[1:], ids="-".join)
def test_contributions_to_pooled_views_add_up_to_the_models_own_logit(pooling):
    model = made(pooling=pooling, emb_activation="linear")
    store = pickled.from_lists(PATIENTS)
    found = attribution.contributions(model, store)
    np.testing.assert_allclose(sigmoid(found.logits), model(Batch(store).tables())[:, 0], rtol=0, atol=1e-5)
    bare = pickled.from_lists([[[[dx, [], []] for dx, _, _ in visit] for visit in patient] for patient in PATIENTS])
    np.testing.assert_allclose(sigmoid(found.dx_logits), model(Batch(bare).tables())[:, 0], rtol=0, atol=1e-5)
    of_dx = [found.dx[:4].sum(), found.dx[4], 0, found.dx[5:].sum()]
    of_orders = [found.rx[:5].sum() + found.pr[:3].sum(), 0, 0, found.rx[5:].sum() + found.pr[3:].sum()]
    # `gaps` are at most a thousandth of the change of the logit, or of 1; the rest is float32.
    assert (np.abs(of_dx - (found.dx_logits - found.empty_logits)) <= found.gaps + 1e-4).all()
    assert (np.abs(of_orders - (found.logits - found.dx_logits)) <= found.gaps + 1e-4).all()
    assert (found.gaps <= 1e-3 * np.maximum(1, np.abs(found.logits - found.empty_logits))).all()


def test_contributions_by_the_equations_of_the_paper_add_up():
    model = made(equations="paper", dxobj_emb_size=4, visit_activation="sigmoid", pooling=POOLINGS[-1])
    store = pickled.from_lists(PATIENTS)
    found = attribution.contributions(model, store)
    np.testing.assert_allclose(sigmoid(found.logits), model(Batch(store).tables())[:, 0], rtol=0, atol=1e-5)
    total = [found.dx[:4].sum() + found.rx[:5].sum() + found.pr[:3].sum(), found.dx[4], 0]
    assert (np.abs(total - (found.logits - found.empty_logits)[:3]) <= found.gaps[:3] + 1e-4).all()


def test_a_distinct_diagnosis_is_divided_among_its_visits():
    """Read by the distinct view alone, each occurrence of a diagnosis, and of a pair, has the same part of it."""
    once, thrice = [[[4, [3], []]]], [[[4, [3], []]], [[4, [], []]], [[4, [3, 3], []]]]
    found = attribution.contributions(made(pooling=("distinct",)), pickled.from_lists([once, thrice]))
    np.testing.assert_allclose(found.logits[0], found.logits[1], atol=1e-6)
    np.testing.assert_allclose(found.dx[1:], np.repeat(found.dx[0] / 3, 3), atol=1e-5)
    np.testing.assert_allclose(found.rx[1:], np.repeat(found.rx[0] / 3, 3), atol=1e-5)
    assert abs(found.dx[0]) > 1e-2


@pytest.mark.parametrize("pooling", POOLINGS, ids="-".join)
@settings(max_examples=6)
@given(patients=cohorts.cohorts())
def test_any_cohort_adds_up(pooling, patients):
    store = pickled.from_lists(patients)
    found = attribution.contributions(made(seed=len(patients), pooling=pooling), store)
    bounds = store.dxobjs[store.visits]
    total = 0
    for kind, bounds_of in (("dx", bounds), ("rx", store.rx_offsets[bounds]), ("pr", store.pr_offsets[bounds])):
        total += np.diff(np.concatenate([[0], np.cumsum(getattr(found, kind))])[bounds_of])
    change = found.logits - found.empty_logits
    assert (np.abs(total - change) <= 1e-3 * np.maximum(1, np.abs(change))).all()


def path_logit(weights, patient, of_dx, of_order):
    """The logit in float64 where the Dx-objects' vectors are scaled (one number each), or the pairs' are."""
    states, count_dx, count_orders = [], 0, 0
    for visit in patient:
        total = np.zeros(weights["W_dxobj/bias"].shape)
        for dx, rx, pr in visit:
            e = np.tanh(weights["W_emb_dx"][dx])
            x = e
            for table, gate, codes in (("W_emb_rx", "W_dr", rx), ("W_emb_pr", "W_dp", pr)):
                for code in codes:
                    pair = oracle.sigmoid(oracle.dense(weights, gate, e)) * np.tanh(weights[table][code])
                    x = x + of_order[count_orders] * pair
                    count_orders += 1
            total = total + of_dx[count_dx] * oracle.sigmoid(oracle.dense(weights, "W_dxobj", x))
            count_dx += 1
        states.append(total)
    return oracle.dense(weights, "rnn2pred", oracle.gru_states(weights, np.array(states))[-1])[0]


def integral(logit, count, at_end):
    """Integrated gradients of `logit(weights)` along the diagonal, by differences and the midpoint rule."""
    points, step = (np.arange(400) + 0.5) / 400, 1e-6
    result = np.zeros(count)
    for point in points:
        for at in range(count):
            shift = step * (np.arange(count) == at)
            slope = (logit(np.full(count, point) + shift) - logit(np.full(count, point) - shift)) / (2 * step)
            result[at] += slope / len(points)
    assert result.sum() == pytest.approx(at_end, abs=1e-4)
    return result


def test_contributions_are_those_of_the_equations():
    """Integrated gradients by differences of the float64 oracle, which shares no code with the model."""
    model = made(seed=4, emb_activation="tanh", order_activation="sigmoid")
    weights = {name: np.asarray(variable, np.float64) for name, variable in tf1_weights.variables(model).items()}
    patient = [[[0, [1, 1], [2]], [3, [], []]], [], [[2, [0], [3]]]]
    found = attribution.contributions(model, pickled.from_lists([patient]), tolerance=1e-5)

    def stage_1(scale):
        return path_logit(weights, patient, scale, np.zeros(5))

    def stage_2(scale):  # in the order of the record: rx 1, rx 1, pr 2 of the first Dx-object; rx 0, pr 3 of the last
        return path_logit(weights, patient, np.ones(3), scale)

    none, all_ = np.zeros(5), np.ones(5)
    dx = integral(stage_1, 3, stage_1(np.ones(3)) - stage_1(np.zeros(3)))
    orders = integral(stage_2, 5, stage_2(all_) - stage_2(none))
    np.testing.assert_allclose(found.dx, dx, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.rx, orders[[0, 1, 3]], rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.pr, orders[[2, 4]], rtol=0, atol=1e-4)
    assert np.abs(np.concatenate([dx, orders])).min() > 1e-3
    assert found.logits[0] == pytest.approx(stage_2(all_), abs=1e-5)


def test_contributions_that_are_plain():
    """One diagnosis, one order: each is the whole of its stage. The same order twice counts twice, in equal parts."""
    model = made(seed=2)
    found = attribution.contributions(model, pickled.from_lists([[[[1, [2], []]]], [[[1, [2, 2], []]]]]))
    first, _ = found.dx
    assert first == pytest.approx(found.dx_logits[0] - found.empty_logits[0], abs=1e-3)
    assert found.rx[0] == pytest.approx(found.logits[0] - found.dx_logits[0], abs=1e-3)
    assert found.rx[1] == found.rx[2] != 0
    table = model.dxobject_embedding.rx_embeddings
    values = table.numpy()
    values[2] = -1.0  # relu leaves nothing of it
    table.assign(values)
    assert attribution.contributions(model, pickled.from_lists([[[[1, [2], []]]]])).rx.tolist() == [0]


def test_a_patients_contributions_do_not_depend_on_the_others(monkeypatch):
    """In batches of any size, with points a few at a time."""
    model, store = made(seed=6, emb_activation="tanh", order_activation="sigmoid"), pickled.from_lists(PATIENTS * 3)
    together = attribution.contributions(model, store)
    alone = attribution.contributions(model, store.select([3]))
    np.testing.assert_allclose(together.rx[5:9], alone.rx, rtol=0, atol=1e-4)
    assert np.abs(alone.rx).min() > 1e-3
    monkeypatch.setattr(attribution, "_BATCH_VISITS", 5)
    monkeypatch.setattr(stages, "_POINT_ROWS", 17)
    apart = attribution.contributions(model, store)
    for name in ("dx", "rx", "pr", "logits", "dx_logits", "empty_logits"):
        np.testing.assert_allclose(getattr(together, name), getattr(apart, name), rtol=0, atol=1e-4)


def test_a_smaller_tolerance_is_kept():
    model, store = made(seed=1, emb_size=16, dxobj_emb_size=16, rnn_size=16), pickled.from_lists(PATIENTS)
    coarse, fine = (attribution.contributions(model, store, tolerance) for tolerance in (0.1, 1e-4))
    assert fine.gaps.max() < 1e-4 * max(1, np.abs(fine.logits - fine.empty_logits).max()) < coarse.gaps.max()


def test_weights_that_are_no_numbers():
    model = made()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.raises(InputError, match="fail to add up") as error:
        attribution.contributions(model, pickled.from_lists(PATIENTS))
    assert "\n" not in str(error.value)


def test_mixed_precision_is_explained_in_float32():
    model = made(dtype="mixed_float16")
    plain = made()
    plain.set_weights(model.get_weights())
    store = pickled.from_lists(PATIENTS)
    found, expected = (attribution.contributions(each, store) for each in (model, plain))
    np.testing.assert_array_equal(found.dx, expected.dx)
    assert found.gaps.max() < 1e-3


def test_progress_is_told():
    told = []
    attribution.contributions(made(), pickled.from_lists(PATIENTS), progress=told.append)
    assert told[-1] == "explained 4 of 4 patients"


# A known truth.


@pytest.fixture(scope="module")
def true_pairs():
    """Patients whose risk is in the pairs alone, and a model that learned it: its effects, and the truth."""
    sizes = {"num_dx": 40, "num_rx": 20, "num_pr": 20}
    simulated = simulate(3000, 1, pair_effect=1.0, effect=4.0, prevalence=0.5, mean_visits=4, **sizes)
    rows = np.argsort(simulated.store.visit_counts, kind="stable")
    part = Part(rows, simulated.store, simulated.labels[rows])
    starts = tables.window_starts(0, [len(part)], batch_size=100, steps=700)[0]
    keras.utils.set_random_seed(1)
    model = MiME(**sizes, emb_size=16, dxobj_emb_size=16, rnn_size=16)
    model.compile(keras.optimizers.Adam(0.005), mime_tf.LogLoss(), jit_compile=False)
    model.fit(datasets.training_batches(part, starts, 100), verbose=0, shuffle=False)
    run = run_of(model, vocabulary=None)
    cohort = Cohort(simulated.store, simulated.labels)
    found = explain_cohort(run, cohort, limit=400)
    return found, simulated.truth()["pairs"]


@pytest.mark.slow
def test_true_pairs_come_out_on_top(true_pairs):
    """With their signs; the wrong partnering of each is on the other side."""
    found, pairs = true_pairs
    signs = {}
    for pair in pairs:
        for name, sign in (("links_of_risk", 1), ("links_of_protection", -1)):
            signs |= {(pair["kind"], dx, order): sign for dx, order in pair[name]}
    assert len(found.pairs) > 10 * len(signs) == 240
    effects = {(pair.kind, pair.dx, pair.order): pair for pair in found.pairs}
    top = list(effects)[:16]
    assert [key for key in top if key not in signs] == []
    for key in top:
        assert np.sign(effects[key].mean) == signs[key], key
    of_truth = sum(effects[key].importance for key in signs)
    assert of_truth > 0.8 * sum(pair.importance for pair in found.pairs)
    for pair in pairs[:4]:  # those of the larger weights, A to D
        risk, protection = (
            sum(effects[pair["kind"], dx, order].mean for dx, order in pair[f"links_of_{name}"])
            for name in ("risk", "protection")
        )
        assert risk > 0.3 and protection < -0.3, pair["name"]


# Explanations of patients.

KNOWN = {"dx": np.array([True, True, True, False, True, True]), "rx": np.array([True, False, True, True, True])}


def test_an_explanation_is_the_record_with_names():
    """Codes that the model does not know are dropped, as `predict` drops them, and listed."""
    rows = [{"kind": "dx", "index": "2", "system": "", "code": "E11", "display": "type 2 diabetes"}]
    vocabulary = Vocabulary(rows, {("dx", 2): rows[0]})
    run, cohort = run_of(made(seed=4), KNOWN, vocabulary), cohort_of(PATIENTS)
    second, first, fourth = explain_patients(run, cohort, [1, 0, 3])
    assert [(code.kind, code.code) for code in fourth.visits[-1].dropped] == [("dx", 3), ("rx", 0)]
    assert (first.row, second.row, first.patient) == (0, 1, "row 0")
    assert [len(visit.dxobjects) for visit in first.visits] == [1, 0, 2]
    (dropping, empty, last) = first.visits
    assert [(code.kind, code.code) for code in dropping.dropped] == [("rx", 1), ("rx", 1), ("dx", 3)]
    assert (empty.contribution, empty.dropped) == (0, ())
    dxobject = last.dxobjects[0]
    assert (dxobject.name, dxobject.code) == ("type 2 diabetes (E11)", 2)
    assert [(order.kind, order.name) for order in dxobject.orders] == [
        *(("rx", "rx 0"), ("rx", "rx 4"), ("pr", "pr 3"), ("pr", "pr 1"))
    ]
    kept = cohort.store.keep_known(run.usable)
    expected = run.model(Batch(kept).tables())[:, 0]
    assert first.probability == pytest.approx(float(expected[0]), abs=1e-5)
    assert sigmoid(first.logit) == pytest.approx(first.probability, abs=1e-12)
    assert sum(visit.contribution for visit in first.visits) == pytest.approx(
        first.logit - first.empty_logit, abs=first.gap + 1e-9
    )
    assert dxobject.contribution == pytest.approx(dxobject.alone + sum(order.contribution for order in dxobject.orders))
    found = attribution.contributions(run.model, kept)
    assert [order.contribution for order in dxobject.orders] == pytest.approx([*found.rx[:2], *found.pr[1:3]], abs=1e-4)
    assert [visit.dxobjects[0].alone for visit in second.visits] == pytest.approx([found.dx[3]], abs=1e-4)


@pytest.mark.parametrize("row", [-1, 4])
def test_a_row_that_is_not_there(row):
    with pytest.raises(InputError, match=rf"found {row}; the cohort has the rows 0 to 3"):
        explain_patients(run_of(made()), cohort_of(PATIENTS), [row])


def test_pairs_of_a_cohort_sum_up_those_of_its_patients():
    run, cohort = run_of(made(seed=4), KNOWN), cohort_of(PATIENTS)
    found = explain_cohort(run, cohort, tolerance=1e-4)
    sums, occurrences = {}, {}
    for each in explain_patients(run, cohort, range(4), tolerance=1e-4):
        for visit in each.visits:
            for dxobject in visit.dxobjects:
                for order in dxobject.orders:
                    key = (order.kind, dxobject.code, order.code)
                    of_patient = sums.setdefault(key, {})
                    of_patient[each.row] = of_patient.get(each.row, 0) + order.contribution
                    occurrences[key] = occurrences.get(key, 0) + 1
    assert {(pair.kind, pair.dx, pair.order) for pair in found.pairs} == set(sums)
    for pair in found.pairs:
        key = (pair.kind, pair.dx, pair.order)
        values = np.array(list(sums[key].values()))
        assert (pair.occurrences, pair.patients) == (occurrences[key], len(values))
        expected = (values.mean(), np.abs(values).mean(), np.abs(values).sum() / 4)
        assert (pair.mean, pair.mean_absolute, pair.importance) == pytest.approx(expected, abs=1e-4)
        assert (pair.dx_name, pair.order_name) == (f"dx {pair.dx}", f"{pair.kind} {pair.order}")
    importance = [pair.importance for pair in found.pairs]
    assert importance == sorted(importance, reverse=True)
    assert occurrences["pr", 1, 0] == 2 and occurrences["rx", 4, 3] == 2


def test_a_sample_of_a_cohort():
    run, cohort = run_of(made()), cohort_of(PATIENTS * 5)
    first, again, other = (explain_cohort(run, cohort, 6, seed) for seed in (0, 0, 1))
    assert first.rows.tolist() == again.rows.tolist() != other.rows.tolist()
    assert len(set(first.rows.tolist())) == 6
    assert len(explain_cohort(run, cohort, 50).rows) == 20
    assert explain_cohort(run, cohort_of([[[]]])).pairs == []
    for wrong in ({"limit": -1}, {"seed": -1}):
        with pytest.raises(InputError, match="must be 0 or more"):
            explain_cohort(run, cohort, **wrong)


def test_reprs_are_short():
    found = attribution.contributions(made(), pickled.from_lists(PATIENTS))
    counts = "4 patients, 10 diagnoses, 9 medications, 6 procedures"
    assert re.fullmatch(rf"Contributions\({counts}, largest gap \S+\)", repr(found))
    pairs = explain_cohort(run_of(made()), cohort_of(PATIENTS))
    assert repr(pairs) == f"CohortExplanation(4 patients, {len(pairs.pairs)} pairs)"


def test_pairs_as_a_data_frame():
    found = explain_cohort(run_of(made(seed=4)), cohort_of(PATIENTS))
    frame = found.to_frame()
    assert list(frame) == list(COLUMNS)
    assert frame["order_index"].tolist() == [pair.order for pair in found.pairs]
    assert frame["importance"].tolist() == [pair.importance for pair in found.pairs]
