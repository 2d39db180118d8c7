"""The TensorFlow 1.x GRU over all steps, and its gradient as a second loop.

Widths: B patients, T steps, F inputs, H units. W (F, 3H), U (H, 3H) and b (3H,) hold columns for the gates z and g and
for the candidate c. `hs(x) = clip(0.2 x + 0.5, 0, 1)`, `*` is element-wise, and h_0 is 0.

Forward, for t = 1 ... T, with x_t (B, F); each result is (B, H):

    z_t = hs(x_t W_z + h_{t-1} U_z + b_z)
    g_t = hs(x_t W_g + h_{t-1} U_g + b_g)
    c_t = tanh(x_t W_c + (g_t * h_{t-1}) U_c + b_c)
    h_t = z_t * h_{t-1} + (1 - z_t) * c_t

Backward, for t = T ... 1. `d` is the gradient of the loss: dh_t (B, H) by the state, da_t (B, H) by the argument of hs
or tanh, dr_t (B, H) by the reset state g_t * h_{t-1}. hs'(a) is 0.2 where the gate is between 0 and 1, else 0:

    da_z = dh_t * (h_{t-1} - c_t) * hs'(a_z)
    da_c = dh_t * (1 - z_t) * (1 - c_t * c_t)
    dr_t = da_c U_c^T
    da_g = dr_t * h_{t-1} * hs'(a_g)
    dh_{t-1} = dh_t * z_t + dr_t * g_t + da_z U_z^T + da_g U_g^T   (+ the gradient of output t-1, with all states)

After the loop, with the T steps of all patients as rows (TB, ...), and da = [da_z, da_g, da_c] (TB, 3H):

    dU_z = h^T da_z,   dU_g = h^T da_g,   dU_c = (g * h)^T da_c   (h: the states before the steps)
    dx = da W^T,   dW = x^T da,   db = sum of the rows of da

TensorFlow's own gradient of the forward loop forms a product for dU at every step and adds it up. Here dU is three
products after the loop. Steps that share an input share its projection, and their da are added before dx and dW.
"""

import typing

import tensorflow as tf

# Slope and offset of the hard sigmoid of TensorFlow 1.x, `gru_v1_cell.hard_sigmoid_v1`. The slope is applied once, to a
# factor of the products.
SLOPE, OFFSET = 0.2, 0.5


def gru_v1(inputs, kernel, recurrent_kernel, bias, steps, return_sequences=False):
    """Returns the state after the last step, or after each step.

    Args:
        inputs: float tensor of shape (rows, F), distinct inputs.
        kernel: W, float tensor of shape (F, 3H), columns in the order z, g, c.
        recurrent_kernel: U, float tensor of shape (H, 3H), columns in the same order.
        bias: b, float tensor of shape (3H,).
        steps: int32 tensor of shape (T, B), the row of `inputs` that each step takes, or -1 for a masked step, which
            leaves the state unchanged.
        return_sequences: whether to return the state after every step.

    Returns:
        Tensor of shape (B, H), or (T, B, H) with `return_sequences`.
    """

    @tf.custom_gradient
    def recurrence(inputs, kernel, recurrent_kernel, bias):
        last, trace = _forward(inputs, kernel, recurrent_kernel, bias, steps)
        states = tf.concat([trace.previous[1:], last[tf.newaxis]], axis=0) if return_sequences else last

        def gradient(d_states):
            # A gradient may arrive sparse, as from a gather, or without a static shape; a loop takes neither.
            shape = [None, *last.shape] if return_sequences else last.shape
            d_states = tf.ensure_shape(tf.convert_to_tensor(d_states), shape)
            return _backward(d_states, trace, inputs, kernel, recurrent_kernel, steps)

        return states, gradient

    return recurrence(inputs, kernel, recurrent_kernel, bias)


def gru_v1_scoring(inputs, kernel, recurrent_kernel, bias, steps):
    """Returns the state after the last step, (B, H), and keeps no other state in memory.

    The arguments are those of `gru_v1`. The gradient is TensorFlow's own: the same values, at a higher cost.
    """
    initial, step = _recurrence(inputs, kernel, recurrent_kernel, bias, steps)
    (last,) = _loop(lambda t, state: step(state, t)[:1], [initial], tf.shape(steps)[0])
    return last


class _Trace(typing.NamedTuple):
    """The results of the forward loop that the backward loop reads, each of shape (T, B, H)."""

    previous: tf.Tensor  # the state before each step
    z: tf.Tensor
    g: tf.Tensor
    candidate: tf.Tensor


def _forward(inputs, kernel, recurrent_kernel, bias, steps):
    """Runs the forward equations; returns the last state, (B, H), and the `_Trace`."""
    initial, step = _recurrence(inputs, kernel, recurrent_kernel, bias, steps)
    last, *trace = _scan(step, initial, tf.shape(steps)[0], outputs=4)
    return last, _Trace(*trace)


