"""MiME in float64 NumPy, one Dx-object at a time, to compare the fast implementation with.

It follows the equations of the TensorFlow 1.14 program literally and knows nothing of padding: a slow, obvious second
opinion. A patient is a list of visits, a visit a list of Dx-objects `[dx, [rx ...], [pr ...]]`; a visit may be empty.
`weights` maps the variable names of the authors' program to arrays and holds its trainable variables only, since the L2
term runs over all of them. The three of the recurrent cell are recognized by `emb2rnn/`, with any prefix before it.
Widths: E of an embedding, O of a Dx-object and of a visit, H of the recurrent state.
"""

import numpy as np


def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(x, dtype=np.float64)))


def relu(x):
    """The larger of `x` and 0."""
    return np.maximum(x, 0.0)


def hard_sigmoid(x):
    """clip(0.2 x + 0.5, 0, 1) of TF 1.x; the slope of Keras 3's is 1/6."""
    return np.clip(0.2 * np.asarray(x, dtype=np.float64) + 0.5, 0.0, 1.0)


ACTIVATIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": np.tanh, "linear": np.array}


# Where a weight of `mime_tf.MiME` has each of these in its path, the start of its name here.
NAMES = {
    "dxobject_embedding/dx_embeddings": "W_emb_dx",
    "dxobject_embedding/rx_embeddings": "W_emb_rx",
    "dxobject_embedding/pr_embeddings": "W_emb_pr",
    "dx_to_rx/": "W_dr/",
    "dx_to_pr/": "W_dp/",
    "to_dxobj/": "W_dxobj/",
    "cell/": "emb2rnn/",
    "prediction/": "rnn2pred/",
    "visit_transform/kernel": "W_v",
    "visit_times/": "times/",
}


def weights_of(model):
    """The weights of a `mime_tf.MiME` without heads, under the names of the authors' program, in float64."""
    weights = {}
    for weight in model.weights:
        start, name = next((start, name) for start, name in NAMES.items() if start in weight.path)
        weights[name + weight.path.partition(start)[2]] = np.asarray(weight, np.float64)
    return weights


def weights_under(arrays, prefix):
    """The arrays whose name starts with `prefix`, without it, in float64: `weights_under(npz, "init/")`."""
    return {name[len(prefix) :]: np.asarray(arrays[name], np.float64) for name in arrays if name.startswith(prefix)}


def recurrent_weights(weights):
    """Kernel [O, 3H], recurrent kernel [H, 3H] and bias [3H] of the recurrent cell, each laid out z, g, h."""
    cell = {name.split("emb2rnn/")[1]: value for name, value in weights.items() if "emb2rnn/" in name}
    return cell["kernel"], cell["recurrent_kernel"], cell["bias"]


def dense(weights, layer, x):
    """x W + b of the layer of that name."""
    return x @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"]


def dxobject_embedding(weights, dx_object, *, emb_activation, order_activation):
    """One Dx-object's embedding o, [O]. A code that is repeated in an order list counts each time."""
    a, s = ACTIVATIONS[emb_activation], ACTIVATIONS[order_activation]
    dx, rx_codes, pr_codes = dx_object
    e = a(weights["W_emb_dx"][dx])
    r = np.zeros_like(e)
    for code in rx_codes:
        r = r + a(weights["W_emb_rx"][code])
    p = np.zeros_like(e)
    for code in pr_codes:
        p = p + a(weights["W_emb_pr"][code])
    x = e + s(dense(weights, "W_dr", e)) * r + s(dense(weights, "W_dp", e)) * p
    return s(dense(weights, "W_dxobj", x)) + (x if "W_v" in weights else 0.0)


def visit_embedding(weights, visit, *, emb_activation, order_activation):
    """The sum of the visit's Dx-object embeddings, [O]: zero for an empty visit.

    With the paper's `W_v` among the weights, whose activation is tanh here, the sum is transformed and added to that.
    """
    v = sum_of_dxobjects(weights, visit, emb_activation=emb_activation, order_activation=order_activation)
    return np.tanh(v @ weights["W_v"]) + v if "W_v" in weights else v


