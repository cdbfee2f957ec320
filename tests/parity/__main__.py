"""Compares this library with numbers of the published implementations.

    python -m tests.parity FILE.npz ... (or .json: CAST's parameter groups)

Prints one line per compared quantity with its largest absolute and relative error and PASS or FAIL, and a line per
file. Exits with 1 if anything failed, with 2 if a file could not be used.
"""

import argparse
import functools
import json
import os
import sys
import zipfile
import zlib

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np

from fact_jax.types import UserError
from tests.parity import (
    actionformer,
    asformer,
    carl,
    carl_augment,
    carl_losses,
    carl_metrics,
    carl_sampling,
    cast,
    cast_groups,
    cast_sampling,
    fact,
    faformer,
    localization_metrics,
    matching,
    metrics,
    nms,
    stages,
    truncation,
)
from tests.parity.report import Row, format_row


def _groups(npz):
    return {name.split("/")[0] for name in npz}


def checker_for(npz, path):
    """Returns the function that checks a file, recognised by what it holds.

    Raises:
      UserError: the file is no fixture of a system of this library.
    """
    if "items" in npz:
        return matching.check
    if set(metrics.PARTS) & set(npz):
        return metrics.check
    if stages.PARTS <= set(npz):
        return functools.partial(stages.check, path=path)
    for marker, check in (
        ("gt_dedup/video", localization_metrics.check),
        ("case0/window", truncation.check),
        ("out/case0/view0/steps", carl_sampling.check),
        ("out/uniform_crop_idx0", carl_augment.check),
        ("out/dtw/path0", carl_metrics.check),
        ("ssv2/test_order", cast_sampling.check),
    ):
        if marker in npz:
            return check
    config = json.loads(str(npz["config"])) if "config" in npz else {}
    if isinstance(config, dict) and {"cases", "variants"} <= set(config):
        return nms.check
    if isinstance(config, dict) and {"composition", "down_ratio"} <= set(config):
        return cast.check
    if isinstance(config, dict) and "backbone_type" in (config.get("model") or ()):
        return actionformer.check
    if "FACT" in config:
        return fact.check
    if isinstance(config, dict) and config.get("model") == "faformer":
        return faformer.check
    if isinstance(config, dict) and config.get("model") == "asformer":
        return asformer.check
    if isinstance(config, dict) and ({"planes", "embed"} <= set(config) or "feat_hw" in config):
        return carl.check
    if isinstance(config, dict) and ("tcc_cases" in config or ("cases" in config and "loss" in _groups(npz))):
        return carl_losses.check
    raise UserError(f"not a fixture of a ported system; it holds {', '.join(sorted(npz)[:5])}, ...")


def _opened(path):
    """The check of a file with what it holds."""
    if str(path).endswith(".json"):
        with open(path, encoding="utf-8") as file:
            return functools.partial(cast_groups.check, json.load(file))
    with np.load(path, allow_pickle=False) as archive:
        npz = {name: archive[name] for name in archive.files}
    return lambda: checker_for(npz, path)(npz)


def check_file(path):
    """Checks one file and returns its rows.

    Raises:
      UserError: the file cannot be read, is no fixture, or its parameters do not fit the model.
    """
    try:
        check = _opened(path)
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"cannot be read: {error}") from error
    try:
        return [Row(*row) for row in check()]
    except KeyError as error:
        raise UserError(f"the file lacks {error}") from error
    except json.JSONDecodeError as error:
        raise UserError(f"the file holds text that is no JSON: {error}") from error


def main(arguments=None):
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE.npz")
    parser.add_argument("--failures", action="store_true", help="print failing lines only")
    options = parser.parse_args(arguments)
    code = 0
    for path in options.files:
        print(f"== {path}", flush=True)
        try:
            rows = check_file(path)
        except UserError as error:
            print(f"{path}: {error}", file=sys.stderr)
            code = 2
            continue
        for row in rows:
            if not (options.failures and row.ok):
                print(format_row(row))
        failed = sum(not row.ok for row in rows)
        print(f"{'FAIL' if failed or not rows else 'PASS'}  {path}: {len(rows) - failed} of {len(rows)} quantities")
        if failed or not rows:
            code = max(code, 1)
    return code


if __name__ == "__main__":
    sys.exit(main())
