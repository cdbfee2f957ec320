"""evaluation.json and results.md of an evaluation in a folder of its own: which videos, which step, which scores.

An evaluation of the best step on the test videos has none: results.json of the run says all that.
"""

import json
import pathlib
from collections.abc import Mapping

from fact_jax import files
from fact_jax.reporting import results, tables
from fact_jax.types import UserError

FILE = "evaluation.json"


def write(folder, record, scores: Mapping[str, float], *, how_scored, means=()):
    """Writes both files.

    Args:
      folder: of the evaluation, below the workdir of its run.
      record: dict with "name", "dataset", "split", "step", "videos" (name of the evaluation, such as "train"), "own"
        (whether that is the run's first one), "title" (the name in words), and "video_ids".
      scores: score by name, NaN where it is undefined.
      how_scored: as for `results.write_results`.
      means: rows of `Evaluation.means`.
    """
    folder = pathlib.Path(folder)
    protocol, *sentences = how_scored
    lines = [f"# Scores: {record['dataset']}, {record['title']}", "", *tables.markdown_table([dict(scores)]), ""]
    lines += [f"Videos: {record['title']} of {record['dataset']}, {record['split']}; {protocol}.", *sentences]
    lines += [f"Parameters: step {record['step']}.", *results.means_lines(means), ""]
    files.atomic_write_text(folder / "results.md", "\n".join(lines))
    content = dict(record) | results.without_nan({"metrics": dict(scores), "means": list(means)})
    files.atomic_write_text(folder / FILE, json.dumps(content, indent=2) + "\n")


def read(folder):
    """What `write` stored in a folder, None if there is nothing; UserError where it is not the record of one."""
    path = pathlib.Path(folder) / FILE
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record["metrics"], dict) or not isinstance(record["title"], str):
            raise ValueError('expected "metrics" and "title"')
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{path} is not the record of an evaluation ({reason}). Repeat its --mode eval.") from error
    return record