def _backward(d_states, trace, inputs, kernel, recurrent_kernel, steps):
    """Runs the backward equations; returns the gradients by inputs, kernel, recurrent kernel and bias.

    Args:
        d_states: gradient by the last state, (B, H), or by all states, (T, B, H).
        trace: `_Trace` of the forward loop.
        inputs: as for `gru_v1`.
        kernel: as for `gru_v1`.
        recurrent_kernel: as for `gru_v1`.
        steps: as for `gru_v1`.
    """
    previous, z, g, candidate = trace
    # Transposed once, because a product with a transposed factor takes longer at every step.
    by_z, by_g, by_c = tf.split(tf.transpose(recurrent_kernel), 3)
    z_factor, g_factor = (previous - candidate) * _slope(z), previous * _slope(g)
    c_factor = (1 - z) * (1 - candidate * candidate)
    all_states = d_states.shape.rank == 3

    def step_back(d_state, t):
        d_state = d_state + d_states[t] if all_states else d_state
        da_z, da_c = d_state * z_factor[t], d_state * c_factor[t]
        d_reset = da_c @ by_c
        da_g = d_reset * g_factor[t]
        return tf.add_n([d_state * z[t], d_reset * g[t], da_z @ by_z, da_g @ by_g]), (da_z, da_g, da_c)

    start = tf.zeros(tf.shape(d_states)[1:], d_states.dtype) if all_states else d_states
    _, *da = _scan(step_back, start, tf.shape(steps)[0], outputs=3, backwards=True)
    factors = (previous, previous, g * previous)
    d_recurrent_kernel = tf.concat([_product_over_steps(*pair) for pair in zip(factors, da, strict=True)], axis=1)
    rows = tf.shape(inputs)[0]
    da = tf.concat([tf.math.unsorted_segment_sum(part, steps, rows) for part in da], axis=1)
    d_inputs, d_kernel = tf.matmul(da, kernel, transpose_b=True), tf.matmul(inputs, da, transpose_a=True)
    return d_inputs, d_kernel, d_recurrent_kernel, tf.reduce_sum(da, axis=0)


def _recurrence(inputs, kernel, recurrent_kernel, bias, steps):
    """Returns the initial state, (B, H), and the function of one step.

    The function takes a state and the number of the step; it returns the new state and the step's part of the `_Trace`.
    It computes the gates in two products and the candidate in two halves: TensorFlow runs two products concurrently,
    but leaves one of twice their size to a single thread.
    """
    rows = tf.where(steps < 0, tf.shape(inputs)[0], steps)
    projected_z, projected_g, projected_c = (tf.gather(part, rows) for part in _project(inputs, kernel, bias))
    recurrent_z, recurrent_g, recurrent_c = tf.split(recurrent_kernel, 3, axis=1)
    recurrent_z, recurrent_g = SLOPE * recurrent_z, SLOPE * recurrent_g
    units = recurrent_c.shape[1]
    left, right = recurrent_c[:, : units // 2], recurrent_c[:, units // 2 :]

    def step(state, t):
        z = _clip(projected_z[t] + state @ recurrent_z)
        g = _clip(projected_g[t] + state @ recurrent_g)
        reset = g * state
        candidate = tf.tanh(projected_c[t] + tf.concat([reset @ left, reset @ right], axis=1))
        return z * state + (1 - z) * candidate, (state, z, g, candidate)

    return tf.zeros([tf.shape(steps)[1], units], inputs.dtype), step


def _project(inputs, kernel, bias):
    """Returns x W + b for z, g and c, each of shape (rows + 1, H), those of z and g scaled for the hard sigmoid.

    The last row serves masked steps. Its z is exactly 1 after clipping, so that h_t = h_{t-1}, and the gradient
    passes as at any gate at its bound.
    """
    inputs = tf.pad(inputs, [[0, 1], [0, 0]])
    (kernel_z, bias_z), (kernel_g, bias_g), (kernel_c, bias_c) = zip(
        tf.split(kernel, 3, axis=1), tf.split(bias, 3), strict=True
    )
    scaled = SLOPE * inputs
    z = scaled @ kernel_z + (SLOPE * bias_z + OFFSET)
    z = tf.concat([z[:-1], tf.fill([1, z.shape[1]], tf.constant(z.dtype.max / 2, z.dtype))], axis=0)
    return z, scaled @ kernel_g + (SLOPE * bias_g + OFFSET), inputs @ kernel_c + bias_c


def _slope(gate):
    """Slope of the hard sigmoid: `SLOPE` where the gate is between its bounds, 0 at them."""
    return tf.where((gate > 0) & (gate < 1), tf.constant(SLOPE, gate.dtype), tf.constant(0, gate.dtype))


def _clip(x):
    """Clips to [0, 1] in one operation."""
    return tf.raw_ops.ClipByValue(t=x, clip_value_min=tf.zeros([], x.dtype), clip_value_max=tf.ones([], x.dtype))


def _scan(step, initial, count, outputs, backwards=False):
    """Runs `state, values = step(state, t)` for t from 0 to `count - 1`, or from there down to 0.

    Returns:
        The last state, and each of the `outputs` values stacked by step: (count, *state.shape).
    """

    def body(i, state, *arrays):
        t = count - 1 - i if backwards else i
        state, values = step(state, t)
        return state, *(array.write(t, value) for array, value in zip(arrays, values, strict=True))

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
    """Returns the sum over steps and patients of outer products: (T, B, M) and (T, B, N) give (M, N)."""
    flat_left = tf.reshape(left, [-1, left.shape[-1]])
    return tf.matmul(flat_left, tf.reshape(right, [-1, right.shape[-1]]), transpose_a=True)
