"""One of several processes that train the toy kind together.

python -m tests.frames.process WORKDIR STEPS WORKERS [COORDINATOR COUNT INDEX]
"""

import sys
from pathlib import Path


def main(workdir, steps, workers, address=None, count="1", index="0"):
    # Imported here: the processes that read videos import this module too.
    from fact_jax.app import experiment
    from fact_jax.runtime.processes import group as processes
    from fact_jax.runtime.processes.joining import LaunchConfig
    from tests.frames import kind

    kind.enter()
    config = kind.get_config(train__steps=int(steps), data__num_workers=int(workers))
    launch = LaunchConfig(address, int(count), int(index)) if address else None
    with processes.join(launch) as group:
        return experiment.run(config, Path(workdir), processes=group)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
