"""The loop of the TensorFlow 1.x GRU and its gradient, both written out.

TensorFlow's own gradient of such a loop forms a product for the recurrent kernel at every step and adds it up.
Here the loop keeps its gates, the gradient's loop yields what flows into them, and the kernel's gradient is three
matrix products after it.
"""

import numpy as np
import tensorflow as tf

# Of the hard sigmoid of TensorFlow 1.x, `gru_v1_cell.hard_sigmoid_v1`: clip(SLOPE x + OFFSET, 0, 1).
SLOPE, OFFSET = 0.2, 0.5


def project(inputs, kernel, bias):
    """Returns what of a step no state goes into.

    Args:
        inputs: float tensor of shape (..., F).
        kernel: float tensor of shape (F, 3H), columns in the order z, g, h.
        bias: float tensor of shape (3H,).

    Returns:
        Three tensors of shape (..., H): for the gates z and g `0.2 (v W + b) + 0.5`, which is to be clipped, and for
        the candidate `v W + b`.
    """
    scale, offset = np.repeat([[SLOPE, SLOPE, 1.0], [OFFSET, OFFSET, 0.0]], kernel.shape[1] // 3, axis=1)
    scale, offset = tf.constant(scale, kernel.dtype), tf.constant(offset, kernel.dtype)
    return tf.split(tf.tensordot(inputs, kernel * scale, 1) + (bias * scale + offset), 3, axis=-1)


def gru_v1_states(projected, recurrent_kernel, mask):
    """Returns the state after each step; see `GRUV1Cell` for the equations.

    Args:
        projected: the inputs as `project` returns them: three float tensors of shape (T, B, H).
        recurrent_kernel: float tensor of shape (H, 3H).
        mask: boolean tensor of shape (T, B); where it is False the state stays as it was.

    Returns:
        Tensor of shape (T, B, H).
    """

    @tf.custom_gradient
    def run(z_in, g_in, h_in, kernel_z, kernel_g, kernel_h):
        zero_state, steps, step = _recurrence(z_in, g_in, h_in, kernel_z, kernel_g, kernel_h)
        states, z, g, candidates = _scan(step, zero_state, steps, outputs=4)

        def gradient(states_gradient):
            before = tf.concat([zero_state[tf.newaxis], states[:-1]], axis=0)
            to_z, to_g = (before - candidates) * _is_inside(z), before * _is_inside(g)
            to_candidate = (1 - z) * (1 - candidates * candidates)

            def step_back(carried, t):
                arriving = carried + states_gradient[t]
                into_z, into_candidate = arriving * to_z[t], arriving * to_candidate[t]
                into_reset = tf.matmul(into_candidate, kernel_h, transpose_b=True)
                into_g = into_reset * to_g[t]
                through_z = tf.matmul(into_z, kernel_z, transpose_b=True)
                through_g = tf.matmul(into_g, kernel_g, transpose_b=True)
                carried = arriving * z[t] + into_reset * g[t] + through_z + through_g
                return carried, (into_z, into_g, into_candidate)

            into = _scan(step_back, zero_state, steps, outputs=3, backwards=True)
            return *into, *map(_product_over_steps, (before, before, g * before), into)

        return states, gradient

    return run(*_held(projected, mask), *_scaled(recurrent_kernel))


def gru_v1_last_state(projected, recurrent_kernel, mask):
    """Returns the state after the last step, (B, H), and keeps no other: for scoring.

    It is the last of `gru_v1_states`, which has the arguments. Its gradient is TensorFlow's own: the same, but slow.
    """
    zero_state, steps, step = _recurrence(*_held(projected, mask), *_scaled(recurrent_kernel))
    (state,) = _loop(lambda t, state: step(state, t)[:1], [zero_state], steps)
    return state


def _recurrence(z_in, g_in, h_in, kernel_z, kernel_g, kernel_h):
    """Returns the first state, the number of steps, and the step.

    The step goes from a state and a step's number to the new state and what is worth keeping: it, both gates and the
    candidate. The gates are computed apart, and the candidate in halves, because two products run at the same time
    where TensorFlow would leave one of twice their size to a single thread.
    """
    half = kernel_h.shape[1] // 2
    left, right = kernel_h[:, :half], kernel_h[:, half:]

    def step(state, t):
        z = _clip(z_in[t] + state @ kernel_z)
        g = _clip(g_in[t] + state @ kernel_g)
        through = g * state
        candidate = tf.tanh(h_in[t] + tf.concat([through @ left, through @ right], axis=1))
        new_state = z * state + (1 - z) * candidate
        return new_state, (new_state, z, g, candidate)

    return tf.zeros_like(h_in[0]), tf.shape(h_in)[0], step


def _held(projected, mask):
    """The projected inputs, such that z is exactly 1 where the mask is False.

    Then h' = h, and the gradient passes by as at any gate at its bound.
    """
    z_in, g_in, h_in = projected
    return tf.where(mask[..., tf.newaxis], z_in, z_in.dtype.max / 2), g_in, h_in


def _scaled(recurrent_kernel):
    """The kernels of z and g, scaled as their inputs are, and that of the candidate, each (H, H)."""
    kernel_z, kernel_g, kernel_h = tf.split(recurrent_kernel, 3, axis=1)
    return SLOPE * kernel_z, SLOPE * kernel_g, kernel_h


def _is_inside(gate):
    """1 where a gate is between its bounds, and 0 at them."""
    return tf.cast((gate > 0) & (gate < 1), gate.dtype)


def _clip(x):
    """Clips to [0, 1], in one operation."""
    return tf.raw_ops.ClipByValue(t=x, clip_value_min=tf.zeros([], x.dtype), clip_value_max=tf.ones([], x.dtype))


def _scan(step, initial, steps, outputs, backwards=False):
    """Runs `state, found = step(state, t)` over all steps t and stacks what was found, each shaped as the state."""

    def body(i, state, *arrays):
        t = steps - 1 - i if backwards else i
        state, found = step(state, t)
        return state, *(array.write(t, value) for array, value in zip(arrays, found, strict=True))

    arrays = [tf.TensorArray(initial.dtype, steps, element_shape=initial.shape) for _ in range(outputs)]
    _, *arrays = _loop(body, [initial, *arrays], steps)
    return [array.stack() for array in arrays]


def _loop(body, initial, steps):
    """Runs `values = body(i, *values)` for each i below `steps`; returns the last values."""
    _, *values = tf.while_loop(
        lambda i, *_: i < steps,
        lambda i, *values: (i + 1, *body(i, *values)),
        (0, *initial),
        maximum_iterations=steps,
        parallel_iterations=1,
    )
    return values


def _product_over_steps(left, right):
    """Sum over steps and batch of the outer products: (T, B, M) and (T, B, N) give (M, N)."""
    flat_left = tf.reshape(left, [-1, left.shape[-1]])
    return tf.matmul(flat_left, tf.reshape(right, [-1, right.shape[-1]]), transpose_a=True)
