"""One of several processes that train the toy task together, as main.py has it for the real one.

python -m tests.training.toy_process WORKDIR STEPS [COORDINATOR COUNT INDEX]
"""

import contextlib
import dataclasses
import sys
import time
from pathlib import Path

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.processes import group as processes
from fact_jax.runtime.processes.agreement import SharedStop
from fact_jax.runtime.processes.joining import LaunchConfig
from fact_jax.runtime.signals import StopRequest
from fact_jax.training import loop
from fact_jax.training.logging import writers
from tests.training import toy

BATCH_SIZE = 4
STEP_SEC = 0.05  # of every step, so that there is time to interrupt it


def held(batch, share):
    """The part of a batch that a process holds."""
    arrays = {key: array[share] for key, array in batch.arrays.items()}
    return dataclasses.replace(batch, arrays=arrays, first_row=share.start)


class EvalBatches(toy.ToyEvalBatches):
    """The rows of this process."""

    def __init__(self, rows, share):
        super().__init__(rows=rows)
        self._share = share

    def __iter__(self):
        return (held(batch, self._share) for batch in super().__iter__())


def train(group, stop, workdir, num_steps):
    """Runs the loop; returns the outcome."""
    devices = device_layout.choose(BATCH_SIZE)
    group.connect(devices)
    rows = device_layout.num_rows(BATCH_SIZE, len(devices))
    share = device_layout.share(rows, devices)
    console = writers.Console() if group.is_main else writers.WarningsOnly(group.index)
    task = toy.ToyTask(mutable=True)
    batches = toy.ToyTrainBatches(
        rows=rows, lengths=(6,), hook=lambda step: time.sleep(STEP_SEC), cut=lambda batch: (held(batch, share),)
    )
    config = toy.toy_config(train__steps=num_steps, train__log_every=1, optimizer__ema_decay=0.9)
    return loop.train(
        toy.setup_of(
            workdir,
            task,
            config,
            devices=devices,
            console=console,
            eval_batches=EvalBatches(rows, share),
            train_batches=batches,
            stop=stop,
            processes=group,
        )
    )


def main(workdir, num_steps, address=None, count="1", index="0"):
    launch = LaunchConfig(address, int(count), int(index)) if address else None
    with processes.join(launch) as group, SharedStop() if launch else StopRequest() as stop:
        outcome = train(group, stop, Path(workdir), int(num_steps))
    with contextlib.suppress(BrokenPipeError):
        print(outcome, flush=True)
    return 0 if outcome.finished else stop.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
