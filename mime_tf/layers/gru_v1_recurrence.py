"""The loop of the TensorFlow 1.x GRU and its gradient, both written out.

TensorFlow's own gradient of such a loop forms a product for the recurrent kernel at every step and adds it up.
Here the loop keeps its gates, the gradient's loop yields what flows into them, and the gradients of both kernels are
matrix products after it. A step reads its projected inputs where they stand: laid out in time they would be the largest
tensors of all.
"""

import tensorflow as tf

# Of the hard sigmoid of TensorFlow 1.x, `gru_v1_cell.hard_sigmoid_v1`: clip(SLOPE x + OFFSET, 0, 1). What is linear in
# x is applied to the narrow factors of x's products, not to x.
SLOPE, OFFSET = 0.2, 0.5


def gru_v1(inputs, kernel, recurrent_kernel, bias, steps, every=False):
    """Returns the state after the last step, or after each; see `GRUV1Cell` for the equations.

    Args:
        inputs: float tensor of shape (rows, F), different inputs.
        kernel: float tensor of shape (F, 3H), columns in the order z, g, h.
        recurrent_kernel: float tensor of shape (H, 3H), likewise.
        bias: float tensor of shape (3H,).
        steps: int32 tensor of shape (T, B), the row of `inputs` that a step takes; where it is -1 the state stays as it
            was.
        every: whether to return the state after every step.

    Returns:
        Tensor of shape (B, H), or (T, B, H).
    """

    @tf.custom_gradient
    def run(inputs, kernel, recurrent_kernel, bias):
        first, step = _recurrence(inputs, kernel, recurrent_kernel, bias, steps)
        count = tf.shape(steps)[0]
        last, before, z, g, candidates = _scan(step, first, count, outputs=4)

        def gradient(upstream):
            # It may be sparse, as that of a gather is, or of a shape not known before, neither of which a loop takes.
            shape = [None, *first.shape] if every else first.shape
            upstream = tf.ensure_shape(tf.convert_to_tensor(upstream), shape)
            kernel_z, kernel_g, kernel_h = tf.split(recurrent_kernel, 3, axis=1)
            to_z, to_g = (before - candidates) * _slope(z), before * _slope(g)
            to_candidate = (1 - z) * (1 - candidates * candidates)

            def step_back(carried, t):
                arriving = carried + upstream[t] if every else carried
                into_z, into_candidate = arriving * to_z[t], arriving * to_candidate[t]
                into_reset = tf.matmul(into_candidate, kernel_h, transpose_b=True)
                into_g = into_reset * to_g[t]
                through_z = tf.matmul(into_z, kernel_z, transpose_b=True)
                through_g = tf.matmul(into_g, kernel_g, transpose_b=True)
                carried = tf.add_n([arriving * z[t], into_reset * g[t], through_z, through_g])
                return carried, (into_z, into_g, into_candidate)

            _, *into = _scan(step_back, first if every else upstream, count, outputs=3, backwards=True)
            to_recurrent_kernel = tf.concat(
                [_product_over_steps(*pair) for pair in zip((before, before, g * before), into, strict=True)], axis=1
            )
            rows = tf.shape(inputs)[0]
            into = tf.concat([tf.math.unsorted_segment_sum(part, steps, rows) for part in into], axis=1)
            to_inputs = tf.matmul(into, kernel, transpose_b=True)
            to_kernel = tf.matmul(inputs, into, transpose_a=True)
            return to_inputs, to_kernel, to_recurrent_kernel, tf.reduce_sum(into, axis=0)

        return tf.concat([before[1:], last[tf.newaxis]], axis=0) if every else last, gradient

    return run(inputs, kernel, recurrent_kernel, bias)


def gru_v1_scoring(inputs, kernel, recurrent_kernel, bias, steps):
    """Returns the state after the last step, (B, H), and keeps no other.

    It is that of `gru_v1`, which has the arguments. Its gradient is TensorFlow's own: the same, but slow.
    """
    first, step = _recurrence(inputs, kernel, recurrent_kernel, bias, steps)
    (last,) = _loop(lambda t, state: step(state, t)[:1], [first], tf.shape(steps)[0])
    return last


