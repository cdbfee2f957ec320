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
from fact_jax.runtime import heaps
from fact_jax.types import UserError

OPTIONS = benchmark_options.define()


def main(argv):
    """Measures, or answers as one of the benchmark's own processes; returns the exit code."""
    del argv
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    try:
        options = OPTIONS()
        if not options.worker:
            benchmark_options.check(options)
        workload = workload_of(
            options.settings,
            frames=options.frames,
            batch=options.batch,
            num_classes=options.classes,
            feature_dim=options.feature_dim,
            pieces=options.segments,
        )
        if options.worker:
            workers.serve(lambda: _subject(options, workload))
            return 0
        # Imported here so that a mistake on the command line is answered at once.
        from fact_jax.benchmark import session

        session.run(options, workload, sys.argv[1:])
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


def _subject(options, workload):
    """What answers in a worker process. Each process imports its own library and no other."""
    if options.worker == "torch":
        from fact_jax.benchmark.torch_reference.subject import TorchSubject

        return TorchSubject(workload, options.folder)
    heaps.share()
    from fact_jax.benchmark.ours import Ours

    eval_batch = options.eval_batch or options.batch or options.settings.eval.batch_size
    return Ours(options.settings, workload, options.folder, eval_batch)


if __name__ == "__main__":
    app.run(main, flags_parser=config_flags.parse)
