"""Weights under the variable names of the authors' program: reading them, and giving them to a model."""

import glob
import os

import numpy as np

from mime_tf.errors import InputError
from mime_tf.terminal import archives, reading

RECURRENT = "emb2rnn/"


def variables(model):
    """Returns the variables of a MiME model under the names of the authors' program.

    Names of the recurrent variables start with `emb2rnn/`; their prefix before it differs between checkpoints.

    Args:
        model: MiME with `rnn_cell="gru_v1"`, built.

    Returns:
        Dict from name to Keras variable.
    """
    embedding, cell = model.dxobject_embedding, model.rnn.cell
    dense = {"W_dr": embedding.dx_to_rx, "W_dp": embedding.dx_to_pr, "W_dxobj": embedding.to_dxobj}
    dense["rnn2pred"] = model.prediction
    if model.aux_heads:
        heads = model.auxiliary
        dense |= {"rnn2aux_dx": heads.dx_head, "rnn2aux_rx": heads.rx_head, "rnn2aux_pr": heads.pr_head}
    named = {
        "W_emb_dx": embedding.dx_embeddings,
        "W_emb_rx": embedding.rx_embeddings,
        "W_emb_pr": embedding.pr_embeddings,
        RECURRENT + "kernel": cell.kernel,
        RECURRENT + "recurrent_kernel": cell.recurrent_kernel,
        RECURRENT + "bias": cell.bias,
    }
    for name, layer in dense.items():
        named |= {f"{name}/kernel": layer.kernel, f"{name}/bias": layer.bias}
    return named


def assign(model, weights, source):
    """Assigns weights to a model. Weights of auxiliary heads are ignored when the model has no heads.

    Args:
        model: MiME, built.
        weights: dict from name to array, as `read_checkpoint` or `read_npz` returns it.
        source: name of the file of the weights, for errors.

    Raises:
        InputError: the model has another recurrence than the authors', or is not the authors' model (`pooling`,
            `equations`); a variable is missing, has another shape or holds values that are not finite numbers.
    """
    if model.rnn_cell != "gru_v1":
        raise InputError(f"{source}: holds a gru_v1 recurrence; rnn_cell is {model.rnn_cell}, it must be gru_v1")
    if (model.pooling, model.equations) != (("last",), "program"):
        found = f"{','.join(model.pooling)} and {model.equations}"
        raise InputError(
            f"{source}: holds weights of pooling last and equations program; they are {found}, and must be the same"
        )
    named = variables(model)
    for name, variable in named.items():
        if name not in weights:
            raise InputError(f"{source}: no variable {name}; it holds {', '.join(sorted(weights)) or 'none'}")
        if weights[name].dtype.kind != "f" or not np.isfinite(weights[name]).all():
            raise InputError(f"{source}: {name} holds {weights[name].dtype}, not all of it finite numbers")
        if weights[name].shape != tuple(variable.shape):
            raise InputError(
                f"{source}: {name} has shape {list(weights[name].shape)}; this model's is {list(variable.shape)}: "
                "the sizes given or found in the data must be those the file was made with"
            )
    for name, variable in named.items():
        variable.assign(weights[name])


def sizes(weights, source):
    """Returns the sizes of the model that weights come from, under the names of `TrainConfig`.

    Args:
        weights: dict from name to array, as `read_checkpoint` returns it.
        source: name of the file of the weights, for errors.

    Raises:
        InputError: a variable is missing or has another rank.
    """
    try:
        emb_size = weights["W_emb_dx"].shape[1]
        dxobj_emb_size = weights["W_dxobj/kernel"].shape[1]
        return {
            **{f"num_{kind}": weights[f"W_emb_{kind}"].shape[0] for kind in ("dx", "rx", "pr")},
            **{f"{kind}_emb_size": emb_size for kind in ("dx", "rx", "pr")},
            "dxobj_emb_size": dxobj_emb_size,
            "visit_emb_size": dxobj_emb_size,
            "rnn_size": weights[RECURRENT + "recurrent_kernel"].shape[0],
        }
    except (KeyError, IndexError) as error:
        raise InputError(
            f"{source}: a variable is missing or of another rank ({error}); it holds {', '.join(sorted(weights))}"
        ) from error


def read_checkpoint(prefix):
    """Reads a TensorFlow 1.x checkpoint of the authors' program, without the slots of Adam.

    Args:
        prefix: path of the checkpoint without `.index`.

    Returns:
        Dict from name to float32 array.

    Raises:
        InputError: the checkpoint can't be read, or is of another model.
    """
    import tensorflow as tf

    for path in glob.glob(glob.escape(prefix) + ".*"):
        reading.require_regular(path)
    try:
        reader = tf.train.load_checkpoint(prefix)
        names = reader.get_variable_to_shape_map()
        weights = {name: reader.get_tensor(name) for name in names if not name.endswith(("/Adam", "/Adam_1"))}
    except Exception as error:  # a damaged checkpoint makes TensorFlow raise nearly anything
        problem = str(error).splitlines()[0]
        raise InputError(f"{prefix}: not a readable TensorFlow checkpoint: {problem}") from error
    return _shorten_names(weights, prefix)


def read_npz(path, split_seed):
    """Reads weights under the authors' names from a NumPy archive.

    Args:
        path: an `.npz` file, with names as they are for all splits, or with the prefix `split<seed>/` for one split.
        split_seed: seed of the split to read the weights of.

    Returns:
        Dict from name to array.

    Raises:
        InputError: the file can't be read, or holds another model.
    """
    try:
        with archives.opened_npz(path) as archive:
            prefix = f"split{split_seed}/"
            names = [name for name in archive.files if name.startswith(prefix)]
            if not names:
                prefix, names = "", archive.files
            weights = {name.removeprefix(prefix): archive[name] for name in names}
    except InputError:
        raise
    except Exception as error:  # a damaged archive makes zipfile and NumPy raise nearly anything
        raise InputError(f"{path}: not a readable .npz file of arrays ({type(error).__name__}: {error})") from error
    return _shorten_names(weights, os.fspath(path))


def _shorten_names(weights, source):
    """Returns the weights with the names of the recurrent variables cut to start with `emb2rnn/`."""
    short = {name[max(name.find(RECURRENT), 0) :]: value for name, value in weights.items()}
    if "W_emb_dx" not in short:
        raise InputError(f"{source}: holds no W_emb_dx, so these are not the weights of a MiME model")
    return short