def _recurrence(inputs, kernel, recurrent_kernel, bias, steps):
    """Returns the first state and the step.

    The step goes from a state and a step's number to the new state and what is worth keeping: the state before it, both
    gates and the candidate. The gates are computed apart, and the candidate in halves, because two products run at the
    same time where TensorFlow would leave one of twice their size to a single thread.
    """
    z_table, g_table, h_table = _projected(inputs, kernel, bias)
    rows = tf.where(steps < 0, tf.shape(inputs)[0], steps)
    kernel_z, kernel_g, kernel_h = tf.split(recurrent_kernel, 3, axis=1)
    units = kernel_h.shape[1]
    left, right = kernel_h[:, : units // 2], kernel_h[:, units // 2 :]

    def step(state, t):
        row, scaled = rows[t], SLOPE * state
        z = _clip(tf.gather(z_table, row) + scaled @ kernel_z)
        g = _clip(tf.gather(g_table, row) + scaled @ kernel_g)
        through = g * state
        candidate = tf.tanh(tf.gather(h_table, row) + tf.concat([through @ left, through @ right], axis=1))
        return z * state + (1 - z) * candidate, (state, z, g, candidate)

    return tf.zeros([tf.shape(steps)[1], units], inputs.dtype), step


def _projected(inputs, kernel, bias):
    """Returns what of a step no state goes into, for z, g and the candidate, each of shape (rows + 1, H).

    The last row is that of a step to skip. It holds z at exactly 1, where h' = h and the gradient passes by as at any
    gate at its bound.
    """
    inputs = tf.pad(inputs, [[0, 1], [0, 0]])
    (kernel_z, bias_z), (kernel_g, bias_g), (kernel_h, bias_h) = zip(
        tf.split(kernel, 3, axis=1), tf.split(bias, 3), strict=True
    )
    scaled = SLOPE * inputs
    z = scaled @ kernel_z + (SLOPE * bias_z + OFFSET)
    z = tf.concat([z[:-1], tf.fill([1, z.shape[1]], tf.constant(z.dtype.max / 2, z.dtype))], axis=0)
    return z, scaled @ kernel_g + (SLOPE * bias_g + OFFSET), inputs @ kernel_h + bias_h


def _slope(gate):
    """The hard sigmoid's: `SLOPE` where a gate is between its bounds, and 0 at them."""
    return tf.where((gate > 0) & (gate < 1), tf.constant(SLOPE, gate.dtype), tf.constant(0, gate.dtype))


def _clip(x):
    """Clips to [0, 1], in one operation."""
    return tf.raw_ops.ClipByValue(t=x, clip_value_min=tf.zeros([], x.dtype), clip_value_max=tf.ones([], x.dtype))


def _scan(step, initial, count, outputs, backwards=False):
    """Runs `state, found = step(state, t)` over all steps t.

    Returns:
        The last state, and what was found, each shaped as the state, stacked by step.
    """

    def body(i, state, *arrays):
        t = count - 1 - i if backwards else i
        state, found = step(state, t)
        return state, *(array.write(t, value) for array, value in zip(arrays, found, strict=True))

    arrays = [tf.TensorArray(initial.dtype, count, element_shape=initial.shape) for _ in range(outputs)]
    last, *arrays = _loop(body, [initial, *arrays], count)
    return last, *(array.stack() for array in arrays)


def _loop(body, initial, count):
    """Runs `values = body(i, *values)` for each i below `count`; returns the last values."""
    _, *values = tf.while_loop(
        lambda i, *_: i < count,
        lambda i, *values: (i + 1, *body(i, *values)),
        (0, *initial),
        maximum_iterations=count,
        parallel_iterations=1,
    )
    return values


def _product_over_steps(left, right):
    """Sum over steps and batch of the outer products: (T, B, M) and (T, B, N) give (M, N)."""
    flat_left = tf.reshape(left, [-1, left.shape[-1]])
    return tf.matmul(flat_left, tf.reshape(right, [-1, right.shape[-1]]), transpose_a=True)