def sum_of_dxobjects(weights, visit, *, emb_activation, order_activation):
    """The sum of Dx-object embeddings, [O]."""
    v = np.zeros(weights["W_dxobj/bias"].shape)
    for dx_object in visit:
        v = v + dxobject_embedding(weights, dx_object, emb_activation=emb_activation, order_activation=order_activation)
    return v


def visit_embeddings(weights, patient, *, emb_activation, order_activation):
    """A patient's visit embeddings, [number of visits, O]."""
    rows = [
        visit_embedding(weights, visit, emb_activation=emb_activation, order_activation=order_activation)
        for visit in patient
    ]
    return np.array(rows).reshape(len(rows), len(weights["W_dxobj/bias"]))


def gru_step(weights, v, h):
    """The recurrent state [H] after one more visit, v [O], when it was h [H] before."""
    kernel, recurrent_kernel, bias = recurrent_weights(weights)
    width = len(h)
    at_z, at_g, at_h = slice(0, width), slice(width, 2 * width), slice(2 * width, 3 * width)
    z = hard_sigmoid(v @ kernel[:, at_z] + h @ recurrent_kernel[:, at_z] + bias[at_z])
    g = hard_sigmoid(v @ kernel[:, at_g] + h @ recurrent_kernel[:, at_g] + bias[at_g])
    c = np.tanh(v @ kernel[:, at_h] + (g * h) @ recurrent_kernel[:, at_h] + bias[at_h])
    return z * h + (1.0 - z) * c


def gru_states(weights, embeddings):
    """The recurrent state after each visit, [number of visits, H], from the visit embeddings. It starts at zero."""
    width = len(recurrent_weights(weights)[1])
    h, states = np.zeros(width), []
    for v in embeddings:
        h = gru_step(weights, v, h)
        states.append(h)
    return np.array(states).reshape(len(states), width)


def distinct_dxobjects(patient):
    """The record's distinct diagnoses, each a Dx-object with the sets of all orders that it ever led to."""
    orders = {}
    for visit in patient:
        for dx, rx, pr in visit:
            of_dx = orders.setdefault(dx, (set(), set()))
            of_dx[0].update(rx)
            of_dx[1].update(pr)
    return [[dx, sorted(rx), sorted(pr)] for dx, (rx, pr) in orders.items()]


def dated(weights, embeddings, days):
    """Visit embeddings scaled and shifted by their days before the prediction and since the visit before."""
    result, before = [], np.inf
    for v, day in zip(embeddings, days, strict=True):
        t = np.array([0.5 ** (age / halving) for age in (day, before - day) for halving in (30, 365)])
        result.append(v * (1 + t @ weights["times/scale"]) + t @ weights["times/shift"])
        before = day
    return np.array(result).reshape(embeddings.shape)


def patient_vector(weights, patient, *, pooling=("last",), days=None, attributes=(), **activations):
    """The views of a patient's record, one after the other, and the attributes of the patient."""
    embeddings = visit_embeddings(weights, patient, **activations)
    embeddings = embeddings if days is None else dated(weights, embeddings, days)
    views = {
        "last": lambda: gru_states(weights, embeddings)[-1],
        "sum": lambda: embeddings.sum(axis=0),
        "mean": lambda: embeddings.mean(axis=0),
        "max": lambda: embeddings.max(axis=0),
        "distinct": lambda: sum_of_dxobjects(weights, distinct_dxobjects(patient), **activations),
    }
    return np.concatenate([*(views[name]() for name in pooling), attributes])


def probabilities(weights, patients, *, days=None, attributes=None, **options):
    """Each patient's predicted probability, [B]; by default of the state after the patient's own last visit.

    `days` and `attributes` are those of the model that reads them, one list for each patient.
    """
    days, attributes = days or [None] * len(patients), attributes or [()] * len(patients)
    vectors = [
        patient_vector(weights, patient, days=its_days, attributes=its_attributes, **options)
        for patient, its_days, its_attributes in zip(patients, days, attributes, strict=True)
    ]
    return np.array([sigmoid(dense(weights, "rnn2pred", vector))[0] for vector in vectors])


def main_loss(predicted, labels):
    """Mean binary cross-entropy over the batch, with the reference's 1e-10 inside the logs."""
    terms = [-np.log((p if label else 1.0 - p) + 1e-10) for p, label in zip(predicted, labels, strict=True)]
    return np.mean(terms)


