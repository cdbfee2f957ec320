"""Command line of fact_jax. What every mode does is in fact_jax/app/commands.py.

python main.py --config configs/fact_synthetic.py --workdir runs/synthetic
python main.py --workdir runs/synthetic --mode eval
python main.py --workdir runs/synthetic --mode predict --input new_features/
"""

import os
import signal
import sys

if __name__ == "__main__":
    # Until a run has something to lose it can end at once, without the traceback of an interrupted import.
    for _signum, _code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        signal.signal(_signum, lambda signum, frame, code=_code: os._exit(code))

from absl import app, flags, logging

from fact_jax.app import command_flags, config_flags
from fact_jax.runtime import background, heaps
from fact_jax.types import UserError

OPTIONS = command_flags.define()


def main(argv):
    """Runs the chosen mode; returns the exit code."""
    del argv
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # Orbax tells a lot otherwise; --verbosity=0 shows it
    try:
        options = OPTIONS()
        command_flags.check(options)
        heaps.share()
        if not (options.distributed or options.coordinator_address):
            # XLA logs an alarm about every compilation of minutes as an error, with no switch of its own; what is
            # compiled is said already. Errors that matter end in exceptions, but for those between processes.
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        # Imported here so that a mistake on the command line is answered at once.
        from fact_jax.app import commands
        from fact_jax.runtime import programs

        programs.serve_one_run()
        return background.leave(commands.run(options))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return background.leave(2)


if __name__ == "__main__":
    app.run(main, flags_parser=config_flags.parse)
