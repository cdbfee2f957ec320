"""The recurrence of a bidirectional GRU, forward and backward, over the steps that any row of a batch has.

Both directions run in one loop of as many steps as the longest sequence has, whatever the padding. The gradient is
written out because automatic differentiation of a scan adds up the gradient of the weights step by step, which moves
the whole weight matrix through memory at every step; here the loop hands on the gradient of the gates alone, and
one matrix product afterwards gives that of the weights.

H channels have 3 H gates in the order reset, update, new. Arrays "in loop order", [steps, 2 directions, B, ...], hold
at time t what the loop handles in its t-th turn: step t of direction 0 and step (longest - 1 - t) of direction 1.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from fact_jax.ops.arrays import Array


@jax.custom_vjp
def bidirectional_gru(
    gates: Float[Array, "2 steps B gates"],
    lengths: Int[Array, " B"],
    kernel: Float[Array, "2 H gates"],
    bias: Float[Array, "2 gates"],
) -> Float[Array, "2 steps B H"]:
    """Runs h' = (1 - z) n + z h in both directions from h = 0; gives the states, 0 beyond a row's length.

    r = sigmoid(gates_r + h W_r + b_r), z likewise, n = tanh(gates_n + r (h W_n + b_n)), of a kernel W and a bias b.
    `gates` are the projected input with its bias; direction 1 runs from the end to the start.
    """
    return _step_order(_forward(gates, lengths, kernel, bias, keep=False)[0], lengths)


def _loop_order(values, lengths):
    """[2, steps, B, E] -> [steps, 2, B, E] in the order of the loop; 0 where all rows have ended."""
    return jnp.stack(_turned(values[0], values[1], lengths), axis=1)


def _step_order(values, lengths):
    """The inverse of `_loop_order`."""
    return jnp.stack(_turned(values[:, 0], values[:, 1], lengths))


def _turned(forward, backward, lengths):
    time = jnp.arange(forward.shape[0])
    longest = jnp.max(lengths)
    running = (time < longest)[:, None, None]
    backward = backward[jnp.maximum(longest - 1 - time, 0)]
    return jnp.where(running, forward, 0.0), jnp.where(running, backward, 0.0)


def _valid(num_steps, lengths):
    """Whether a row has the step of a turn of the loop: bool [steps, 2, B, 1], in loop order."""
    time = jnp.arange(num_steps)[:, None]
    return jnp.stack([time < lengths, jnp.max(lengths) - 1 - time < lengths], axis=1)[..., None]


def _at(values, time):
    return jax.lax.dynamic_index_in_dim(values, time, 0, keepdims=False)


def _set(values, entry, time):
    return jax.lax.dynamic_update_index_in_dim(values, entry, time, 0)


def _forward(gates, lengths, kernel, bias, keep):
    """States in loop order, 0 at steps that a row lacks; with `keep` also [steps, 2, B, 4 H]: r, z, n, h W_n + b_n."""
    _, num_steps, num_rows, _ = gates.shape
    hidden = kernel.shape[1]
    gates, valid = _loop_order(gates, lengths), _valid(num_steps, lengths)

    def turn(time, carry):
        state, states, kept = carry
        gate = _at(gates, time)
        product = jnp.einsum("dbh,dhg->dbg", state, kernel) + bias[:, None]
        both = jax.nn.sigmoid(gate[..., : 2 * hidden] + product[..., : 2 * hidden])
        reset, update, recurrent = both[..., :hidden], both[..., hidden:], product[..., 2 * hidden :]
        new = jnp.tanh(gate[..., 2 * hidden :] + reset * recurrent)
        # Direction 1 meets the padding first: the state is still 0 there, and in direction 0 nothing follows it.
        state = jnp.where(_at(valid, time), (1.0 - update) * new + update * state, 0.0)
        if keep:
            kept = _set(kept, jnp.concatenate([both, new, recurrent], axis=-1), time)
        return state, _set(states, state, time), kept

    state = jnp.zeros((2, num_rows, hidden), gates.dtype)
    states = jnp.zeros((num_steps, *state.shape), gates.dtype)
    kept = jnp.zeros((num_steps, 2, num_rows, 4 * hidden), gates.dtype) if keep else None
    _, states, kept = jax.lax.fori_loop(0, jnp.max(lengths), turn, (state, states, kept))
    return states, kept


def _save(gates, lengths, kernel, bias):
    states, kept = _forward(gates, lengths, kernel, bias, keep=True)
    return _step_order(states, lengths), (states, kept, lengths, kernel)


def _backward(residuals, cotangent):
    states, kept, lengths, kernel = residuals
    num_steps, _, num_rows, hidden = states.shape
    cotangent, valid = _loop_order(cotangent, lengths), _valid(num_steps, lengths)
    before = jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])
    transposed = jnp.swapaxes(kernel, 1, 2)
    longest = jnp.max(lengths)

    def turn(count, carry):
        d_state, d_all = carry
        time = longest - 1 - count
        reset, update, new, recurrent = jnp.split(_at(kept, time), 4, axis=-1)
        d_state = jnp.where(_at(valid, time), d_state + _at(cotangent, time), 0.0)
        d_new = d_state * (1.0 - update) * (1.0 - jnp.square(new))
        d_reset = d_new * recurrent * reset * (1.0 - reset)
        d_update = d_state * (_at(before, time) - new) * update * (1.0 - update)
        d_product = jnp.concatenate([d_reset, d_update, d_new * reset], axis=-1)
        d_all = _set(d_all, jnp.concatenate([d_product, d_new], axis=-1), time)
        return d_state * update + jnp.einsum("dbg,dgh->dbh", d_product, transposed), d_all

    start = jnp.zeros((2, num_rows, hidden), kept.dtype)
    _, d_all = jax.lax.fori_loop(0, longest, turn, (start, jnp.zeros_like(kept)))
    d_products = d_all[..., : 3 * hidden]
    d_gates = jnp.concatenate([d_all[..., : 2 * hidden], d_all[..., 3 * hidden :]], axis=-1)
    d_kernel = jnp.einsum("pdbh,pdbg->dhg", before, d_products)
    return _step_order(d_gates, lengths), None, d_kernel, jnp.sum(d_products, axis=(0, 2))


bidirectional_gru.defvjp(_save, _backward)
