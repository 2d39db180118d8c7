"""The loop of the TensorFlow 1.x GRU and its gradient, both written out.

TensorFlow's own gradient of such a loop forms a product for the recurrent kernel at every step and adds it up.
Here the loop keeps its gates, the gradient's loop yields what flows into them, and the kernel's gradient is two matrix
products after it.
"""

import tensorflow as tf

# Of the hard sigmoid of TensorFlow 1.x, `gru_v1_cell.hard_sigmoid_v1`.
SLOPE = 0.2


@tf.custom_gradient
def gru_v1_states(projected, recurrent_kernel, mask):
    """Returns the state after each step; see `GRUV1Cell` for the equations.

    Args:
        projected: float tensor of shape (T, B, 3H), `v W + b` of every step, gates in the order z, g, h.
        recurrent_kernel: float tensor of shape (H, 3H).
        mask: boolean tensor of shape (T, B); where it is False the state stays as it was.

    Returns:
        Tensor of shape (T, B, H).
    """
    units = recurrent_kernel.shape[0]
    kernel_gates, kernel_candidate = _halves(recurrent_kernel)
    step = _stepper(projected, recurrent_kernel, mask)

    def step_and_keep(state, t):
        state, gates, candidate = step(state, t)
        return state, (state, gates, candidate)

    zero_state, steps = _start(projected, units)
    states, gates, candidates = _scan(step_and_keep, zero_state, steps, (units, 2 * units, units))

    def gradient(states_gradient):
        z, g = tf.split(gates, 2, axis=2)
        before = tf.concat([zero_state[tf.newaxis], states[:-1]], axis=0)
        z_slope, g_slope = tf.split(SLOPE * tf.cast((gates > 0) & (gates < 1), gates.dtype), 2, axis=2)
        to_candidate = (1 - z) * (1 - candidates * candidates)
        to_z, to_g = (before - candidates) * z_slope, before * g_slope

        def step_back(carried, t):
            arriving = carried + states_gradient[t]
            into_candidate = arriving * to_candidate[t]
            into_reset = tf.matmul(into_candidate, kernel_candidate, transpose_b=True)
            into_gates = tf.concat([arriving * to_z[t], into_reset * to_g[t]], axis=1)
            through_gates = tf.matmul(into_gates, kernel_gates, transpose_b=True)
            return arriving * z[t] + into_reset * g[t] + through_gates, (into_gates, into_candidate)

        into_gates, into_candidate = _scan(step_back, zero_state, steps, (2 * units, units), backwards=True)
        kernel_gradient = tf.concat(
            [_product_over_steps(before, into_gates), _product_over_steps(g * before, into_candidate)], axis=1
        )
        return tf.concat([into_gates, into_candidate], axis=2), kernel_gradient, None

    return states, gradient


def gru_v1_last_state(projected, recurrent_kernel, mask):
    """Returns the state after the last step, (B, H), and keeps no other: for scoring.

    It is the last of `gru_v1_states`, which has the arguments. Its gradient is TensorFlow's own: the same, but slow.
    """
    step = _stepper(projected, recurrent_kernel, mask)
    zero_state, steps = _start(projected, recurrent_kernel.shape[0])
    _, state = tf.while_loop(
        lambda t, _: t < steps,
        lambda t, state: (t + 1, step(state, t)[0]),
        (0, zero_state),
        maximum_iterations=steps,
        parallel_iterations=1,
    )
    return state


def _stepper(projected, recurrent_kernel, mask):
    """Returns the function from a state and a step's number to the new state, the gates z and g, and the candidate.

    What of `hs(x) = clip(0.2 x + 0.5, 0, 1)` no state goes into is computed for all steps at once. Where the mask is
    False, z is held at exactly 1: then h' = h, and the gradient passes by as at any gate at its bound.
    """
    kernel_gates, kernel_candidate = _halves(recurrent_kernel)
    projected_gates, projected_candidate = _halves(projected)
    held = projected.dtype.max / 2
    gates_in = tf.where(mask[..., tf.newaxis], SLOPE * projected_gates + 0.5, held)
    scaled_kernel_gates = SLOPE * kernel_gates

    def step(state, t):
        gates = _clip(gates_in[t] + state @ scaled_kernel_gates)
        z, g = tf.split(gates, 2, axis=1)
        candidate = tf.tanh(projected_candidate[t] + (g * state) @ kernel_candidate)
        return z * state + (1 - z) * candidate, gates, candidate

    return step


def _halves(columns):
    """The columns of the gates z and g, (..., 2H), and those of the candidate, (..., H)."""
    units = columns.shape[-1] // 3
    return columns[..., : 2 * units], columns[..., 2 * units :]


def _start(projected, units):
    """The state before the first step, zeros of shape (B, H), and the number of steps."""
    return tf.zeros_like(projected[0, :, :units]), tf.shape(projected)[0]


def _clip(x):
    """Clips to [0, 1], in one operation."""
    return tf.raw_ops.ClipByValue(t=x, clip_value_min=tf.zeros([], x.dtype), clip_value_max=tf.ones([], x.dtype))


def _scan(step, initial, steps, widths, backwards=False):
    """Runs `state, outputs = step(state, t)` over all steps t and stacks each output, of the given width, over them."""
    batch = initial.shape[0]

    def body(i, state, arrays):
        t = steps - 1 - i if backwards else i
        state, outputs = step(state, t)
        return i + 1, state, tuple(array.write(t, output) for array, output in zip(arrays, outputs, strict=True))

    arrays = tuple(tf.TensorArray(initial.dtype, steps, element_shape=(batch, width)) for width in widths)
    _, _, arrays = tf.while_loop(
        lambda i, *_: i < steps, body, (0, initial, arrays), maximum_iterations=steps, parallel_iterations=1
    )
    return tuple(array.stack() for array in arrays)


def _product_over_steps(left, right):
    """Sum over steps and batch of the outer products: (T, B, M) and (T, B, N) give (M, N)."""
    flat_left = tf.reshape(left, [-1, left.shape[-1]])
    return tf.matmul(flat_left, tf.reshape(right, [-1, right.shape[-1]]), transpose_a=True)
