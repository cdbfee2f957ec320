"""Minimum-cost assignment inside compiled code, with SciPy's answer also among equally cheap assignments.

The published code matches with `scipy.optimize.linear_sum_assignment`. When several assignments cost the same (segments
of one class without an overlap term have equal columns), which one is returned changes the training targets, so the
order in which SciPy looks at columns is part of the numbers. Computed in float64 whatever JAX's default is: rounding
would decide ties.

Source: D. F. Crouse, "On implementing 2D rectangular assignment algorithms", IEEE TAES 52(4), 2016 (shortest augmenting
paths), in the column order of SciPy's implementation.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from fact_jax.ops.arrays import Array


class _Duals(NamedTuple):
    """Prices and partial assignment: column of every row, row of every column, -1 where there is none."""

    row_price: jax.Array
    column_price: jax.Array
    column_of_row: jax.Array
    row_of_column: jax.Array


class _Search(NamedTuple):
    """Search for the cheapest path from a free row to a free column (`sink`, -1 until found).

    `remaining[:count]` lists the columns not yet reached, in the order in which they are looked at.
    """

    remaining: jax.Array
    count: jax.Array
    distance: jax.Array
    previous_row: jax.Array
    rows_seen: jax.Array
    columns_seen: jax.Array
    row: jax.Array
    reached: jax.Array
    sink: jax.Array


def linear_sum_assignment(
    cost: Float[Array, "M S"], num_columns: int | Int[Array, ""], num_rows: int | Int[Array, ""] | None = None
) -> Int[Array, " S"]:
    """Assigns the first `num_rows` rows to the first `num_columns` columns at the smallest total cost.

    Both may be traced, 0 to S and M; `num_rows` None: M. Costs that are not finite count as 0. Gives the row of every
    column, -1 for columns without one: those from `num_columns` on, and what there is more of them than rows.
    """
    padded_rows, padded_columns = cost.shape
    size = max(padded_rows, padded_columns)
    with jax.enable_x64(True):
        num_columns = jnp.asarray(num_columns, jnp.int32)
        num_rows = jnp.asarray(padded_rows if num_rows is None else num_rows, jnp.int32)
        cost = jnp.where(jnp.isfinite(cost), cost, 0.0).astype(jnp.float64)
        cost = jnp.pad(cost, ((0, size - padded_rows), (0, size - padded_columns)))
        # As SciPy does, search from the shorter side; on equal sides from the rows.
        turned = num_columns < num_rows
        cost = jnp.where(turned, cost.T, cost)
        shorter = jnp.where(turned, num_columns, num_rows)
        longer = jnp.where(turned, num_rows, num_columns)
        nobody = jnp.full(size, -1, jnp.int32)
        prices = jnp.zeros(size, jnp.float64)
        duals = _Duals(prices, prices, nobody, nobody)

        def augment(row, duals):
            return _augment(cost, row, row < shorter, longer, duals)

        duals = jax.lax.fori_loop(jnp.int32(0), shorter, augment, duals)
        row_of_column = jnp.where(turned, duals.column_of_row, duals.row_of_column)
    return row_of_column[:padded_columns]


def _augment(cost, start, active, num_columns, duals):
    """Assigns the row `start`, moving earlier rows to other columns where that is cheaper.

    Under `vmap` this also runs for videos that have no row left (`active` False), and its result is dropped; they may
    have no free column either, so they must not search.
    """
    size = cost.shape[0]
    index = jnp.arange(size, dtype=jnp.int32)
    search = _Search(
        remaining=jnp.maximum(num_columns - 1 - index, 0),
        count=num_columns,
        distance=jnp.full(size, np.inf, jnp.float64),
        previous_row=jnp.full(size, -1, jnp.int32),
        rows_seen=jnp.zeros(size, bool),
        columns_seen=jnp.zeros(size, bool),
        row=start,
        reached=jnp.zeros((), jnp.float64),
        sink=jnp.where(active, jnp.int32(-1), jnp.int32(0)),
    )
    search = jax.lax.while_loop(lambda s: s.sink < 0, lambda s: _extend(cost, duals, s), search)
    moved = search.reached - search.distance
    others = search.rows_seen & (index != start)
    row_price = duals.row_price + jnp.where(others, moved[jnp.maximum(duals.column_of_row, 0)], 0.0)
    row_price = row_price.at[start].add(search.reached)
    column_price = duals.column_price - jnp.where(search.columns_seen, moved, 0.0)

    def flip(carry):
        column, column_of_row, row_of_column, _ = carry
        row = search.previous_row[column]
        following = column_of_row[row]
        return following, column_of_row.at[row].set(column), row_of_column.at[column].set(row), row == start

    carry = (search.sink, duals.column_of_row, duals.row_of_column, ~active)
    _, column_of_row, row_of_column, _ = jax.lax.while_loop(lambda carry: ~carry[3], flip, carry)
    return _Duals(row_price, column_price, column_of_row, row_of_column)


def _extend(cost, duals, search):
    """Reaches the next nearest column."""
    size = cost.shape[0]
    index = jnp.arange(size, dtype=jnp.int32)
    through = search.reached + cost[search.row] - duals.row_price[search.row] - duals.column_price
    nearer = (through < search.distance) & ~search.columns_seen
    distance = jnp.where(nearer, through, search.distance)
    previous_row = jnp.where(nearer, search.row, search.previous_row)

    listed = jnp.where(index < search.count, distance[search.remaining], np.inf)
    reached = jnp.min(listed)
    nearest = (listed == reached) & (index < search.count)
    # Among equally near columns SciPy takes the last free one in its list, otherwise the first.
    free = nearest & (duals.row_of_column[search.remaining] < 0)
    last_free = jnp.max(jnp.where(free, index, -1))
    first = jnp.min(jnp.where(nearest, index, size - 1))
    index = jnp.where(last_free >= 0, last_free, first)
    column = search.remaining[index]
    owner = duals.row_of_column[column]
    return _Search(
        remaining=search.remaining.at[index].set(search.remaining[search.count - 1]),
        count=search.count - 1,
        distance=distance,
        previous_row=previous_row,
        rows_seen=search.rows_seen.at[search.row].set(True),
        columns_seen=search.columns_seen.at[column].set(True),
        row=jnp.where(owner < 0, search.row, owner),
        reached=reached,
        sink=jnp.where(owner < 0, column, jnp.int32(-1)),
    )
