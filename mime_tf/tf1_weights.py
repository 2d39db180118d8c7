"""The authors' program's variables: their names, and a model's weights under those names."""

import os

import numpy as np

from mime_tf.errors import InputError

RECURRENT = "emb2rnn/"


def variables(model):
    """Returns a MiME model's variables under the names of the authors' program.

    The recurrent variables, whose prefix differs between checkpoints, are named from `emb2rnn/` on.

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
    """Gives `model` the weights that a file holds under the authors' program's names.

    Auxiliary heads in `weights` are passed over when the model has none.

    Args:
        model: MiME, built.
        weights: dict from name to array, as `read_checkpoint` or `read_npz` returns it.
        source: the file's name, for errors.

    Raises:
        InputError: the model is not of the authors' kind, a variable is missing, or a shape differs.
    """
    if model.rnn_cell != "gru_v1":
        raise InputError(f"{source}: holds a gru_v1 recurrence; rnn_cell is {model.rnn_cell}, it must be gru_v1")
    wanted = variables(model)
    for name, variable in wanted.items():
        if name not in weights:
            raise InputError(f"{source}: no variable {name}; it holds {', '.join(sorted(weights)) or 'none'}")
        if weights[name].dtype.kind != "f" or not np.isfinite(weights[name]).all():
            raise InputError(f"{source}: {name} holds {weights[name].dtype}, not all of it finite numbers")
        if weights[name].shape != tuple(variable.shape):
            raise InputError(
                f"{source}: {name} has shape {list(weights[name].shape)}; this model's is {list(variable.shape)}: "
                "the sizes given or found in the data must be those the file was made with"
            )
    for name, variable in wanted.items():
        variable.assign(weights[name])


def sizes(weights, source):
    """Returns the sizes that `weights`, as `read_checkpoint` returns them, were made with, as `TrainConfig` names them.

    Raises:
        InputError: variables are missing.
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
    """Reads a TensorFlow 1.x checkpoint of the authors' program, without Adam's slots.

    Args:
        prefix: the checkpoint's path without `.index`.

    Returns:
        Dict from name to float32 array.

    Raises:
        InputError: no checkpoint there, or not one of this model.
    """
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(prefix)
        names = reader.get_variable_to_shape_map()
        found = {name: reader.get_tensor(name) for name in names if not name.endswith(("/Adam", "/Adam_1"))}
    except Exception as error:  # a damaged checkpoint makes TensorFlow raise nearly anything
        problem = str(error).splitlines()[0]
        raise InputError(f"{prefix}: not a readable TensorFlow checkpoint: {problem}") from error
    return _shortened(found, prefix)


def read_npz(path, split_seed):
    """Reads weights under the authors' names from a NumPy archive.

    Args:
        path: an `.npz` file. Names may carry the prefix `split<seed>/`, for weights that differ between splits, or
            none.
        split_seed: the split whose weights are wanted.

    Returns:
        Dict from name to array.

    Raises:
        InputError: not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            prefix = f"split{split_seed}/"
            names = [name for name in archive.files if name.startswith(prefix)]
            if not names:
                prefix, names = "", archive.files
            found = {name.removeprefix(prefix): archive[name] for name in names}
    except Exception as error:  # a damaged archive makes zipfile and NumPy raise nearly anything
        raise InputError(f"{path}: not a readable .npz file of arrays ({type(error).__name__}: {error})") from error
    return _shortened(found, os.fspath(path))


def _shortened(weights, source):
    """The weights with the recurrent variables' own prefix cut off."""
    short = {name[max(name.find(RECURRENT), 0) :]: value for name, value in weights.items()}
    if "W_emb_dx" not in short:
        raise InputError(f"{source}: holds no W_emb_dx, so these are not the weights of a MiME model")
    return short
