"""What the tools of this package share: exit codes and messages without a traceback."""

import os
import sys

from fact_jax.types import UserError

INTERRUPTED = 130  # what shells report for Ctrl-C


def run(tool, argv=None):
    """Runs `tool(argv)` and ends the program with the exit code it returns.

    Code 2 and a message on stderr for a UserError, 130 after Ctrl-C, 1 when nobody reads the output any more.
    """
    try:
        code = tool(argv)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output, such as `| head`, has seen enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    raise SystemExit(code)
