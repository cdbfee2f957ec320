"""The result of a finished run: results.json for programs, results.md for people, and its training curves.

results.json is written last, so a workdir that has it holds a finished run.
"""

import json
import math
import pathlib

from fact_jax import files
from fact_jax.reporting import curves, shares, tables
from fact_jax.types import UserError

RESULTS_FILE = "results.json"
_REMEDY = "It was changed or damaged. Remove it; the command of the run writes it again."
_NAMES = ("name", "dataset", "split", "select_metric", "selected_on")
_STEPS = ("best_step", "final_step")


def read_results(workdir):
    """What `write_results` stored in `workdir`, or None; UserError where it is not the result of a run."""
    path = pathlib.Path(workdir) / RESULTS_FILE
    if not path.exists():
        return None
    try:
        results = json.loads(files.read_data(path))
    except (ValueError, OSError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UserError(
            f"{path}{line} cannot be read ({getattr(error, 'strerror', None) or error}). {_REMEDY}"
        ) from error
    if wrong := _what_is_wrong(results):
        raise UserError(f"{path} is not the result of a run: {wrong}. {_REMEDY}")
    return results


def _what_is_wrong(results):
    """What a file has that `write_results` does not write, or ""."""
    if not isinstance(results, dict):
        return "expected an object"
    for keys, kind, expected in ((_NAMES, str, "a text"), (_STEPS, int, "a whole number")):
        for key in keys:
            if type(results.get(key)) is not kind:
                return f"{key!r} is {results.get(key)!r}, expected {expected}"
    metrics, counts = results.get("metrics"), results.get("num_videos")
    if not isinstance(metrics, dict) or not metrics:
        return '"metrics" holds no evaluation'
    for name, found in metrics.items():
        if not isinstance(found, dict) or not found or not found.keys() <= {"best", "final"}:
            return f'"metrics" of {name!r} are {found!r:.80}, expected those of the best and the final step'
        for scores in found.values():
            if not isinstance(scores, dict) or not all(
                value is None or type(value) in (int, float) for value in scores.values()
            ):
                return f"scores of {name!r} are {scores!r:.80}, expected numbers by name"
    means = results.get("means", [])
    if not isinstance(means, list) or not all(isinstance(row, dict) for row in means):
        return f'"means" is {means!r:.80}, expected rows'
    if not isinstance(counts, dict) or not all(type(count) is int for count in counts.values()):
        return f'"num_videos" is {counts!r:.80}, expected numbers by name'
    return ""


def numbers(scores):
    """Scores with NaN where the JSON file has null."""
    return {name: math.nan if value is None else float(value) for name, value in scores.items()}


def write_results(workdir, results, *, how_scored, rows, figures):
    """Writes results.md, figures/training_curves.png if `figures` are wanted and, last, results.json.

    Args:
      workdir: folder of the run.
      results: dict with "name", "dataset", "split", "select_metric", "selected_on" (name of an evaluated subset),
        "best_step", "final_step", "num_videos" (subset -> count), "metrics" (subset -> {"best", "final"} -> scores)
        and, optionally, "means" (rows of `Evaluation.means` of the first subset at the best step).
      how_scored: the protocol in words, and sentences about the metrics, as of `segmentation.tables.how_scored`.
      rows: rows of metrics.jsonl.
    """
    workdir = pathlib.Path(workdir)
    if figures:
        title = f"{results['name']}: {results['dataset']}, {results['split']}"
        figure = curves.plot_training_curves(rows, best_metric=results["select_metric"], title=title)
        files.save_figure(workdir / "figures" / "training_curves.png", figure)
    files.atomic_write_text(workdir / "results.md", results_text(results, how_scored))
    files.atomic_write_text(workdir / RESULTS_FILE, json.dumps(without_nan(results), indent=2) + "\n")


def results_text(results, how_scored):
    """Text of results.md: the first scores of the best step with their protocol, then every evaluator and step."""
    first = next(iter(results["metrics"]))
    count = results["num_videos"][first]
    videos = f"{results['dataset']}, {results['split']}, {first}, {count} video{'s' * (count != 1)}"
    protocol, *sentences = how_scored
    lines = [f"# Results: {results['dataset']}", ""]
    lines += [*tables.markdown_table([numbers(results["metrics"][first]["best"])]), ""]
    lines += [f"Protocol: {videos}; {protocol}.", *sentences, f"Parameters: {selection_text(results)}.", ""]
    lines += ["## Best and final step", "", *tables.markdown_table(table_rows(results))]
    lines += means_lines(
        [row | numbers({name: row[name] for name in ("mean", "std")}) for row in results.get("means", ())]
    )
    return "\n".join(lines) + "\n"


def means_lines(rows):
    """Lines about rows of `Evaluation.means`, none without any."""
    return ["", f"## {means_title(rows)}", "", *tables.markdown_table(rows), "", how_means(rows)] if rows else []


def means_title(rows):
    """What rows of `Evaluation.means` are means over: "Means over videos and classes"."""
    return f"Means over {' and '.join(dict.fromkeys(row['over'] for row in rows))}"


def how_means(rows):
    """What rows of `Evaluation.means` are, in words."""
    words = "A class without a true example counts in no mean. std is the standard deviation of a sample."
    per_video = any("per video" in row["score"] for row in rows)
    return words + ' "Per video" is the mean over the videos that have the class.' * per_video


def selection_text(results):
    """Which parameters the best ones are, in words."""
    return f"best {results['select_metric']} on the {results['selected_on']} videos, step {results['best_step']}"


def table_rows(results):
    """One dict per evaluated subset and step, for `tables.markdown_table`."""
    steps = {"best": results["best_step"], "final": results["final_step"]}
    return [
        {"videos": subset, "parameters": which, "step": steps[which], **numbers(scores)}
        for subset, found in results["metrics"].items()
        for which, scores in found.items()
    ]


def summary(workdir, results):
    """Text that reports a finished run."""
    lines = [f"finished: {results['final_step']} steps; {selection_text(results)}"]
    lines += tables.markdown_table(table_rows(results))
    return "\n".join([*lines, f"results, predictions and figures are in {workdir}"])


def one_line(metrics):
    """{"Edit": 80.0} -> "Edit 80.00"."""
    return "  ".join(f"{name} {value:.{shares.decimals(name)}f}" for name, value in metrics.items())


def without_nan(value):
    """Nested dicts of numbers with None, JSON's null, for what is not finite."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