def softmax_cross_entropy(logits, code):
    """-log softmax(logits)[code]."""
    return np.logaddexp.reduce(logits) - logits[code]


def set_cross_entropy(logits, codes):
    """Sigmoid cross-entropy of the logits with the SET of codes, averaged over the vocabulary."""
    signs = np.array([-1.0 if code in codes else 1.0 for code in range(len(logits))])
    return np.mean(np.logaddexp(0.0, signs * logits))


def auxiliary_losses(weights, patients, *, emb_activation, order_activation, max_dx_per_visit):
    """The losses that predict dx, rx and pr back from each Dx-object, averaged over all slots, padding included.

    A batch has (its longest visit count) x (its size) x max_dx_per_visit slots. One that holds no Dx-object adds 0 to
    dx and log 2 to rx and to pr.
    """
    aux_dx, aux_rx, aux_pr, filled = 0.0, 0.0, 0.0, 0
    for patient in patients:
        for visit in patient:
            if len(visit) > max_dx_per_visit:
                raise ValueError(f"`max_dx_per_visit` must be at least {len(visit)}. Received: {max_dx_per_visit}")
            for dx_object in visit:
                o = dxobject_embedding(
                    weights, dx_object, emb_activation=emb_activation, order_activation=order_activation
                )
                dx, rx_codes, pr_codes = dx_object
                aux_dx += softmax_cross_entropy(dense(weights, "rnn2aux_dx", o), dx)
                aux_rx += set_cross_entropy(dense(weights, "rnn2aux_rx", o), rx_codes)
                aux_pr += set_cross_entropy(dense(weights, "rnn2aux_pr", o), pr_codes)
                filled += 1
    slots = max(len(patient) for patient in patients) * len(patients) * max_dx_per_visit
    padding = (slots - filled) * np.log(2.0)
    return {"aux_dx": aux_dx / slots, "aux_rx": (aux_rx + padding) / slots, "aux_pr": (aux_pr + padding) / slots}


def l2(weights):
    """The bare sum of squares of every variable of rank 2 or more: no biases, not halved."""
    return sum(np.sum(np.square(value)) for value in weights.values() if np.ndim(value) >= 2)


def losses(
    weights,
    patients,
    labels,
    *,
    emb_activation,
    order_activation,
    regularize,
    aux_lambda,
    max_dx_per_visit,
):
    """Of a batch: `probabilities` [B], `main`, `aux_dx`, `aux_rx`, `aux_pr`, `l2` (bare) and `total`."""
    activations = {"emb_activation": emb_activation, "order_activation": order_activation}
    predicted = probabilities(weights, patients, **activations)
    main = main_loss(predicted, labels)
    aux = auxiliary_losses(weights, patients, max_dx_per_visit=max_dx_per_visit, **activations)
    squares = l2(weights)
    total = aux_lambda * sum(aux.values()) + main + regularize * squares
    return {"probabilities": predicted, "main": main, **aux, "l2": squares, "total": total}


def gradient_entry(function, weights, name, index, step=1e-6):
    """Central finite difference of `function(weights)` at the entry `index` of the variable `name`."""
    ends = []
    for shift in (step, -step):
        moved = np.array(weights[name], dtype=np.float64)
        moved[index] += shift
        ends.append(function({**weights, name: moved}))
    return (ends[0] - ends[1]) / (2.0 * step)


def adam(weights, gradients, m, v, t, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """The `t`-th (from 1) Adam step of TF 1.x: the new (weights, m, v), three dicts with the names of `weights`.

    The moments `m` and `v` start as empty dicts, which mean zeros. `epsilon` is added to the square root of the
    second moment before any correction of its bias; the learning rate takes both corrections.
    """
    rate = learning_rate * np.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
    new_weights, new_m, new_v = {}, {}, {}
    for name, value in weights.items():
        gradient = np.asarray(gradients[name], np.float64)
        new_m[name] = beta_1 * m.get(name, 0.0) + (1.0 - beta_1) * gradient
        new_v[name] = beta_2 * v.get(name, 0.0) + (1.0 - beta_2) * np.square(gradient)
        new_weights[name] = value - rate * new_m[name] / (np.sqrt(new_v[name]) + epsilon)
    return new_weights, new_m, new_v
