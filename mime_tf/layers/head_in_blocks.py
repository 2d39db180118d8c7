"""The loss of a linear head on many rows, computed block by block, so that no tensor holds the logits of all rows."""

import tensorflow as tf

# Most logits of a block, 2 MB of float32: they stay in a core's cache between the products that make and read them.
MOST_LOGITS = 1 << 19


def head_in_blocks(loss, head, inputs, codes, weights):
    """Returns the weighted sum over rows of a loss of a head's logits.

    The gradient is computed along with the sum, from the same logits. All is float32 whatever the layer's dtype policy:
    float16 does not hold a gradient that is divided by a large vocabulary.

    Args:
        loss: function of logits (rows, units) and codes, as `codes` but of fewer rows, to the losses (rows,).
        head: a built `keras.layers.Dense` without activation.
        inputs: float tensor of shape (N, F).
        codes: integer tensor of shape (N,) or (N, R), the targets, or -1 for none.
        weights: float32 tensor of shape (N,).

    Returns:
        Scalar, float32.
    """
    inputs = tf.cast(inputs, tf.float32)
    blocks, size = _division(tf.shape(inputs)[0], max(1, MOST_LOGITS // head.units))
    codes, weights = _divided(codes, blocks, size, -1), _divided(weights, blocks, size)

    @tf.custom_gradient
    def total(inputs, kernel, bias):
        rows = _divided(inputs, blocks, size)

        def add_block(block, value, *gradients):
            arguments = [rows[block], kernel, bias]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(arguments)
                logits = tf.matmul(arguments[0], kernel) + bias
                part = tf.reduce_sum(weights[block] * loss(logits, codes[block]))
            by_rows, *by_weights = tape.gradient(part, arguments)
            of_rows, *of_weights = gradients
            added = (old + new for old, new in zip(of_weights, by_weights, strict=True))
            return block + 1, value + part, of_rows.write(block, by_rows), *added

        of_rows = tf.TensorArray(tf.float32, blocks, element_shape=[None, inputs.shape[1]])
        start = (0, 0.0, of_rows, tf.zeros_like(kernel), tf.zeros_like(bias))
        _, value, by_inputs, by_kernel, by_bias = tf.while_loop(
            lambda block, *_: block < blocks, add_block, start, maximum_iterations=blocks, parallel_iterations=2
        )
        by_inputs = by_inputs.concat()[: tf.shape(inputs)[0]]
        return value, lambda upstream: (upstream * by_inputs, upstream * by_kernel, upstream * by_bias)

    return total(inputs, tf.convert_to_tensor(head.kernel), tf.convert_to_tensor(head.bias))


def _division(rows, most):
    """Returns the least number of blocks of at most `most` rows, and the rows of each, all but equal to the others'."""
    blocks = tf.maximum((rows + most - 1) // most, 1)
    return blocks, (rows + blocks - 1) // blocks


def _divided(values, blocks, size, padding=0):
    """Returns the rows of `values` as (blocks, size, ...), filled up at the end."""
    missing = blocks * size - tf.shape(values)[0]
    padded = tf.pad(values, [[0, missing], *[[0, 0]] * (len(values.shape) - 1)], constant_values=padding)
    return tf.reshape(padded, tf.concat([[blocks, size], tf.shape(values)[1:]], axis=0))
