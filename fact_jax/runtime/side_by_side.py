"""Batches computed ahead of their turn, small ones several at a time.

XLA gives a convolution over some thousand frames of 128 channels or fewer to one core (jaxlib 0.10.2), so that a
network of such layers leaves the others idle. A second video beside the first one uses them: 0.6 to 0.8 of the time of
one after the other on two cores, the same numbers. From a few thousand frames on XLA divides the work itself.
"""

import collections
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import jax

from fact_jax.runtime import cores

Item = TypeVar("Item")

# Up to here one after the other leaves cores idle; networks of 512 channels, as for Breakfast, take up to 1.1 times as
# long side by side. What a program needs while it runs is there once for each.
MOST_CHANNELS, MOST_FRAMES = 128, 2048
MOST_AT_A_TIME = 8


def is_worth_it(channels: int | None, frames: int) -> bool:
    """Whether batches of so many frames in all rows are faster side by side on a CPU.

    `channels`: of the widest convolution over frames; None: there is none.
    """
    return channels is not None and channels <= MOST_CHANNELS and frames <= MOST_FRAMES


def in_order(
    run: Callable[[Item], Any], items: Iterable[Item], runs_beside: Callable[[Item], bool]
) -> Generator[tuple[Item, Any]]:
    """Yields every item with `run(item)`, in order. Later ones are computed while the caller works on what it got.

    Args:
      run: computes one item, or hands it to a device. Called in this thread, and in others for the items of
        `runs_beside`, with the precision of products that is set here.
      items: read in this thread, one more than can be computed at a time.
      runs_beside: asked before an item is computed: whether others may be computed at the same time.

    What `run` raises is raised in the turn of its item.
    """
    threads = min(cores.available(), MOST_AT_A_TIME)
    precision = jax.config.jax_default_matmul_precision  # pyrefly: ignore[missing-attribute]

    def run_in_thread(item):
        with jax.default_matmul_precision(precision):  # a setting of threads
            return run(item)

    running: collections.deque[tuple[Item, Future]] = collections.deque()
    pool = ThreadPoolExecutor(threads, "batch")
    try:
        for item in items:
            beside = runs_beside(item)
            running.append((item, pool.submit(run_in_thread, item) if beside else _done(run, item)))
            # Of a device that works on its own the next item is handed over before the result of this one is read.
            while len(running) > (threads if beside else 1):
                yield _taken(running)
        while running:
            yield _taken(running)
    finally:
        pool.shutdown(cancel_futures=True)


def _done(run, item):
    future: Future = Future()
    try:
        future.set_result(run(item))
    except Exception as error:
        future.set_exception(error)
    return future


def _taken(running):
    item, future = running.popleft()
    return item, future.result()
