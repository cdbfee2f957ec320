"""Command line of the benchmark.

python -m fact_jax.benchmark --config configs/fact_breakfast.py --against torch
python -m fact_jax.benchmark --config configs/fact_gtea.py --frames 200,230,270,300 --batch 8 --parts full
"""

import sys

from absl import app, flags, logging

from fact_jax.app import config_flags
from fact_jax.benchmark import options as benchmark_options
from fact_jax.benchmark import workers
from fact_jax.benchmark.workload import workload_of
from fact_jax.types import UserError

OPTIONS = benchmark_options.define()


def main(argv):
    """Measures; returns the exit code."""
    del argv
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    try:
        options = OPTIONS()
        benchmark_options.check(options)
        sizes = options.frames, options.batch, options.classes, options.feature_dim, options.segments
        workload = workload_of(options.settings, *sizes)
        # Imported here so that a mistake on the command line is answered at once.
        from fact_jax.benchmark import session

        session.run(options, workload)
        return 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except workers.WorkerDied as error:
        print(f"error: {error}. Memory may have run out: try a smaller --batch or fewer --frames.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    app.run(main, flags_parser=config_flags.parse)
