"""The loop of the TensorFlow 1.x GRU and its gradient, both written out.

TensorFlow's own gradient of such a loop forms a product for the recurrent kernel at every step and adds it up.
Here the loop keeps its gates, the gradient's loop yields what flows into them, and the kernel's gradient is two matrix
products after it.
"""

import tensorflow as tf

from mime_tf.layers.gru_v1_cell import hard_sigmoid_v1


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
    kernel_gates, kernel_candidate = recurrent_kernel[:, : 2 * units], recurrent_kernel[:, 2 * units :]
    mask = mask[..., tf.newaxis]

    def step(state, t):
        projection = projected[t]
        gates = hard_sigmoid_v1(projection[:, : 2 * units] + state @ kernel_gates)
        z, g = gates[:, :units], gates[:, units:]
        candidate = tf.tanh(projection[:, 2 * units :] + (g * state) @ kernel_candidate)
        new_state = tf.where(mask[t], z * state + (1 - z) * candidate, state)
        return new_state, (new_state, gates, candidate)

    zero_state = tf.zeros_like(projected[0, :, :units])
    states, gates, candidates = _scan(step, zero_state, tf.range(tf.shape(projected)[0]), (units, 2 * units, units))

    def gradient(states_gradient):
        z, g = gates[..., :units], gates[..., units:]
        before = tf.concat([zero_state[tf.newaxis], states[:-1]], axis=0)
        inside = tf.cast((gates > 0) & (gates < 1), gates.dtype)
        gates_slope, candidate_slope = 0.2 * inside, 1 - candidates * candidates
        to_gates, to_candidate = tf.transpose(kernel_gates), tf.transpose(kernel_candidate)

        def step_back(carried, t):
            arriving = carried + states_gradient[t]
            through = tf.where(mask[t], arriving, zero_state)
            candidate_in = through * (1 - z[t]) * candidate_slope[t]
            reset_in = candidate_in @ to_candidate
            gates_in = tf.concat([through * (before[t] - candidates[t]), reset_in * before[t]], 1) * gates_slope[t]
            carried = through * z[t] + reset_in * g[t] + gates_in @ to_gates + (arriving - through)
            return carried, (gates_in, candidate_in)

        times = tf.range(tf.shape(projected)[0] - 1, -1, -1)
        gates_in, candidate_in = _scan(step_back, zero_state, times, (2 * units, units))
        gates_in, candidate_in = tf.reverse(gates_in, [0]), tf.reverse(candidate_in, [0])
        kernel_gradient = tf.concat(
            [_product_over_steps(before, gates_in), _product_over_steps(g * before, candidate_in)], axis=1
        )
        return tf.concat([gates_in, candidate_in], axis=2), kernel_gradient, None

    return states, gradient


def _scan(step, initial, times, widths):
    """Runs `state, outputs = step(state, t)` over `times` and stacks each output, of the given width, over steps."""
    count, batch = tf.shape(times)[0], initial.shape[0]

    def body(i, state, arrays):
        state, outputs = step(state, times[i])
        return i + 1, state, tuple(array.write(i, output) for array, output in zip(arrays, outputs, strict=True))

    arrays = tuple(tf.TensorArray(initial.dtype, count, element_shape=(batch, width)) for width in widths)
    _, _, arrays = tf.while_loop(
        lambda i, *_: i < count, body, (0, initial, arrays), maximum_iterations=count, parallel_iterations=1
    )
    return tuple(array.stack() for array in arrays)


def _product_over_steps(left, right):
    """Sum over steps and batch of the outer products: (T, B, M) and (T, B, N) give (M, N)."""
    flat_left = tf.reshape(left, [-1, left.shape[-1]])
    return tf.matmul(flat_left, tf.reshape(right, [-1, right.shape[-1]]), transpose_a=True)
